package enginehttp

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// gate lets so many requests of a stage work at once and so many wait.
type gate struct {
	slots   chan struct{} // one entry for each request at work
	waiting atomic.Int64
	queue   int64
	wait    time.Duration
}

func newGate(active, queue int, wait time.Duration) *gate {
	return &gate{slots: make(chan struct{}, active), queue: int64(queue), wait: wait}
}

// enter waits for its turn. The caller calls leave when the work is done.
func (g *gate) enter(ctx context.Context) (leave func(), err error) {
	leave = func() { <-g.slots }
	select {
	case g.slots <- struct{}{}:
		return leave, nil
	default:
	}
	if g.waiting.Add(1) > g.queue {
		g.waiting.Add(-1)
		return nil, errBusy
	}
	defer g.waiting.Add(-1)
	timer := time.NewTimer(g.wait)
	defer timer.Stop()
	select {
	case g.slots <- struct{}{}:
		return leave, nil
	case <-timer.C:
		return nil, errBusy
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// load says how many work and wait.
func (g *gate) load() (active, waiting, capacity int) {
	return len(g.slots), int(g.waiting.Load()), cap(g.slots)
}

// budget bounds the bytes that uploads hold in memory.
type budget struct {
	mu   sync.Mutex
	left int64 // guarded by mu
}

// take gives false when there is no room for n bytes.
func (b *budget) take(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n > b.left {
		return false
	}
	b.left -= n
	return true
}

func (b *budget) give(n int64) {
	b.mu.Lock()
	b.left += n
	b.mu.Unlock()
}
