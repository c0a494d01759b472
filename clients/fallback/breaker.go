package fallback

import (
	"sync"
	"time"
)

const (
	failuresToOpen = 2               // so many in a row, and the engine is passed over
	restFor        = 5 * time.Second // for so long; then one call tries it again
)

// breaker remembers whether an engine works. Calls of many sessions share it.
type breaker struct {
	mu       sync.Mutex
	failures int       // in a row
	until    time.Time // the engine is passed over until then
	probing  bool      // one call tries whether the engine is back
	last     error     // the latest failure
}

// admit says whether a call should use the engine now. If not, err is what it
// failed with.
func (b *breaker) admit(now time.Time) (ok bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.failures < failuresToOpen:
		return true, nil
	case now.Before(b.until) || b.probing:
		return false, b.last
	}
	b.probing = true
	return true, nil
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
func (b *breaker) report(o outcome, err error, now time.Time) (givenUp, back bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	switch o {
	case worked:
		back = b.failures >= failuresToOpen
		b.failures, b.last = 0, nil
	case failed:
		b.failures++
		b.last = err
		givenUp = b.failures == failuresToOpen
		if b.failures >= failuresToOpen {
			b.until = now.Add(restFor)
		}
	case unknown:
	}
	return givenUp, back
}
