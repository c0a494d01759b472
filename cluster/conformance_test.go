package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"sori/cluster"
	"sori/history/redisstore/redistest"
	"sori/redisconn"
	"sori/session/resume"
)

func TestOneServer(t *testing.T) {
	t.Parallel()
	conformance(t, redistest.Start(t).URL())
}

func TestCluster(t *testing.T) {
	t.Parallel()
	conformance(t, redistest.StartCluster(t, 3).URL())
}

func TestSentinel(t *testing.T) {
	t.Parallel()
	conformance(t, "redis+sentinel://"+redistest.Start(t).Sentinel(t)+"/0?master_name=main")
}

// conformance is what a directory does for those who use it, on any kind of Redis.
func conformance(t *testing.T, url string) {
	t.Helper()
	for name, test := range map[string]func(t *testing.T, a, b *process){
		"handed over":        testHandOver,
		"asked for":          testAsked,
		"not let go":         testNotLetGo,
		"died":               testDied,
		"nothing to take":    testNothing,
		"the log has bounds": testBounds,
		"a gap":              testGap,
		"many at once":       testMany,
		"a user is deleted":  testDelete,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := cluster.Options{Prefix: t.Name() + ":", MaxLog: 100, MaxLogBytes: 10_000, LeaseTime: 1200 * time.Millisecond}
			test(t, start(t, url, o), start(t, url, o))
		})
	}
}

func testHandOver(t *testing.T, a, b *process) {
	t.Helper()
	l := mustOpen(t, a, "1")
	l.Save([]byte("early"))
	say(l, 1, 40)
	l.Save([]byte("late"))
	release(t, l, false)
	l.Append(resume.Message{Seq: 41}) // of no effect, and no harm
	l.Save([]byte("too late"))

	heir, in := mustTake(t, b, "1", 10)
	wantLog(t, in, 11, 40)
	if string(in.State) != "late" || !in.Clean || in.Session != session("1") || heir.Fence() <= l.Fence() {
		t.Errorf("inherited %+v with fence %d after %d", in, heir.Fence(), l.Fence())
	}
	say(heir, 41, 50)
	release(t, heir, false)
	again, in := mustTake(t, a, "1", 39)
	wantLog(t, in, 40, 50)
	if string(in.State) != "late" {
		t.Errorf("the state is %q", in.State)
	}
	release(t, again, true)
	wantNoSession(t, b, claim("1", 0))
	if s := a.Status(); s.Held != 0 || s.Queued != 0 || s.Dropped != 0 || s.Down != nil {
		t.Errorf("status %+v", s)
	}
}

func testAsked(t *testing.T, a, b *process) {
	t.Helper()
	l := mustOpen(t, a, "1")
	say(l, 1, 3)
	go func() {
		<-l.Asked()
		say(l, 4, 5)
		if err := l.Release(context.WithoutCancel(t.Context()), false); err != nil {
			t.Errorf("Release: %v", err)
		}
	}()
	began := time.Now()
	heir, in := mustTake(t, b, "1", 0)
	if took := time.Since(began); took > 400*time.Millisecond {
		t.Logf("took %v: the message that it is free was late", took)
	}
	wantLog(t, in, 1, 5)
	if !in.Clean || !open(heir.Asked()) || !open(heir.Lost()) {
		t.Errorf("inherited %+v", in)
	}
	release(t, heir, true)
}

func testNotLetGo(t *testing.T, a, b *process) {
	t.Helper()
	l := mustOpen(t, a, "1")
	ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond) // longer than the lease: it is renewed
	defer cancel()
	if _, _, err := b.Take(ctx, claim("1", 0)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	closed(t, "the question", l.Asked())
	if !open(l.Lost()) {
		t.Error("its holder lost a session that it renewed")
	}
	release(t, l, true)
}

func testDied(t *testing.T, a, b *process) {
	t.Helper()
	l := mustOpen(t, a, "1")
	l.Save([]byte("state"))
	say(l, 1, 3)
	eventually(t, func() error {
		if s := a.Status(); s.Queued > 0 {
			return errors.New("not written")
		}
		return nil
	})
	time.Sleep(50 * time.Millisecond) // what was taken out of the queue is written
	a.kill()
	heir, in := mustTake(t, b, "1", 0)
	wantLog(t, in, 1, 3)
	if in.Clean || string(in.State) != "state" {
		t.Errorf("inherited %+v", in)
	}
	// It was not dead, but asleep.
	say(l, 4, 5)
	if err := l.Release(t.Context(), false); !errors.Is(err, resume.ErrFenced) {
		t.Errorf("Release of the one that slept: %v", err)
	}
	closed(t, "the loss", l.Lost())
	say(heir, 4, 4)
	release(t, heir, false)
	last, in := mustTake(t, b, "1", 0)
	wantLog(t, in, 1, 4)
	release(t, last, true)
}

