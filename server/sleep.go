package server

import (
	"context"
	"sync"
	"sync/atomic"

	"sori/session"
)

// rest is the sleep of a session that has nothing to do: it costs a goroutine's
// stack for its actor, and another for its pump, to wait for what may not come
// for hours. The pump rests only while the actor does.
//
// Who has something for one of them leaves it where it will be found, and then
// rouses. Who lies down looks once more after saying so. So nothing is overlooked.
type rest struct {
	some     atomic.Bool   // one of them rests, or both
	knocking atomic.Int32  // those who wait to hand something to the pump
	told     chan struct{} // capacity 1: the actor rests

	mu          sync.Mutex
	actor, pump bool   // they rest
	live, carry func() // go on with the actor, with the pump; static once the session runs
}

// lieDown says that the actor or the pump rests. The pump may not while the actor
// is at work.
func (r *rest) lieDown(pump bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if pump {
		if !r.actor {
			return false
		}
		r.pump = true
	} else {
		r.actor = true
	}
	r.some.Store(true)
	return true
}

// rouse lets both go on.
func (h *host) rouse() {
	r := &h.rest
	if !r.some.Load() {
		return
	}
	r.mu.Lock()
	actor, pump := r.actor, r.pump
	r.actor, r.pump = false, false
	r.some.Store(false)
	r.mu.Unlock()
	if actor {
		h.work.Go(r.live)
	}
	if pump {
		go r.carry() // whoever waits for the host waits for it
	}
}

// quiet tells the session that nothing is heard from its client. It does not
// block.
func (h *host) quiet() {
	if h.rest.some.Load() {
		return
	}
	// An end that is there already: what has no room now is not waited for.
	now, cancel := context.WithCancel(context.Background())
	cancel()
	_ = h.session.Push(now, session.Input{Presence: session.Quiet}) // it is told again
}

// restActor lets the actor rest, after its Run has returned.
func (h *host) restActor(ctx context.Context) {
	h.rest.lieDown(false)
	if h.session.Waiting() || ctx.Err() != nil {
		h.rouse()
		return
	}
	select {
	case h.rest.told <- struct{}{}:
	default:
	}
}

// restPump says whether the pump may go: nothing but a session at rest and a
// client keep it.
func (h *host) restPump() bool {
	p := &h.pump
	waits := p.conn == nil || p.entered || p.lease != nil || p.yielded || p.last != nil || p.waitC != nil || p.forced != nil
	if waits || h.ending.Load() != nil || !h.rest.lieDown(true) {
		return false
	}
	if h.rest.knocking.Load() > 0 || len(h.away) > 0 {
		h.rouse() // another goroutine goes on
	}
	return true
}

// knock rouses the pump for something that it is waited for to take. The
// function that it gives is called when it was taken.
func (h *host) knock() (taken func()) {
	h.rest.knocking.Add(1)
	h.rouse()
	return func() { h.rest.knocking.Add(-1) }
}
