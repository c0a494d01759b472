package endpoint

import (
	"context"
	"errors"
	"time"
)

var errTimeout = errors.New("the engine took too long")

// watch ends a call that takes too long. It counts only the time between start
// and stop, when sori waits for the engine. It belongs to the goroutine that
// makes the call.
type watch struct {
	cancel context.CancelCauseFunc
	timer  *time.Timer
	began  time.Time
	next   time.Duration // left for the next piece of the answer
	total  time.Duration // left for all of the answer
	limit  time.Duration // what next was at first, for the message
	idle   time.Duration
}

func newWatch(o Options, cancel context.CancelCauseFunc) *watch {
	w := &watch{cancel: cancel, next: o.Timeout, limit: o.Timeout, total: o.Total, idle: o.Idle}
	w.timer = time.AfterFunc(time.Hour, func() { cancel(errTimeout) })
	w.timer.Stop()
	return w
}

// start begins a wait of at most most, and of no more than what is left.
func (w *watch) start(most time.Duration) {
	w.began = time.Now()
	left := min(most, w.next, w.total)
	if left <= 0 {
		w.cancel(errTimeout)
		return
	}
	w.timer.Reset(left)
}

// stop ends the wait.
func (w *watch) stop() {
	w.timer.Stop()
	waited := time.Since(w.began)
	w.next -= waited
	w.total -= waited
}

// progress gives the next piece d.
func (w *watch) progress(d time.Duration) { w.next, w.limit = d, d }
