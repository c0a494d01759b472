package fallback

import (
	"context"
	"fmt"
	"iter"
	"runtime/debug"
	"sync"
	"time"

	"sori/stage"
)

// opening is the beginning of an engine's answer.
type opening[T any] struct {
	i     int
	piece T
	err   error
	more  bool // piece is one, or err; else the answer ended without any
	next  func() (T, error, bool)
	stop  func()
	end   *context.CancelFunc // ends the asking
	noted []stage.Served      // what the engine said of who serves
}

// race asks engine i and, where that has given nothing after a while, another
// engine too. The first that begins to answer serves the call.
func (c *course[T]) race(ctx context.Context, i int, after time.Duration, yield func(T, error) bool) (served bool) {
	r := race[T]{course: c, openings: make(chan opening[T], 2)}
	defer r.finish()
	r.ask(ctx, i)
	timer := time.NewTimer(after)
	defer timer.Stop()
	for r.under > 0 {
		select {
		case <-timer.C:
			if k, ok := c.second(i); ok {
				r.extra = true
				c.g.opts.Log.DebugContext(ctx, "another engine is asked as well", "stage", string(c.g.name), "engine", c.g.engines[k], "slow", c.g.engines[i])
				r.ask(ctx, k)
			}
		case o := <-r.openings:
			r.under--
			j := judging{g: c.g, i: o.i}
			if o.more && o.err != nil {
				o.stop()
				j.report(judge(ctx, o.err), o.err)
				c.fail(o.i, o.err)
				timer.Stop() // what follows is the next engine's turn, and no hedge
				continue
			}
			r.dismiss(&o)
			c.serve(ctx, o.i)
			for _, s := range o.noted {
				stage.NoteServed(ctx, s)
			}
			o.give(ctx, &j, yield)
			return true
		}
	}
	return false
}

// race is what the goroutine that takes the answer knows of the engines that it
// asked.
type race[T any] struct {
	*course[T]

	openings chan opening[T]
	begun    []*context.CancelFunc
	under    int  // way
	extra    bool // the budget granted a second try
	home     sync.WaitGroup
}

// ask asks engine k.
func (r *race[T]) ask(ctx context.Context, k int) {
	ctx, end := context.WithCancel(ctx)
	r.begun = append(r.begun, &end)
	r.under++
	r.home.Go(func() {
		// What the engine says of itself is told by the goroutine that takes the answer.
		var noted []stage.Served
		o := open(stage.WithServed(ctx, func(s stage.Served) { noted = append(noted, s) }), r.g.name, r.call, k)
		o.end, o.noted = &end, noted
		r.openings <- o
	})
}

// finish gives up all engines and waits for them.
func (r *race[T]) finish() {
	r.end(nil)
	r.home.Wait()
	if r.extra {
		r.g.budget.give()
	}
}

// end gives up all engines but the one that serves.
func (r *race[T]) end(but *context.CancelFunc) {
	for _, end := range r.begun {
		if end != but {
			(*end)()
		}
	}
}

// dismiss gives the loser of the race up. That it was slower says nothing of it.
func (r *race[T]) dismiss(winner *opening[T]) {
	r.end(winner.end)
	for range r.under {
		r.home.Go(func() {
			o := <-r.openings
			o.stop()
			r.g.report(o.i, unknown, nil)
		})
	}
}

// second chooses the engine that is asked as well, if there may be one.
func (c *course[T]) second(slow int) (int, bool) {
	if !c.g.budget.take() {
		return 0, false
	}
	for k := range c.g.engines {
		if c.asked[k] {
			continue
		}
		if ok, _ := c.g.breakers[k].admit(); ok {
			c.asked[k] = true
			return k, true
		}
	}
	return slow, true
}

// open waits for the first piece of an engine's answer. It runs apart from the
// goroutine that takes the answer, so that a panic has to be caught here.
func open[T any](ctx context.Context, name stage.Name, call Call[T], i int) (o opening[T]) {
	o = opening[T]{i: i, stop: func() {}, more: true}
	defer func() {
		if p := recover(); p != nil {
			o.err = stage.AsError(name, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	o.next, o.stop = iter.Pull2(call(ctx, i))
	o.piece, o.err, o.more = o.next()
	return o
}

// give gives the answer to its end.
func (o *opening[T]) give(ctx context.Context, j *judging, yield func(T, error) bool) {
	defer o.stop()
	defer j.done()
	for o.more {
		if o.err != nil {
			j.report(judge(ctx, o.err), o.err)
			yield(o.piece, o.err)
			return
		}
		if !yield(o.piece, nil) {
			break
		}
		o.piece, o.err, o.more = o.next()
	}
	j.report(worked, nil)
}
