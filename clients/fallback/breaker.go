package fallback

import (
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

const (
	failuresToOpen = 2               // so many in a row, and the engine is passed over
	restFor        = 5 * time.Second // for so long; then one call tries it again
)

// breaker remembers whether an engine works. Calls of many sessions share it.
type breaker struct {
	circuit circuitbreaker.CircuitBreaker[any]
	last    atomic.Pointer[error] // the latest failure
}

func newBreaker() *breaker {
	return &breaker{circuit: circuitbreaker.NewBuilder[any]().
		WithFailureThreshold(failuresToOpen).
		WithSuccessThreshold(1).
		WithDelay(restFor).
		Build()}
}

// admit says whether a call should use the engine now. If not, err is what it
// failed with.
func (b *breaker) admit() (ok bool, err error) {
	if b.circuit.TryAcquirePermit() {
		return true, nil
	}
	if last := b.last.Load(); last != nil {
		err = *last
	}
	return false, err
}

// resting says whether the engine is passed over now.
func (b *breaker) resting() bool {
	return b.circuit.IsOpen() && b.circuit.RemainingDelay() > 0
}

// outcome is how a call went.
type outcome int

const (
	worked outcome = iota
	failed
	unknown // the caller gave up, or the input was at fault: it says nothing about the engine
)

// report takes in how a call went. It says whether the engine was given up or
// came back by it.
func (b *breaker) report(o outcome, err error) (givenUp, back bool) {
	before := b.circuit.State()
	switch o {
	case worked:
		if before == circuitbreaker.OpenState { // a last resort that answered
			b.circuit.Close()
		} else {
			b.circuit.RecordSuccess()
		}
	case failed:
		b.last.Store(&err)
		b.circuit.RecordFailure()
	case unknown:
		if before == circuitbreaker.HalfOpenState { // another call may try
			b.circuit.Open()
			b.circuit.HalfOpen()
		}
	}
	after := b.circuit.State()
	return before == circuitbreaker.ClosedState && after == circuitbreaker.OpenState,
		before != circuitbreaker.ClosedState && after == circuitbreaker.ClosedState
}
