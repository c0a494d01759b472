package cluster_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sori/cluster"
	"sori/history"
	"sori/history/historytest"
	"sori/history/redisstore"
	"sori/history/redisstore/redistest"
	"sori/session/resume"
)

// Through all of Redis' troubles a holder goes on, and what it said in between
// is there afterwards.
func TestRedisTrouble(t *testing.T) {
	t.Parallel()
	server := redistest.Prepare(t, "--appendfsync", "always", "--enable-debug-command", "yes")
	a := start(t, server.URL(), cluster.Options{LeaseTime: 300 * time.Millisecond})
	l := mustOpen(t, a, "1") // Redis is down
	l.Save([]byte("state"))
	say(l, 1, 10)
	if a.Status().Down == nil {
		t.Error("nobody noticed")
	}
	server.Start(t)
	written(t, a, server, "1", 10)
	last := 10
	for name, trouble := range map[string]struct{ begin, end func() }{
		"killed":    {func() { server.Kill(t) }, func() { server.Start(t) }},
		"stopped":   {func() { server.Stop(t) }, func() { server.Start(t) }},
		"hangs":     {func() { server.Freeze(t) }, func() { server.Thaw(t) }},
		"replica":   {func() { server.Do(t, "REPLICAOF", "127.0.0.1", "1") }, func() { server.Do(t, "REPLICAOF", "NO", "ONE") }},
		"full":      {func() { server.Do(t, "CONFIG", "SET", "maxmemory", "1") }, func() { server.Do(t, "CONFIG", "SET", "maxmemory", "0") }},
		"no script": {func() { server.Do(t, "SCRIPT", "FLUSH") }, func() {}},
		"late":      {func() { server.Do(t, "DEBUG", "SLEEP", "0.3") }, func() {}},
	} {
		trouble.begin()
		say(l, last+1, last+10)
		last += 10
		time.Sleep(400 * time.Millisecond) // longer than the lease
		trouble.end()
		say(l, last+1, last+10)
		last += 10
		written(t, a, server, "1", last)
		if !open(l.Lost()) || !open(l.Asked()) {
			t.Fatalf("%s: the session is lost", name)
		}
	}
	b := start(t, server.URL(), cluster.Options{})
	release(t, l, false)
	heir, in := mustTake(t, b, "1", 0)
	wantLog(t, in, 1, last)
	if string(in.State) != "state" {
		t.Errorf("the state is %q", in.State)
	}
	release(t, heir, true)
	eventually(t, func() error { return a.Status().Down })
}

// A Redis that comes back without what it had acknowledged is told again.
func TestRedisForgets(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a := start(t, server.URL(), cluster.Options{LeaseTime: 300 * time.Millisecond})
	b := start(t, server.URL(), cluster.Options{LeaseTime: 300 * time.Millisecond})
	quiet, loud := mustOpen(t, a, "1"), mustOpen(t, a, "2")
	quiet.Save([]byte("state"))
	say(loud, 1, 10)
	written(t, a, server, "2", 10)
	server.Do(t, "FLUSHALL")
	say(loud, 11, 20) // at once
	written(t, a, server, "2", 20)
	eventually(t, func() error {
		if got := fmt.Sprint(server.Do(t, "HMGET", "sori:{u:user+of+1}:s:1", "state")); got != "[state]" {
			return fmt.Errorf("the state is %v", got)
		}
		if got := keysOf(t, server, "sori:session:1"); len(got) != 1 {
			return errors.New("the index does not know it")
		}
		return nil
	})
	release(t, loud, false)
	release(t, quiet, false)
	heir, in := mustTake(t, b, "2", 0)
	wantLog(t, in, 11, 20)
	release(t, heir, true)
	heir, _ = mustTake(t, b, "1", 0)
	if heir.Fence() <= quiet.Fence() {
		t.Error("the fence does not grow")
	}
	release(t, heir, true)
}

// A failover that loses a take-over: of the two that believe they hold the
// session the later one does.
func TestTwoBelieve(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	o := cluster.Options{LeaseTime: 300 * time.Millisecond}
	a, b := start(t, server.URL(), o), start(t, server.URL(), o)
	first := mustOpen(t, a, "1")
	a.kill() // it sleeps
	second, _ := mustTake(t, b, "1", 0)
	server.Do(t, "HSET", "sori:{u:user+of+1}:s:1", "fence", first.Fence())
	say(second, 1, 3)
	written(t, b, server, "1", 3)
	if err := first.Release(t.Context(), true); !errors.Is(err, resume.ErrFenced) {
		t.Errorf("Release: %v", err)
	}
	if !open(second.Lost()) {
		t.Error("the later one has lost it")
	}
	release(t, second, true)
}

