// Package fallback tries the engines of one stage in order: the first one that
// begins to answer serves the call.
//
// A call turns to the next engine only before anything was given to the caller;
// what was spoken can't be taken back. It does not turn to the next one when the
// input is at fault, or when the caller gave up. An engine that failed twice in
// a row is passed over for five seconds; then one call tries it again. That only
// changes the order: when no other engine answers, those that were passed over
// are tried all the same, so that a single engine is never passed over.
//
// An engine may be hedged: when it has given nothing after a while, the next one
// (or the same one again, where there is no other) is asked as well, and the
// first that begins to answer serves the call. The other is given up.
//
// Tries with another engine and hedges are bounded together, so that a stage in
// trouble is not buried under second tries.
package fallback

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"time"

	"sori/stage"
)

// Options are what a Group reports to. Log and OnFallback may not be nil.
type Options struct {
	Log        *slog.Logger
	OnFallback func(ctx context.Context, name stage.Name, from, to string, err error)
	// Hedge says by engine after how long without an answer another one is asked
	// as well. 0, or none, means never.
	Hedge []time.Duration
}

// Group is the engines of one stage, in order of preference. Any number of
// goroutines may use it.
type Group struct {
	name     stage.Name
	engines  []string
	breakers []*breaker
	opts     Options
	budget   budget
	meter    meter
}

// New gives the group of the named engines.
func New(name stage.Name, engines []string, o Options) *Group {
	g := &Group{name: name, engines: engines, opts: o}
	for range engines {
		g.breakers = append(g.breakers, newBreaker())
	}
	return g
}

// Primary is the name of the preferred engine.
func (g *Group) Primary() string { return g.engines[0] }

// hedge is how long engine i may stay without an answer until another is asked.
func (g *Group) hedge(i int) time.Duration {
	if i < len(g.opts.Hedge) {
		return g.opts.Hedge[i]
	}
	return 0
}

// Call asks engine i, counted from 0, under ctx.
type Call[T any] func(ctx context.Context, i int) iter.Seq2[T, error]

// Stream gives the answer of the first engine that begins to answer. No engine
// is hedged: call has effects that must not be had twice.
func Stream[T any](ctx context.Context, g *Group, call Call[T]) iter.Seq2[T, error] {
	return stream(ctx, g, call, false)
}

// Hedged is Stream for a call that may be made twice at once.
func Hedged[T any](ctx context.Context, g *Group, call Call[T]) iter.Seq2[T, error] {
	return stream(ctx, g, call, true)
}

func stream[T any](ctx context.Context, g *Group, call Call[T], hedged bool) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		g.budget.begin()
		defer g.budget.end()
		c := &course[T]{g: g, call: call, hedged: hedged, answered: g.meter.begin()}
		defer c.answered(false)
		c.run(ctx, yield)
	}
}

// course is one call on its way through the engines. It belongs to the goroutine
// that takes the answer.
type course[T any] struct {
	g        *Group
	call     Call[T]
	hedged   bool
	answered func(bool)

	asked    []bool // engines that were asked, by index
	first    error  // why the preferred engine does not serve
	failures []error
}

func (c *course[T]) run(ctx context.Context, yield func(T, error) bool) {
	c.asked = make([]bool, len(c.g.engines))
	for i, ok := c.next(); ok; i, ok = c.next() {
		extra := len(c.failures) > 0
		if extra {
			if !another(ctx, c.failures[len(c.failures)-1]) {
				break
			}
			if !c.g.budget.take() {
				c.g.opts.Log.WarnContext(ctx, "no other engine is tried, too many calls try another already", "stage", string(c.g.name))
				break
			}
		}
		served := c.attempt(ctx, i, yield)
		if extra {
			c.g.budget.give()
		}
		if served {
			return
		}
	}
	var none T
	yield(none, c.g.together(c.failures))
}

// next chooses the engine to be asked now: the first that its breaker admits,
// else the first that was not asked yet.
func (c *course[T]) next() (int, bool) {
	for i := range c.g.engines {
		if c.asked[i] {
			continue
		}
		ok, err := c.g.breakers[i].admit()
		if ok {
			c.asked[i] = true
			return i, true
		}
		c.blame(i, err)
	}
	i := slices.Index(c.asked, false)
	if i >= 0 {
		c.asked[i] = true
	}
	return i, i >= 0
}

// blame notes why engine i does not serve.
func (c *course[T]) blame(i int, err error) {
	if i == 0 && err != nil {
		c.first = err
	}
}

// attempt asks engine i. served says that the call is over: something of the
// answer, or its proper end, was given to the caller. Otherwise the failure was
// noted.
func (c *course[T]) attempt(ctx context.Context, i int, yield func(T, error) bool) (served bool) {
	if after := c.g.hedge(i); c.hedged && after > 0 {
		return c.race(ctx, i, after, yield)
	}
	j := judging{g: c.g, i: i}
	defer j.done()
	for piece, err := range c.call(ctx, i) {
		if err != nil {
			j.report(judge(ctx, err), err)
			if served {
				yield(piece, err)
				return true
			}
			c.fail(i, err)
			return false
		}
		if !served {
			served = true
			c.serve(ctx, i)
		}
		if !yield(piece, nil) {
			j.report(worked, nil) // it answered, and was interrupted
			return true
		}
	}
	j.report(worked, nil)
	if !served {
		c.serve(ctx, i)
	}
	return true
}

// serve notes that engine i answers the call.
func (c *course[T]) serve(ctx context.Context, i int) {
	c.answered(true)
	if i > 0 {
		c.g.opts.OnFallback(ctx, c.g.name, c.g.engines[0], c.g.engines[i], c.first)
	}
}

// fail notes that engine i gave nothing.
func (c *course[T]) fail(i int, err error) {
	c.blame(i, err)
	c.failures = append(c.failures, err)
}

// judging sees to it that each use of an engine is reported once.
type judging struct {
	g        *Group
	i        int
	reported bool
}

func (j *judging) report(o outcome, err error) {
	if !j.reported {
		j.reported = true
		j.g.report(j.i, o, err)
	}
}

// done reports a use that nothing was said of, as after a panic: nothing is
// known, and the engine must stay usable.
func (j *judging) done() { j.report(unknown, nil) }

func (g *Group) report(i int, o outcome, err error) {
	givenUp, back := g.breakers[i].report(o, err)
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

// another says whether another engine may do better.
func another(ctx context.Context, err error) bool {
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
func First[T any](ctx context.Context, g *Group, call func(ctx context.Context, i int) (T, error)) (T, error) {
	stream := Stream(ctx, g, func(ctx context.Context, i int) iter.Seq2[T, error] {
		return func(yield func(T, error) bool) { yield(call(ctx, i)) }
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
