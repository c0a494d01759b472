package fallback_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sori/clients/fallback"
	"sori/stage"
)

// slow is engines of which each takes a time and then answers or fails.
type slow struct {
	mu    sync.Mutex
	asked []int
	ended []int
	takes []time.Duration
	err   []error
}

func (s *slow) call(ctx context.Context, i int) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		s.mu.Lock()
		s.asked = append(s.asked, i)
		s.mu.Unlock()
		defer func() {
			s.mu.Lock()
			s.ended = append(s.ended, i)
			s.mu.Unlock()
		}()
		select {
		case <-time.After(s.takes[i]):
		case <-ctx.Done():
			yield("", ctx.Err())
			return
		}
		if s.err[i] != nil {
			yield("", s.err[i])
			return
		}
		if yield(string(rune('a'+i)), nil) {
			time.Sleep(time.Second)
			yield("!", nil)
		}
	}
}

func (s *slow) group(hedges ...time.Duration) (*fallback.Group, *[]string) {
	told := &[]string{}
	return fallback.New(stage.TTS, []string{"a", "b"}[:len(hedges)], fallback.Options{
		Log: slog.New(slog.DiscardHandler), Hedge: hedges,
		OnFallback: func(_ context.Context, _ stage.Name, from, to string, _ error) { *told = append(*told, from+">"+to) },
	}), told
}

func collect(seq iter.Seq2[string, error]) (string, error) {
	heard := ""
	for piece, err := range seq {
		if err != nil {
			return heard, err
		}
		heard += piece
	}
	return heard, nil
}

func TestHedge(t *testing.T) {
	t.Parallel()
	down := fails(stage.CodeStatus)
	const ms = time.Millisecond
	for _, tc := range []struct {
		name   string
		hedges []time.Duration
		takes  []time.Duration
		errs   []error
		heard  string
		asked  []int
		within time.Duration
		told   string
	}{
		{"quick enough", []time.Duration{300 * ms, 0}, []time.Duration{200 * ms, 0}, []error{nil, nil}, "a!", []int{0}, 200 * ms, ""},
		{"the second is sooner", []time.Duration{300 * ms, 0}, []time.Duration{5000 * ms, 100 * ms}, []error{nil, nil}, "b!", []int{0, 1}, 400 * ms, "a>b"},
		{"the first is sooner after all", []time.Duration{300 * ms, 0}, []time.Duration{350 * ms, 5000 * ms}, []error{nil, nil}, "a!", []int{0, 1}, 350 * ms, ""},
		{"the hedge fails", []time.Duration{300 * ms, 0}, []time.Duration{900 * ms, 100 * ms}, []error{nil, down}, "a!", []int{0, 1}, 900 * ms, ""},
		{"the slow one fails", []time.Duration{300 * ms, 0}, []time.Duration{400 * ms, 900 * ms}, []error{down, nil}, "b!", []int{0, 1}, 1200 * ms, "a>b"},
		{"the first fails at once", []time.Duration{300 * ms, 0}, []time.Duration{100 * ms, 200 * ms}, []error{down, nil}, "b!", []int{0, 1}, 300 * ms, "a>b"},
		{"the only one again", []time.Duration{300 * ms}, []time.Duration{400 * ms}, []error{nil}, "a!", []int{0, 0}, 400 * ms, ""},
		{"not hedged", []time.Duration{0, 0}, []time.Duration{4000 * ms, 100 * ms}, []error{nil, nil}, "a!", []int{0}, 4000 * ms, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &slow{takes: tc.takes, err: tc.errs}
				g, told := s.group(tc.hedges...)
				began := time.Now()
				heard, err := collect(fallback.Hedged(t.Context(), g, s.call))
				took := time.Since(began) - time.Second
				if heard != tc.heard || err != nil || took != tc.within || strings.Join(*told, ",") != tc.told {
					t.Errorf("heard %q, %v after %v; told %v", heard, err, took, *told)
				}
				slices.Sort(s.asked)
				if !slices.Equal(s.asked, tc.asked) || len(s.ended) != len(s.asked) {
					t.Errorf("asked %v, ended %v", s.asked, s.ended)
				}
			})
		})
	}
}

func TestHedgeWhereAllFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &slow{takes: []time.Duration{time.Second, time.Second}, err: []error{fails(stage.CodeBusy), fails(stage.CodeStatus)}}
		g, _ := s.group(100*time.Millisecond, 0)
		_, err := collect(fallback.Hedged(t.Context(), g, s.call))
		if e := stage.AsError(stage.TTS, err); e.Code != stage.CodeBusy || len(s.ended) != 2 {
			t.Errorf("%v; ended %v", e, s.ended)
		}
	})
}

func TestHedgeOfACallerThatLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &slow{takes: []time.Duration{time.Hour, time.Hour}, err: []error{nil, nil}}
		g, _ := s.group(100*time.Millisecond, 0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := collect(fallback.Hedged(ctx, g, s.call))
		if !errors.Is(err, context.DeadlineExceeded) || len(s.ended) != 2 {
			t.Errorf("%v; ended %v", err, s.ended)
		}
	})
}

func TestHedgeThatPanicsFailsItsCallOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, _ := (&slow{}).group(100 * time.Millisecond)
		_, err := collect(fallback.Hedged(t.Context(), g, func(context.Context, int) iter.Seq2[string, error] {
			return func(func(string, error) bool) { panic("a bug") }
		}))
		if e := stage.AsError(stage.TTS, err); e.Code != stage.CodeInternal {
			t.Errorf("%v", err)
		}
	})
}
