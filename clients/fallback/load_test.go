package fallback_test

import (
	"context"
	"iter"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sori/clients/fallback"
	"sori/stage"
)

func quiet(names ...string) *fallback.Group {
	return fallback.New(stage.ATOT, names, fallback.Options{
		Log:        slog.New(slog.DiscardHandler),
		OnFallback: func(context.Context, stage.Name, string, string, error) {},
	})
}

// answers gives an engine that answers after d.
func answers(d time.Duration) fallback.Call[string] {
	return func(context.Context, int) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			time.Sleep(d)
			if yield("x", nil) {
				time.Sleep(time.Minute) // what comes after the beginning does not count
			}
		}
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := quiet("a", "b")
		if l := g.Load(); l.Waiting != 0 || l.First != 0 || l.Engines != 2 || l.Resting != nil || l.Serves != "a" {
			t.Errorf("at first: %+v", l)
		}
		var calls sync.WaitGroup
		for i := range 4 {
			calls.Go(func() { _, _ = collect(fallback.Stream(t.Context(), g, answers(time.Duration(i+1)*time.Second))) })
		}
		time.Sleep(1500 * time.Millisecond)
		if l := g.Load(); l.Waiting != 3 || l.First != 0 {
			t.Errorf("four calls say nothing of the time yet: %+v", l)
		}
		calls.Go(func() { _, _ = collect(fallback.Stream(t.Context(), g, answers(time.Hour))) })
		time.Sleep(5 * time.Second)
		if l := g.Load(); l.Waiting != 1 || l.First != 3*time.Second {
			t.Errorf("of 1, 2, 3, 4 and 5 s so far: %+v", l)
		}
		time.Sleep(time.Minute)
		if l := g.Load(); l.Waiting != 1 || l.First != 0 {
			t.Errorf("what is long ago counts: %+v", l)
		}
		calls.Wait()
	})
}

func TestLoadNamesEnginesThatRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := quiet("a", "b")
		e := &engines{answer: func(i int) (string, error) {
			if i == 0 {
				return "", fails(stage.CodeTimeout)
			}
			return "x", nil
		}}
		for range 2 {
			if _, err := e.call(t.Context(), g); err != nil {
				t.Fatal(err)
			}
		}
		if l := g.Load(); len(l.Resting) != 1 || l.Resting[0] != "a" || l.Serves != "b" {
			t.Errorf("%+v", l)
		}
		time.Sleep(6 * time.Second)
		if l := g.Load(); l.Resting != nil {
			t.Errorf("it may be tried again: %+v", l)
		}
	})
}

// When an engine fails for everybody at once, not everybody may turn to the next.
func TestSecondTriesAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := quiet("a", "b")
		var mu sync.Mutex
		most, under := 0, 0
		call := func(_ context.Context, i int) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				time.Sleep(time.Second)
				if i == 0 {
					yield("", fails(stage.CodeStatus))
					return
				}
				mu.Lock()
				under++
				most = max(most, under)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				under--
				mu.Unlock()
				yield("b", nil)
			}
		}
		var calls sync.WaitGroup
		for range 100 {
			calls.Go(func() { _, _ = collect(fallback.Stream(t.Context(), g, call)) })
		}
		calls.Wait()
		if most < 16 || most > 50 {
			t.Errorf("%d of 100 calls tried the second engine at once", most)
		}
		// The places are given back.
		for range 20 {
			if _, err := collect(fallback.Stream(t.Context(), g, call)); err != nil {
				t.Fatal(err)
			}
		}
	})
}
