// Package fallback tries the engines of one stage in order: the first one that
// begins to answer serves the call.
//
// A call turns to the next engine only before anything was given to the caller;
// what was spoken can't be taken back. It does not turn to the next one when the
// input is at fault, or when the caller gave up. An engine that failed twice in
// a row is passed over for five seconds; then one call tries it again. That only
// changes the order: when no other engine answers, those that were passed over
// are tried all the same, so that a single engine is never passed over.
package fallback

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"time"

	"sori/stage"
)

// Options are what a Group reports to. Both may not be nil.
type Options struct {
	Log        *slog.Logger
	OnFallback func(ctx context.Context, name stage.Name, from, to string, err error)
}

// Group is the engines of one stage, in order of preference. Any number of
// goroutines may use it.
type Group struct {
	name     stage.Name
	engines  []string
	breakers []breaker
	opts     Options
}

// New gives the group of the named engines.
func New(name stage.Name, engines []string, o Options) *Group {
	return &Group{name: name, engines: engines, breakers: make([]breaker, len(engines)), opts: o}
}

// Primary is the name of the preferred engine.
func (g *Group) Primary() string { return g.engines[0] }

// Stream gives the answer of the first engine that begins to answer. call asks
// engine i, counted from 0.
func Stream[T any](ctx context.Context, g *Group, call func(i int) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var failures []error
		var passedOver []int
		var first error // why the preferred engine does not serve
		note := func(i int, err error) {
			if i == 0 {
				first = err
			}
		}
		for i := range g.engines {
			ok, err := g.breakers[i].admit(time.Now())
			if !ok {
				passedOver = append(passedOver, i)
				note(i, err)
				continue
			}
			served, err := attempt(ctx, g, i, call(i), first, yield)
			if served {
				return
			}
			note(i, err)
			failures = append(failures, err)
			if !next(ctx, err) {
				break
			}
		}
		for _, i := range passedOver {
			if len(failures) > 0 && !next(ctx, failures[len(failures)-1]) {
				break
			}
			served, err := attempt(ctx, g, i, call(i), first, yield)
			if served {
				return
			}
			failures = append(failures, err)
		}
		var none T
		yield(none, g.together(failures))
	}
}

// attempt asks one engine. served says that the call is over: something of the
// answer, or its proper end, was given to the caller.
func attempt[T any](ctx context.Context, g *Group, i int, answer iter.Seq2[T, error], first error, yield func(T, error) bool) (served bool, failure error) {
	reported := false
	defer func() {
		if !reported { // a panic: nothing is known, and the engine must stay usable
			g.report(i, unknown, nil)
		}
	}()
	report := func(err error) {
		reported = true
		g.report(i, judge(ctx, err), err)
	}
	announce := func() {
		if !served && i > 0 {
			g.opts.OnFallback(ctx, g.name, g.engines[0], g.engines[i], first)
		}
		served = true
	}
	for piece, err := range answer {
		if err != nil {
			report(err)
			if served {
				yield(piece, err)
			}
			return served, err
		}
		announce()
		if !yield(piece, nil) {
			report(nil) // it answered, and was interrupted
			return true, nil
		}
	}
	report(nil)
	announce()
	return true, nil
}

func (g *Group) report(i int, o outcome, err error) {
	givenUp, back := g.breakers[i].report(o, err, time.Now())
	switch {
	case givenUp && len(g.engines) > 1:
		g.opts.Log.Warn("engine keeps failing, others serve for it", "stage", string(g.name), "engine", g.engines[i], "error", err)
	case back && len(g.engines) > 1:
		g.opts.Log.Info("engine is back", "stage", string(g.name), "engine", g.engines[i])
	}
}

// judge says what a call's end tells about the engine.
func judge(ctx context.Context, err error) outcome {
	if err == nil {
		return worked
	}
	if ctx.Err() != nil {
		return unknown
	}
	switch code(err) {
	case stage.CodeRejected, stage.CodeLanguage, stage.CodeEmptyReply, stage.CodeNotSet, stage.CodeNoSpeech:
		return unknown
	}
	return failed
}

// next says whether another engine may do better.
func next(ctx context.Context, err error) bool {
	return ctx.Err() == nil && code(err) != stage.CodeRejected
}

func code(err error) string {
	if e, ok := errors.AsType[*stage.Error](err); ok {
		return e.Code
	}
	return ""
}

// together makes one error of what all engines failed with.
func (g *Group) together(failures []error) error {
	last := failures[len(failures)-1]
	e, ok := errors.AsType[*stage.Error](last)
	if len(failures) == 1 || !ok || e.Code == stage.CodeRejected {
		return last
	}
	var says []string
	for _, f := range failures {
		says = append(says, stage.AsError(g.name, f).Message)
	}
	return &stage.Error{
		Stage:   g.name,
		Code:    stage.AsError(g.name, failures[0]).Code,
		Message: fmt.Sprintf("None of the %d engines for %s answered. %s", len(failures), strings.ToUpper(string(g.name)), strings.Join(says, " ")),
		Engine:  g.engines[0],
		Err:     errors.Join(failures...),
	}
}

// First gives the answer of the first engine that gives one, where an answer
// comes in one piece.
func First[T any](ctx context.Context, g *Group, call func(i int) (T, error)) (T, error) {
	stream := Stream(ctx, g, func(i int) iter.Seq2[T, error] {
		return func(yield func(T, error) bool) { yield(call(i)) }
	})
	var answer T
	for piece, err := range stream {
		if err != nil {
			return answer, err
		}
		answer = piece
	}
	return answer, nil
}
