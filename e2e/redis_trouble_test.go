//go:build e2e

package e2e_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sori/client"
	"sori/history"
	"sori/history/redisstore/redistest"
	"sori/protocol"
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
// and in Redis when that is back. Whose session was noted before goes on then,
// though from an older state than its client knows: no number comes twice.
func TestKilledWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	r := newRedis(t)
	r.start()
	args := append(scriptedArgs(scripted(t)), "--store", r.url(), "--data", t.TempDir(), "--lease-time", "1s")
	s := serve(t, args...)
	args = append(args, "--addr", s.addr)
	over := make(chan struct{})
	var all []*typist
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	come := func(people int, goesOn bool) (came []*typist) {
		for range people {
			p := &typist{user: fmt.Sprintf("away-%d", len(all)), goesOn: goesOn}
			all, came = append(all, p), append(came, p)
			wg.Go(func() { p.talk(t, s, over) })
		}
		return came
	}
	// Turns are waited for, and not time: a disk may be slow.
	first := come(6, true)
	wait(t, first, "3 turns in Redis", func(p *typist) bool { return p.ended.Load() >= 3 })
	r.stop()
	wait(t, first, "10 turns", func(p *typist) bool { return p.ended.Load() >= 10 })
	s.kill()
	s = serve(t, args...)
	second := come(3, false) // no Redis ever heard of these
	wait(t, second, "10 turns while Redis is away", func(p *typist) bool { return p.ended.Load() >= 10 })
	s.kill()
	r.start()
	s = serve(t, args...)
	wait(t, first, "a turn in the third life", func(p *typist) bool { return p.since.Load() >= 1 })
	close(over)
	wg.Wait()
	total := 0
	for _, p := range all {
		p.compare(t, s, p.user)
		total += len(p.records)
	}
	t.Logf("%d turns acknowledged in three lives, all in history, once and in order", total)
}

// typist is somebody who types one turn after another.
type typist struct {
	ledger

	user   string
	goesOn bool         // whatever happens, its session does
	ended  atomic.Int64 // turns
	since  atomic.Int64 // turns that ended after the session went on
	gone   atomic.Bool  // it types no more
}

// typing bounds it all, on a disk that takes a second for each turn.
const typing = 3 * time.Minute

// wait waits until it is so for each of them.
func wait(t *testing.T, people []*typist, what string, so func(*typist) bool) {
	t.Helper()
	deadline := time.Now().Add(typing)
	for _, p := range people {
		for ; !so(p); time.Sleep(5 * time.Millisecond) { // polled
			if p.gone.Load() || time.Now().After(deadline) {
				t.Fatalf("%s: no %s: %d turns ended, %d of them after it went on", p.user, what, p.ended.Load(), p.since.Load())
			}
		}
	}
}

func (p *typist) talk(t *testing.T, s *sori, over <-chan struct{}) {
	defer p.gone.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), typing)
	defer cancel()
	conn, err := client.Dial(ctx, s.ws(), client.Options{Resume: time.Minute})
	if err != nil {
		t.Errorf("%s: %v", p.user, err)
		return
	}
	defer conn.CloseNow()
	atOnce := 0
	c := format(16000)
	c.PaceMS, c.User = &atOnce, &p.user
	if _, err := conn.Configure(ctx, c, p.see); err != nil {
		t.Errorf("%s: %v", p.user, err)
		return
	}
	resumed := false
	for {
		select {
		case <-over:
			return
		default:
		}
		a, err := conn.Ask(ctx, client.Turn{Text: "hello"}, func(m client.Message) {
			p.see(m)
			if _, ok := m.Event.(protocol.Resumed); ok {
				resumed = true
			}
		}, nil)
		switch _, broke := errors.AsType[*client.CloseError](err); {
		case err != nil && broke && !p.goesOn:
			return
		case err != nil || a.Record.Status != history.Done:
			t.Errorf("%s: %v, %+v", p.user, err, a.Record.Error)
			return
		}
		p.ended.Add(1)
		if resumed {
			p.since.Add(1)
		}
	}
}
