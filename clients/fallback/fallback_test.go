package fallback_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sori/clients/fallback"
	"sori/stage"
)

// engines are scripted: each call of engine i gives its answer.
type engines struct {
	answer func(i int) (pieces string, err error)
	asked  []string
	told   []string
}

func fails(code string) error {
	return &stage.Error{Stage: stage.TTOT, Code: code, Message: "The TTOT engine broke."}
}

func (e *engines) group(names ...string) *fallback.Group {
	return fallback.New(stage.TTOT, names, fallback.Options{
		Log: slog.New(slog.DiscardHandler),
		OnFallback: func(_ context.Context, _ stage.Name, from, to string, err error) {
			e.told = append(e.told, from+">"+to+" "+stage.AsError(stage.TTOT, err).Code)
		},
	})
}

// call gives what a call heard.
func (e *engines) call(ctx context.Context, g *fallback.Group) (heard string, err error) {
	e.asked, e.told = nil, nil
	for piece, err := range fallback.Stream(ctx, g, func(_ context.Context, i int) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			e.asked = append(e.asked, string(rune('a'+i)))
			pieces, err := e.answer(i)
			for p := range strings.FieldsSeq(pieces) {
				if !yield(p, nil) {
					return
				}
			}
			if err != nil {
				yield("", err)
			}
		}
	}) {
		if err != nil {
			return heard, err
		}
		heard += piece
	}
	return heard, nil
}

func TestTheFirstThatAnswersServes(t *testing.T) {
	t.Parallel()
	down := fails(stage.CodeUnreachable)
	for _, tc := range []struct {
		name   string
		answer []any // a string of pieces, an error, or both in a []any
		heard  string
		code   string
		asked  string
		told   string
	}{
		{"the first", []any{"one two", "x"}, "onetwo", "", "a", ""},
		{"the second", []any{down, "two"}, "two", "", "ab", "a>b engine_unreachable"},
		{"the third", []any{down, fails(stage.CodeBusy), "three"}, "three", "", "abc", "a>c engine_unreachable"},
		{"none", []any{down, fails(stage.CodeBusy)}, "", stage.CodeUnreachable, "ab", ""},
		{"wrong input", []any{fails(stage.CodeRejected), "x"}, "", stage.CodeRejected, "a", ""},
		{"wrong input for the second", []any{down, fails(stage.CodeRejected), "x"}, "", stage.CodeRejected, "ab", ""},
		{"another language", []any{fails(stage.CodeLanguage), "two"}, "two", "", "ab", "a>b language_unsupported"},
		{"breaks off", []any{[]any{"one", fails(stage.CodeCutOff)}, "x"}, "one", stage.CodeCutOff, "a", ""},
		{"the second breaks off", []any{down, []any{"two", fails(stage.CodeCutOff)}, "x"}, "two", stage.CodeCutOff, "ab", "a>b engine_unreachable"},
		{"says nothing", []any{"", "x"}, "", "", "a", ""},
		{"the second says nothing", []any{down, ""}, "", "", "ab", "a>b engine_unreachable"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e := &engines{answer: func(i int) (pieces string, err error) {
				both, ok := tc.answer[i].([]any)
				if !ok {
					both = []any{tc.answer[i]}
				}
				for _, one := range both {
					switch v := one.(type) {
					case string:
						pieces = v
					case error:
						err = v
					}
				}
				return pieces, err
			}}
			g := e.group([]string{"a", "b", "c"}[:len(tc.answer)]...)
			heard, err := e.call(t.Context(), g)
			code := ""
			if err != nil {
				code = stage.AsError(stage.TTOT, err).Code
			}
			if heard != tc.heard || code != tc.code || strings.Join(e.asked, "") != tc.asked || strings.Join(e.told, ",") != tc.told {
				t.Errorf("heard %q, %v; asked %v; told %v", heard, err, e.asked, e.told)
			}
		})
	}
}

func TestAllFailuresAreTold(t *testing.T) {
	t.Parallel()
	e := &engines{answer: func(i int) (string, error) {
		return "", &stage.Error{Stage: stage.TTOT, Code: stage.CodeBusy, Message: "Engine " + string(rune('a'+i)) + " is busy."}
	}}
	_, err := e.call(t.Context(), e.group("a", "b"))
	if m := stage.AsError(stage.TTOT, err).Message; m != "None of the 2 engines for TTOT answered. Engine a is busy. Engine b is busy." {
		t.Error(m)
	}
	_, err = e.call(t.Context(), e.group("a"))
	if m := stage.AsError(stage.TTOT, err).Message; m != "Engine a is busy." {
		t.Error(m)
	}
}

