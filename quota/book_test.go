package quota_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sori/quota"
)

var errAway = errors.New("the ledger is away")

// ledger is a Memory that can be away, or slow.
type ledger struct {
	*quota.Memory
	away atomic.Bool
	slow time.Duration
}

func (l *ledger) Sync(ctx context.Context, account string, r quota.Report) (quota.Totals, error) {
	select {
	case <-time.After(l.slow):
	case <-ctx.Done():
		return quota.Totals{}, ctx.Err()
	}
	if l.away.Load() {
		return quota.Totals{}, errAway
	}
	return l.Memory.Sync(ctx, account, r)
}

// process starts a book over l, which ends with the test.
func process(t *testing.T, l quota.Ledger, user, key quota.Limits) *quota.Book {
	t.Helper()
	b := quota.New(quota.Options{User: user, Key: key, Ledger: l})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
	return b
}

func enter(t *testing.T, b *quota.Book, user, key string) *quota.Grant {
	t.Helper()
	g, err := b.Open(t.Context(), user, key)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// settle lets what was used be told.
func settle() {
	synctest.Wait()
	time.Sleep(10 * time.Millisecond)
	synctest.Wait()
}

// exceeded gives which limit stands against something, "" for none.
func exceeded(err error) quota.Name {
	if e, ok := errors.AsType[*quota.LimitError](err); ok {
		return e.Name
	}
	return ""
}

func checked(g *quota.Grant) quota.Name {
	if e := g.Check(); e != nil {
		return e.Name
	}
	return ""
}

func TestWithoutLimitsThereIsNoBook(t *testing.T) {
	t.Parallel()
	b := quota.New(quota.Options{})
	g, err := b.Open(t.Context(), "10", "k")
	if b != nil || g != nil || err != nil {
		t.Fatalf("%v %v %v", b, g, err)
	}
	b.Run(t.Context())
	g.Turn(time.Hour)
	g.Spoken(time.Hour)
	if g.Check() != nil || g.States() != nil || b.Stored("10", 1<<40) != nil {
		t.Error("something is limited")
	}
	b.Erased("10")
	g.Close()
}

func TestTurnsOfAUserInAllProcesses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := quota.NewMemory()
		limits := quota.Limits{Turns: 5}
		one := enter(t, process(t, m, limits, quota.Limits{}), "10", "")
		two := enter(t, process(t, m, limits, quota.Limits{}), "10", "")
		other := enter(t, process(t, m, limits, quota.Limits{}), "11", "")
		for range 3 {
			one.Turn(0)
		}
		settle()
		for range 2 {
			if n := checked(two); n != "" {
				t.Errorf("refused for %s", n)
			}
			two.Turn(0)
		}
		time.Sleep(10 * time.Second) // what the other used is heard of now and then
		settle()
		for name, g := range map[string]*quota.Grant{"one": one, "two": two} {
			e := g.Check()
			if e == nil || e.Name != quota.Turns || e.Limit != 5 || e.Retry > 50*time.Second || e.Retry < 45*time.Second {
				t.Errorf("%s: %v", name, e)
			}
		}
		if n := checked(other); n != "" {
			t.Errorf("another user is refused for %s", n)
		}
		time.Sleep(50 * time.Second)
		if n := checked(one); n != "" {
			t.Errorf("a minute later: %s", n)
		}
		one.Turn(0)
		settle()
		if s := one.States(); len(s) != 1 || s[0].Remaining != 4 || s[0].Reset < 59*time.Second {
			t.Errorf("%+v", s)
		}
	})
}

func TestAudioOfADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := enter(t, process(t, nil, quota.Limits{Audio: time.Minute}, quota.Limits{}), "10", "")
		g.Turn(30 * time.Second)
		g.Spoken(29500 * time.Millisecond)
		if s := g.States(); checked(g) != "" || s[0].Remaining != 1 || s[0].Limit != 60 {
			t.Errorf("half a second is left: %+v", s)
		}
		g.Turn(20 * time.Second) // a turn that was begun is finished
		settle()
		if e := g.Check(); e == nil || e.Name != quota.Audio || e.Retry < 23*time.Hour {
			t.Errorf("%v", e)
		}
		time.Sleep(24 * time.Hour)
		if n := checked(g); n != "" {
			t.Errorf("a day later: %s", n)
		}
	})
}

func TestSessionsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := quota.NewMemory()
		user, key := quota.Limits{Sessions: 2}, quota.Limits{Sessions: 3}
		one, two := process(t, m, user, key), process(t, m, user, key)
		a := enter(t, one, "10", "k")
		enter(t, two, "10", "k")
		for _, b := range []*quota.Book{one, two} {
			if _, err := b.Open(t.Context(), "10", "k"); exceeded(err) != quota.Sessions {
				t.Errorf("a third of the user: %v", err)
			}
		}
		enter(t, one, "11", "k") // what was refused for the user takes no place of the key
		if _, err := two.Open(t.Context(), "12", "k"); exceeded(err) != quota.Sessions {
			t.Errorf("a fourth of the key: %v", err)
		}
		enter(t, two, "12", "")
		a.Close()
		a.Close()
		settle()
		enter(t, two, "10", "k")
		if _, err := one.Open(t.Context(), "10", ""); exceeded(err) != quota.Sessions {
			t.Errorf("closed twice counts twice: %v", err)
		}
		time.Sleep(5 * time.Minute) // sessions that go on are told again and again
		if _, err := one.Open(t.Context(), "10", ""); exceeded(err) != quota.Sessions {
			t.Errorf("after minutes: %v", err)
		}
	})
}

func TestTheTighterOfUserAndKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := process(t, nil, quota.Limits{Turns: 10, Sessions: 9}, quota.Limits{Turns: 12})
		one, two := enter(t, b, "10", "k"), enter(t, b, "11", "k")
		for range 7 {
			one.Turn(0)
		}
		for range 5 {
			two.Turn(0)
		}
		if e := two.Check(); e == nil || e.Limit != 12 {
			t.Errorf("the key's limit: %v", e)
		}
		if s := two.States(); len(s) != 2 || s[0].Name != quota.Sessions || s[1].Limit != 12 || s[1].Remaining != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestALedgerThatIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{Memory: quota.NewMemory()}
		l.away.Store(true)
		limits := quota.Limits{Turns: 3, Sessions: 1}
		b, other := process(t, l, limits, quota.Limits{}), process(t, l, limits, quota.Limits{})
		g := enter(t, b, "10", "")
		if _, err := b.Open(t.Context(), "10", ""); exceeded(err) != quota.Sessions {
			t.Errorf("this process still counts: %v", err)
		}
		elsewhere := enter(t, other, "10", "")
		for range 3 {
			g.Turn(0)
		}
		time.Sleep(10 * time.Second)
		if checked(g) != quota.Turns || checked(elsewhere) != "" {
			t.Errorf("%q here, %q there", checked(g), checked(elsewhere))
		}
		l.away.Store(false)
		time.Sleep(10 * time.Second)
		settle()
		if checked(elsewhere) != quota.Turns {
			t.Error("what was used meanwhile is not told")
		}
		if _, err := b.Open(t.Context(), "10", ""); exceeded(err) != quota.Sessions {
			t.Errorf("%v", err)
		}
	})
}

func TestASlowLedgerHoldsASessionUpForAMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := process(t, &ledger{Memory: quota.NewMemory(), slow: time.Hour}, quota.Limits{Turns: 3, Sessions: 2}, quota.Limits{})
		began := time.Now()
		g := enter(t, b, "10", "")
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
		began = time.Now()
		g.Turn(0)
		if g.Check() != nil || time.Since(began) != 0 {
			t.Error("a turn waits for the ledger")
		}
	})
}

func TestBytesThatAreKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := quota.NewMemory()
		b := quota.New(quota.Options{User: quota.Limits{Bytes: 1000}, Ledger: m, Stored: func(context.Context, string) (int64, error) { return 700, nil }})
		g := enter(t, b, "10", "")
		if s := g.States(); len(s) != 1 || s[0].Remaining != 300 {
			t.Errorf("measured: %+v", s)
		}
		if err := b.Stored("10", 301); exceeded(err) != quota.Bytes {
			t.Errorf("too many: %v", err)
		}
		if err := b.Stored("10", 300); err != nil || g.States()[0].Remaining != 0 || g.Check() != nil {
			t.Errorf("just enough: %v, %+v; turns go on: %v", err, g.States(), g.Check())
		}
		if err := errors.Join(b.Stored("10", -500), b.Stored("10", 100)); err != nil || g.States()[0].Remaining != 400 {
			t.Errorf("some are gone: %v, %+v", err, g.States())
		}
		b.Erased("10")
		if g.States()[0].Remaining != 1000 {
			t.Errorf("erased: %+v", g.States())
		}
	})
}

// What goes by its age is counted no more, for a user who is still here.
func TestBytesThatWentAreCountedNoMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, kept := quota.NewMemory(), int64(700)
		limits := quota.Limits{Bytes: 1000}
		b := quota.New(quota.Options{User: limits, Ledger: m, Stored: func(context.Context, string) (int64, error) { return kept, nil }})
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan struct{})
		go func() {
			defer close(ran)
			b.Run(ctx)
		}()
		g := enter(t, b, "10", "")
		kept = 200
		b.Measure(t.Context())
		settle()
		if s := g.States(); s[0].Remaining != 800 {
			t.Errorf("here: %+v", s)
		}
		if got, err := m.Sync(t.Context(), "user:10", quota.Report{Process: "other"}); err != nil || got.Bytes != 200 {
			t.Errorf("in the ledger: %+v, %v", got, err)
		}
		cancel()
		<-ran
	})
}

// Who is deleted while a session goes on has nothing kept, in every process; the
// turns and the speech of the day stay used.
func TestErasedEverywhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := quota.NewMemory()
		limits := quota.Limits{Bytes: 1000, Turns: 5, Audio: time.Hour}
		one, two := process(t, m, limits, quota.Limits{}), process(t, m, limits, quota.Limits{})
		here, there := enter(t, one, "10", ""), enter(t, two, "10", "")
		there.Turn(time.Minute)
		if err := two.Stored("10", 900); err != nil {
			t.Fatal(err)
		}
		settle()
		one.Erased("10")
		time.Sleep(10 * time.Second)
		settle()
		for name, g := range map[string]*quota.Grant{"here": here, "there": there} {
			for _, s := range g.States() {
				want := map[quota.Name]int64{quota.Bytes: 1000, quota.Turns: 4, quota.Audio: 59 * 60}[s.Name]
				if s.Remaining != want {
					t.Errorf("%s: %+v, want %d", name, s, want)
				}
			}
		}
	})
}

func TestAccountsOfNobodyAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := process(t, nil, quota.Limits{Turns: 5}, quota.Limits{Turns: 5})
		g := enter(t, b, "10", "k")
		g.Turn(0)
		g.Close()
		time.Sleep(10 * time.Second)
		if n := b.Accounts(); n != 0 {
			t.Errorf("%d are held", n)
		}
		if s := enter(t, b, "10", "k").States(); s[0].Remaining != 4 {
			t.Errorf("what was used is forgotten: %+v", s)
		}
	})
}

func TestALimitSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for _, n := range []quota.Name{quota.Sessions, quota.Turns, quota.Audio, quota.Bytes} {
		if s := (&quota.LimitError{Name: n, Limit: 60, Retry: time.Second}).Error(); len(s) < 40 {
			t.Errorf("%s: %q", n, s)
		}
	}
	for d, want := range map[time.Duration]int64{0: 1, time.Millisecond: 1, time.Second: 1, 1001 * time.Millisecond: 2} {
		if got := quota.Seconds(d); got != want {
			t.Errorf("%v: %d", d, got)
		}
	}
}
