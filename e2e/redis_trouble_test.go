//go:build e2e

package e2e_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"sori/client"
	"sori/history"
	"sori/history/redisstore/redistest"
)

var redisGone = flag.Duration("redis-gone", 3*time.Second, "for how long TestEveryTroubleOfRedis takes Redis away")

// Redis is slow, full, read-only, without its replicas, and gone, one after the
// other: conversations go on, their clients are warned, turns wait on the disk,
// and all of them are in history in the end, once and in order.
func TestEveryTroubleOfRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	wire := newLink(t, server.Addr())
	waited := map[string]int{}
	st := crowdOn(t, "redis://"+wire.addr()+"/0", 12, 0, func(ctx context.Context, st *scene) {
		set := func(name, value string) func() { return func() { server.Do(st.t, "CONFIG", "SET", name, value) } }
		for _, x := range []struct {
			name       string
			lasts      time.Duration
			begin, end func()
		}{
			{"slow", 2 * time.Second, func() { wire.slow(150 * time.Millisecond) }, func() { wire.slow(0) }},
			{"far too slow", 4 * time.Second, func() { wire.slow(3 * time.Second) }, func() { wire.slow(0) }},
			{"full", 2 * time.Second, set("maxmemory", "1"), set("maxmemory", "0")},
			{"read-only", 2 * time.Second, func() { server.Do(st.t, "REPLICAOF", "127.0.0.1", "1") }, func() { server.Do(st.t, "REPLICAOF", "NO", "ONE") }},
			{"without replicas", 2 * time.Second, set("min-replicas-to-write", "1"), set("min-replicas-to-write", "0")},
			{"gone", *redisGone, func() { server.Kill(st.t) }, func() { server.Start(st.t) }},
		} {
			x.begin()
			pause(ctx, x.lasts)
			for _, s := range st.two {
				waited[x.name] += spooled(st.t, s)
				if mb := residentMB(st.t, s.cmd.Process.Pid); mb > 300 {
					st.t.Errorf("%s: sori takes %d MB", x.name, mb)
				}
			}
			x.end()
			pause(ctx, 500*time.Millisecond)
		}
	})
	for _, trouble := range []string{"far too slow", "full", "read-only", "without replicas", "gone"} {
		if waited[trouble] == 0 {
			t.Errorf("%s: no turn waited on the disk: the test shows little", trouble)
		}
	}
	if st.delayed == 0 {
		t.Error("nobody was warned")
	}
	t.Logf("turns on the disk at the end of each trouble: %v; %d warnings", waited, st.delayed)
	turns := fmt.Sprint(server.Do(t, "MEMORY", "USAGE", "sori:{u:crowd-0}:turns", "SAMPLES", "0"))
	t.Logf("%s bytes for the %v turns of one user", turns, server.Do(t, "LLEN", "sori:{u:crowd-0}:turns"))
}

// spooled is how many turns wait on the server's disk.
func spooled(t *testing.T, s *sori) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.data, "spool", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// Redis is away, and sori is killed, twice: what it acknowledged is on its disk,
// and in Redis when that is back.
func TestKilledWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	r := newRedis(t)
	r.start()
	args := append(scriptedArgs(scripted(t)), "--store", r.url(), "--data", t.TempDir())
	const people = 6
	said := make([][]string, people)
	var s *sori
	for life := range 3 {
		s = serve(t, args...)
		if life == 0 {
			pause(t.Context(), 300*time.Millisecond)
			r.stop()
		}
		var wg sync.WaitGroup
		for who := range people {
			wg.Go(func() { said[who] = append(said[who], typeUntilItDies(t, s, fmt.Sprintf("away-%d", who))...) })
		}
		pause(t.Context(), 1500*time.Millisecond)
		if life == 2 {
			r.start()
			pause(t.Context(), time.Second)
		}
		s.kill()
		wg.Wait()
	}
	s = serve(t, args...)
	total := 0
	for who, want := range said {
		user := fmt.Sprintf("away-%d", who)
		turnsOf(t, s, user, len(want))
		kept := turnIDs(t, s, user)
		// What was kept and not told when it died may be there, too.
		got := slices.DeleteFunc(slices.Clone(kept), func(id string) bool { return !slices.Contains(want, id) })
		if !slices.Equal(got, want) {
			t.Errorf("%s: history has %v, want %v", user, got, want)
		}
		total += len(want)
	}
	t.Logf("%d turns acknowledged in three lives, all in history, once and in order", total)
	if total < 10*people {
		t.Errorf("only %d turns: the test shows little", total)
	}
}

// typeUntilItDies types one turn after another and gives the ids of those that
// sori acknowledged.
func typeUntilItDies(t *testing.T, s *sori, user string) (ids []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := client.Dial(ctx, s.ws(), client.Options{})
	if err != nil {
		return nil
	}
	defer conn.CloseNow()
	atOnce := 0
	c := format(16000)
	c.PaceMS, c.User = &atOnce, &user
	if _, err := conn.Configure(ctx, c, nil); err != nil {
		return nil
	}
	for {
		a, err := conn.Ask(ctx, client.Turn{Text: "hello"}, nil, nil)
		switch _, broke := errors.AsType[*client.CloseError](err); {
		case err != nil && broke:
			return ids
		case err != nil || a.Record.Status != history.Done:
			t.Errorf("%s: %v, %+v", user, err, a.Record.Error)
			return ids
		}
		ids = append(ids, a.Record.ID)
	}
}