func TestCallerThatGivesUpIsNotServedByAnother(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	e := &engines{answer: func(int) (string, error) {
		cancel()
		return "", context.Canceled
	}}
	_, err := e.call(ctx, e.group("a", "b"))
	if !errors.Is(err, context.Canceled) || strings.Join(e.asked, "") != "a" {
		t.Errorf("%v, asked %v", err, e.asked)
	}
}

func TestEngineThatKeepsFailingIsPassedOverForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		up := false
		e := &engines{answer: func(i int) (string, error) {
			if i == 0 && !up {
				return "", fails(stage.CodeTimeout)
			}
			return "x", nil
		}}
		g := e.group("a", "b")
		for _, step := range []struct {
			after time.Duration
			up    bool
			asked string
			told  string
		}{
			{0, false, "ab", "a>b engine_timeout"},
			{0, false, "ab", "a>b engine_timeout"},
			{0, true, "b", "a>b engine_timeout"}, // passed over
			{4 * time.Second, true, "b", "a>b engine_timeout"},
			{2 * time.Second, false, "ab", "a>b engine_timeout"}, // tried again, and still down
			{4 * time.Second, true, "b", "a>b engine_timeout"},
			{2 * time.Second, true, "a", ""}, // back
			{0, false, "ab", "a>b engine_timeout"},
			{0, true, "a", ""}, // one failure is forgiven
		} {
			time.Sleep(step.after)
			up = step.up
			if _, err := e.call(t.Context(), g); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(e.asked, ""); got != step.asked || strings.Join(e.told, ",") != step.told {
				t.Errorf("%+v: asked %s, told %v", step, got, e.told)
			}
		}
	})
}

func TestOneCallAtATimeTriesAnEngineThatWasDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		trying := false
		e := &engines{answer: func(i int) (string, error) {
			switch {
			case i == 1:
				return "b", nil
			case trying:
				<-hold
			}
			return "", fails(stage.CodeTimeout)
		}}
		g := e.group("a", "b")
		for range 2 {
			if _, err := e.call(t.Context(), g); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(6 * time.Second)
		trying = true
		first := make(chan string)
		go func() {
			heard, _ := (&engines{answer: e.answer}).call(t.Context(), g)
			first <- heard
		}()
		synctest.Wait()
		other := &engines{answer: e.answer}
		if heard, err := other.call(t.Context(), g); err != nil || heard != "b" || strings.Join(other.asked, "") != "b" {
			t.Errorf("heard %q, %v; asked %v", heard, err, other.asked)
		}
		close(hold)
		if heard := <-first; heard != "b" {
			t.Errorf("the one that tried heard %q", heard)
		}
	})
}

func TestTheOnlyEngineIsAlwaysAsked(t *testing.T) {
	t.Parallel()
	e := &engines{answer: func(int) (string, error) { return "", fails(stage.CodeUnreachable) }}
	g := e.group("a", "b")
	only := e.group("a")
	for range 5 {
		if _, err := e.call(t.Context(), only); err == nil || strings.Join(e.asked, "") != "a" {
			t.Errorf("%v, asked %v", err, e.asked)
		}
		if _, err := e.call(t.Context(), g); err == nil || strings.Join(e.asked, "") != "ab" {
			t.Errorf("all are down: %v, asked %v", err, e.asked)
		}
	}
}

func TestWrongInputSaysNothingAboutAnEngine(t *testing.T) {
	t.Parallel()
	e := &engines{answer: func(int) (string, error) { return "", fails(stage.CodeRejected) }}
	g := e.group("a", "b")
	for range 5 {
		if _, err := e.call(t.Context(), g); err == nil || strings.Join(e.asked, "") != "a" {
			t.Errorf("%v, asked %v", err, e.asked)
		}
	}
}

func TestAListenerThatLeavesEndsTheCall(t *testing.T) {
	t.Parallel()
	e := &engines{}
	g := e.group("a", "b")
	left := false
	for _, err := range fallback.Stream(t.Context(), g, func(context.Context, int) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			left = !yield("x", nil)
		}
	}) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if !left {
		t.Error("the engine was not told")
	}
}

func TestFirst(t *testing.T) {
	t.Parallel()
	e := &engines{}
	got, err := fallback.First(t.Context(), e.group("a", "b"), func(_ context.Context, i int) (int, error) {
		if i == 0 {
			return 0, fails(stage.CodeNotSet)
		}
		return 5, nil
	})
	if got != 5 || err != nil {
		t.Error(got, err)
	}
	if _, err := fallback.First(t.Context(), e.group("a"), func(context.Context, int) (int, error) { return 0, fails(stage.CodeBusy) }); err == nil {
		t.Error("no error")
	}
}