// The fence of a session holds for its turns, also when it has ended since.
func TestTurnsAreFenced(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	o := cluster.Options{LeaseTime: 300 * time.Millisecond}
	a, b := start(t, server.URL(), o), start(t, server.URL(), o)
	store, err := redisstore.New(a.conn, redisstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	turn := func(n int, l resume.Lease) error {
		x := historytest.Turn(session("1").User, n)
		x.SessionID, x.Fence = "1", l.Fence()
		return store.Append(t.Context(), x)
	}
	old := mustOpen(t, a, "1")
	if err := turn(1, old); err != nil {
		t.Error(err)
	}
	a.kill()
	heir, _ := mustTake(t, b, "1", 0)
	if err := turn(2, old); !errors.Is(err, history.ErrFenced) {
		t.Errorf("a turn of the one that slept: %v", err)
	}
	if err := turn(2, heir); err != nil {
		t.Error(err)
	}
	release(t, heir, true)
	if err := turn(3, old); !errors.Is(err, history.ErrFenced) {
		t.Errorf("a turn of the one that slept longer: %v", err)
	}
}

// What waits in memory has a bound, for a session and for all.
func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	server := redistest.Prepare(t)
	a := start(t, server.URL(), cluster.Options{MaxQueueBytes: 10_000, MaxQueueTotal: 15_000})
	one, two := mustOpen(t, a, "1"), mustOpen(t, a, "2")
	for n := range 100 {
		for _, l := range []resume.Lease{one, two} {
			l.Append(resume.Message{Seq: uint64(n + 1), Data: make([]byte, 1000)})
		}
	}
	if s := a.Status(); s.Queued > 15_000 || s.Dropped < 150 || s.Held != 2 {
		t.Errorf("status %+v", s)
	}
	server.Start(t)
	written(t, a, server, "1", 100)
	eventually(t, func() error {
		if s := a.Status(); s.Queued != 0 {
			return fmt.Errorf("status %+v", s)
		}
		return nil
	})
	release(t, one, false)
	heir, in := mustTake(t, start(t, server.URL(), cluster.Options{}), "1", 1)
	if len(in.Log) == 0 || in.Log[len(in.Log)-1].Seq != 100 || in.Log[0].Seq < 80 {
		t.Errorf("%d messages", len(in.Log))
	}
	release(t, heir, true)
	release(t, two, true)
}

// Nothing of a session stays in Redis when nobody comes back for it.
func TestNothingStays(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	o := cluster.Options{LeaseTime: 200 * time.Millisecond, KeepTime: 400 * time.Millisecond}
	a := start(t, server.URL(), o)
	waits, ends, dies := mustOpen(t, a, "1"), mustOpen(t, a, "2"), mustOpen(t, a, "3")
	for _, l := range []resume.Lease{waits, ends, dies} {
		l.Save([]byte("state"))
		say(l, 1, 5)
	}
	time.Sleep(time.Second) // longer than any of the times: they are renewed
	if got := keysOf(t, server, "*"); len(got) != 15 {
		t.Errorf("%d keys: %v", len(got), got)
	}
	release(t, ends, true)
	if got := keysOf(t, server, "*2*"); len(got) != 0 {
		t.Errorf("of the session that has ended there is %v", got)
	}
	release(t, waits, false)
	a.kill()
	for _, key := range keysOf(t, server, "*") {
		if ms, _ := server.Do(t, "PTTL", key).(int64); ms < 0 {
			t.Errorf("%s stays for ever", key)
		}
	}
	eventually(t, func() error {
		if got := keysOf(t, server, "*"); len(got) != 0 {
			return errors.New(strings.Join(got, " "))
		}
		return nil
	})
	wantNoSession(t, start(t, server.URL(), o), claim("1", 0))
}

// Some processes take some sessions from each other all the time: one holds a
// session at a time, and each message is there once, whoever wrote it.
func TestWalk(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	const sessions, processes, rounds = 4, 3, 25
	var ps [processes]*process
	for i := range ps {
		ps[i] = start(t, server.URL(), cluster.Options{LeaseTime: 3 * time.Second})
	}
	var wg sync.WaitGroup
	for n := range sessions {
		wg.Go(func() {
			id := fmt.Sprint("s", n)
			var holders atomic.Int32
			var said atomic.Int64
			hold := func(l resume.Lease) {
				if holders.Add(1) != 1 {
					t.Errorf("%s: two hold it", id)
				}
				<-l.Asked()
				first := int(said.Load()) + 1
				last := first + int(said.Add(7)) - first
				say(l, first, last)
				holders.Add(-1)
				if err := l.Release(t.Context(), false); err != nil {
					t.Errorf("%s: %v", id, err)
				}
			}
			random := rand.New(rand.NewPCG(seed, uint64(n)))
			var held sync.WaitGroup
			l := mustOpen(t, ps[random.IntN(processes)], id)
			fence := l.Fence()
			for range rounds {
				held.Go(func() { hold(l) })
				heir, in := mustTake(t, ps[random.IntN(processes)], id, 0)
				wantLog(t, in, 1, int(said.Load()))
				if heir.Fence() <= fence || !in.Clean {
					t.Errorf("%s: fence %d after %d", id, heir.Fence(), fence)
				}
				l, fence = heir, heir.Fence()
				held.Wait()
			}
			release(t, l, true)
		})
	}
	wg.Wait()
}

