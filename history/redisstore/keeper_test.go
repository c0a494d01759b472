package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"sori/history"
	"sori/history/historytest"
	"sori/history/redisstore"
	"sori/history/redisstore/redistest"
)

// patience is how long a call may take: a busy disk takes longer than loopback.
const patience = 800 * time.Millisecond

// Through all of Redis' troubles every turn that a session was told is safe gets
// there: once, and in order.
func TestKeeperThroughTrouble(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--appendfsync", "always")
	s := open(t, server.URL(), redisstore.Options{Timeout: patience}) // each write is synced
	k, err := history.NewKeeper(s, history.KeeperOptions{
		Dir: t.TempDir(), Timeout: patience + 100*time.Millisecond, MinBackoff: 10 * time.Millisecond, MaxBackoff: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var run, speak sync.WaitGroup
	run.Go(func() {
		if err := k.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	})
	const users = 6
	kept, delayed := make([]int, users), make([]int, users)
	speaking, hush := context.WithCancel(ctx)
	for u := range users {
		speak.Go(func() {
			for speaking.Err() == nil {
				late, err := k.Keep(t.Context(), historytest.Turn(fmt.Sprint("user", u), kept[u]))
				if err != nil {
					t.Errorf("Keep: %v", err)
					return
				}
				kept[u]++
				if late != nil {
					delayed[u]++
				}
				time.Sleep(50 * time.Millisecond) // a user who speaks twenty times a second
			}
		})
	}
	const short = 150 * time.Millisecond
	for _, trouble := range []struct {
		lasts      time.Duration
		begin, end func()
	}{
		{short, func() { server.Kill(t) }, func() { server.Start(t) }},
		{patience + short, func() { server.Freeze(t) }, func() { server.Thaw(t) }},
		{short, func() { server.Do(t, "REPLICAOF", "127.0.0.1", "1") }, func() { server.Do(t, "REPLICAOF", "NO", "ONE") }},
		{short, func() { server.Do(t, "CONFIG", "SET", "maxmemory", "1") }, func() { server.Do(t, "CONFIG", "SET", "maxmemory", "0") }},
		{short, func() { server.Stop(t) }, func() { server.Start(t) }},
	} {
		trouble.begin()
		time.Sleep(trouble.lasts)
		trouble.end()
		eventually(t, func() error {
			return errors.Join(s.Ping(t.Context()), k.Status().Down)
		})
	}
	hush()
	speak.Wait()
	// What waits when the process ends stays on the disk; here it is to get home.
	eventually(t, func() error {
		if st := k.Status(); st.OnDisk+st.InMemory > 0 {
			return fmt.Errorf("%d turns still wait", st.OnDisk+st.InMemory)
		}
		return s.Ping(t.Context())
	})
	cancel()
	run.Wait()
	if err := k.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for u := range users {
		turns, err := s.Recent(t.Context(), fmt.Sprint("user", u), 1_000_000)
		if err != nil {
			t.Fatal(err)
		}
		if len(turns) != kept[u] || delayed[u] == 0 {
			t.Errorf("user %d: %d turns are there, %d were kept, %d of them delayed", u, len(turns), kept[u], delayed[u])
		}
		for i := range turns {
			if turns[i].Number != i {
				t.Fatalf("user %d: at %d is turn %d", u, i, turns[i].Number)
			}
		}
	}
	t.Logf("kept %v turns, of which %v were delayed", kept, delayed)
}
