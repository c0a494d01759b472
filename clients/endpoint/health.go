package endpoint

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"sori/stage"
)

// healthTimeout bounds a health check; the engine's timeout is far too long for
// somebody who waits for "is it there?".
const healthTimeout = 3 * time.Second

// Check is what a health check found about one engine.
type Check struct {
	Engine  string // its name
	Address string // HOST:PORT
	Dialect Dialect
	Err     error // nil when it answers; else *stage.Error
}

// Health asks whether the engine is there and takes sori's key, without giving
// it any work. An engine without a health page is healthy when it answers.
func (c *Caller) Health(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	at := c.root("/health")
	if c.Dialect == OpenAI {
		at = c.Models()
	}
	a, err := c.Do(ctx, Request{Method: http.MethodGet, URL: at, Accept: "application/json", MaxAnswer: maxErrorBody})
	if err == nil {
		a.Finish()
		a.Close()
		return nil
	}
	if status, ok := errors.AsType[*StatusError](err); ok {
		switch status.Status {
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
			return err
		default:
			if status.Status < http.StatusInternalServerError || status.Status == http.StatusNotImplemented {
				return nil
			}
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return c.failure(stage.CodeTimeout, "did not answer within "+inWords(healthTimeout)+".", err)
	}
	return err
}

// Check is Health with the engine's particulars.
func (c *Caller) Check(ctx context.Context) Check {
	return Check{Engine: c.Name(), Address: c.Address(), Dialect: c.Dialect, Err: c.Health(ctx)}
}

// CheckAll checks several engines at once, and gives what it found in their
// order.
func CheckAll(ctx context.Context, callers []*Caller) []Check {
	all := make([]Check, len(callers))
	var wg sync.WaitGroup
	for i, c := range callers {
		wg.Go(func() { all[i] = c.Check(ctx) })
	}
	wg.Wait()
	return all
}

// Summary gives nil when any engine of a stage is healthy, since it can serve
// for the others, and otherwise what is wrong with all of them.
func Summary(checks []Check) error {
	var all []error
	for _, c := range checks {
		if c.Err == nil {
			return nil
		}
		all = append(all, c.Err)
	}
	return errors.Join(all...)
}