// A promoted replica has an older state than its master had: it gets the latest
// one with the next renewal, and with the release at the latest.
func TestAReplicaThatMissedTheState(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	const hash = "sori:{u:user+of+1}:s:1"
	stands := func() error {
		if got := fmt.Sprint(server.Do(t, "HGET", hash, "state")); got != "third" {
			return fmt.Errorf("the state is %q", got)
		}
		return nil
	}
	for name, after := range map[string]func(l resume.Lease){
		"it is renewed": func(resume.Lease) { eventually(t, stands) },
		"it is let go":  func(l resume.Lease) { release(t, l, false) },
	} {
		lease := 10 * time.Second
		if name == "it is renewed" {
			lease = 300 * time.Millisecond
		}
		a := start(t, server.URL(), cluster.Options{LeaseTime: lease})
		l := mustOpen(t, a, "1")
		for _, state := range []string{"first", "second", "third"} {
			l.Save([]byte(state))
			time.Sleep(10 * time.Millisecond) // any of them may be skipped
		}
		eventually(t, stands)
		server.Do(t, "HSET", hash, "state", "second", "version", 2)
		after(l)
		if err := stands(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		server.Do(t, "DEL", hash, hash+":lease")
	}
}

// A promoted replica knows nothing of the last renewals, and has an older state.
// Nobody gets the session before its holder could say otherwise; where that is
// dead, the heir waits for a lease's time.
func TestAPromotedReplicaAsksTheHolderFirst(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	const hash, lease = "sori:{u:user+of+1}:s:1", 600 * time.Millisecond
	a := start(t, server.URL(), cluster.Options{LeaseTime: lease})
	b := start(t, server.URL(), cluster.Options{LeaseTime: lease})
	promote := func() {
		server.Do(t, "HSET", hash, "run", "another", "state", "old", "version", 1)
		server.Do(t, "DEL", hash+":lease")
	}
	l := mustOpen(t, a, "1")
	l.Save([]byte("old"))
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.Save([]byte("new"))
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	promote()
	var letGo sync.WaitGroup
	letGo.Go(func() {
		closed(t, "the question for the session", l.Asked())
		release(t, l, false)
	})
	heir, in := mustTake(t, b, "1", 0)
	letGo.Wait()
	if string(in.State) != "new" || !in.Clean {
		t.Errorf("from a living holder: %q, clean %v", in.State, in.Clean)
	}
	heir.Save([]byte("newest"))
	if err := heir.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.kill()
	promote()
	began := time.Now()
	last, in := mustTake(t, a, "1", 0)
	if string(in.State) != "old" || time.Since(began) < lease {
		t.Errorf("from a dead holder: %q after %v", in.State, time.Since(began))
	}
	release(t, last, true)
}

// What was flushed an heir has, however long messages gather otherwise; and the
// writes that follow are not passed over.
func TestFlush(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a := start(t, server.URL(), cluster.Options{LeaseTime: 300 * time.Millisecond, FlushEvery: 100 * time.Millisecond})
	l := mustOpen(t, a, "1")
	for n := range 30 {
		say(l, n+1, n+1)
		if n%3 == 0 {
			continue
		}
		if err := l.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(server.Do(t, "HMGET", "sori:{u:user+of+1}:s:1", "last")); got != fmt.Sprintf("[%d]", n+1) {
			t.Fatalf("after message %d was flushed the log ends with %s", n+1, got)
		}
	}
	say(l, 31, 31)
	written(t, a, server, "1", 31) // by the directory itself
	l.Save([]byte("state"))
	say(l, 32, 32)
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.kill()
	heir, in := mustTake(t, start(t, server.URL(), cluster.Options{}), "1", 0)
	wantLog(t, in, 1, 32)
	if string(in.State) != "state" {
		t.Errorf("the state is %q", in.State)
	}
	if err := l.Flush(t.Context()); err != nil {
		t.Errorf("with nothing to write: %v", err)
	}
	say(l, 33, 33)
	if err := l.Flush(t.Context()); !errors.Is(err, resume.ErrFenced) {
		t.Errorf("after another has taken it: %v", err)
	}
	release(t, heir, true)
	server.Kill(t)
	b := mustOpen(t, a, "2")
	say(b, 1, 1)
	began := time.Now()
	if err := b.Flush(t.Context()); err == nil || time.Since(began) > time.Second {
		t.Errorf("without Redis: %v after %v", err, time.Since(began))
	}
}