func testNothing(t *testing.T, a, b *process) {
	t.Helper()
	release(t, mustOpen(t, a, "1"), false)
	wantNoSession(t, b, claim("2", 0))
	wrong := claim("1", 0)
	wrong.KeyHash = "guessed"
	wantNoSession(t, b, wrong)
	wrong = claim("1", 0)
	wrong.Owner = "key-2"
	wantNoSession(t, b, wrong)
	l, in := mustTake(t, b, "1", 0)
	if in.State != nil || in.Log != nil || in.LastSeq != 0 {
		t.Errorf("inherited %+v", in)
	}
	release(t, l, true)
	wantNoSession(t, a, claim("1", 0))
}

func testBounds(t *testing.T, a, b *process) {
	t.Helper()
	l := mustOpen(t, a, "1")
	say(l, 1, 1000)
	release(t, l, false)
	heir, in := mustTake(t, b, "1", 5)
	wantLog(t, in, 901, 1000)
	for n := range 30 {
		heir.Append(resume.Message{Seq: uint64(1001 + n), Data: make([]byte, 1000)})
	}
	release(t, heir, false)
	last, in := mustTake(t, a, "1", 5)
	if len(in.Log) != 10 || in.Log[0].Seq != 1021 || in.LastSeq != 1030 {
		t.Errorf("%d messages from %d to %d", len(in.Log), in.Log[0].Seq, in.LastSeq)
	}
	last.Append(resume.Message{Seq: 1031, Data: make([]byte, 20_000)}) // alone too much
	release(t, last, false)
	l, in = mustTake(t, b, "1", 5)
	if len(in.Log) != 0 || in.LastSeq != 1031 {
		t.Errorf("%d messages to %d", len(in.Log), in.LastSeq)
	}
	release(t, l, true)
}

func testGap(t *testing.T, a, b *process) {
	t.Helper()
	l := mustOpen(t, a, "1")
	say(l, 1, 10)
	say(l, 14, 20)
	release(t, l, false)
	heir, in := mustTake(t, b, "1", 5)
	wantLog(t, in, 14, 20)
	release(t, heir, true)
}

func testMany(t *testing.T, a, b *process) {
	t.Helper()
	const sessions = 150
	for n := range sessions {
		l := mustOpen(t, a, fmt.Sprint("s", n))
		l.Save(fmt.Append(nil, n))
		say(l, 1, 5)
		if n%2 == 0 {
			release(t, l, false)
		}
	}
	if s := a.Status(); s.Held != sessions/2 {
		t.Errorf("status %+v", s)
	}
	time.Sleep(1500 * time.Millisecond) // longer than the lease
	a.kill()
	for n := range sessions {
		l, in := mustTake(t, b, fmt.Sprint("s", n), 2)
		wantLog(t, in, 3, 5)
		if string(in.State) != fmt.Sprint(n) || in.Clean != (n%2 == 0) {
			t.Errorf("session %d: inherited %+v", n, in)
		}
		release(t, l, true)
	}
}

func testDelete(t *testing.T, a, b *process) {
	t.Helper()
	mine, others := mustOpen(t, a, "1"), mustOpen(t, a, "2")
	say(mine, 1, 5)
	if err := b.DeleteUser(t.Context(), session("1").User); err != nil {
		t.Fatal(err)
	}
	closed(t, "the loss", mine.Lost())
	if err := mine.Release(t.Context(), false); !errors.Is(err, resume.ErrFenced) {
		t.Errorf("Release: %v", err)
	}
	wantNoSession(t, b, claim("1", 0))
	if !open(others.Lost()) {
		t.Error("another user's session is lost")
	}
	own := mustOpen(t, b, "3")
	if err := b.DeleteUser(t.Context(), session("3").User); err != nil {
		t.Fatal(err)
	}
	closed(t, "the loss", own.Lost())
	release(t, others, true)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	conn, err := redisconn.Open("redis://127.0.0.1:1", redisconn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cluster.New(conn, cluster.Options{Prefix: "{}"}); err == nil {
		t.Error("a prefix with braces was taken")
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}
