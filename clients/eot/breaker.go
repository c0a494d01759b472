package eot

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sori/stage"
)

const (
	failuresToOpen = 2 // so many in a row, and the engine is not asked
	shortestRest   = 5 * time.Second
	longestRest    = time.Minute
)

// breaker remembers whether the engine works. Calls of many sessions share it.
type breaker struct {
	mu       sync.Mutex
	failures int           // in a row
	rest     time.Duration // how long the engine is not asked after the next failure
	until    time.Time     // it is not asked until then
	probing  bool          // one call tries whether it is back
	last     error
}

// admit says why the engine is not to be asked now, nil when it is.
func (b *breaker) admit(now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.failures < failuresToOpen:
		return nil
	case b.probing || now.Before(b.until):
		return b.last
	}
	b.probing = true
	return nil
}

// outcome is how a call went.
type outcome int

const (
	worked outcome = iota
	failed
	unknown // the caller gave up, or the input was at fault: it says nothing about the engine
)

// judge says what a call's end tells about the engine. A caller whose time ran
// out waited for the engine; one who was interrupted did not wait long enough.
func judge(err error) outcome {
	e, ok := errors.AsType[*stage.Error](err)
	switch {
	case err == nil:
		return worked
	case errors.Is(err, context.Canceled), ok && e.Code == stage.CodeRejected:
		return unknown
	}
	return failed
}

// report takes in how a call went.
func (b *breaker) report(o outcome, err error, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	switch o {
	case worked:
		b.failures, b.rest, b.last = 0, 0, nil
	case failed:
		b.failures++
		b.last = err
		if b.failures >= failuresToOpen && !now.Before(b.until) { // those that were under way count once
			b.rest = min(max(2*b.rest, shortestRest), longestRest)
			b.until = now.Add(b.rest)
		}
	case unknown:
	}
}

// resting is the error of a call that is not made.
func (c *Client) resting(last error) error {
	e := *stage.AsError(Stage, last)
	e.Message = fmt.Sprintf("The EOT engine at %s failed just before and is left alone for a while.", c.call.Address())
	e.Err = fmt.Errorf("%w; it failed with: %w", ErrResting, last)
	return &e
}

// ErrResting says that the engine was not asked, since it failed just before.
// Errors of [Client.Finished] wrap it, so that it need not be logged each time.
var ErrResting = errors.New("the engine is left alone for a while")
