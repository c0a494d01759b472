package server

import (
	"context"
	"sync"

	"sori/protocol"
)

// registry holds every WebSocket connection: net/http forgets a connection once
// it is hijacked.
type registry struct {
	max int
	wg  sync.WaitGroup // one for every reserved place

	mu     sync.Mutex
	taken  int // places that are reserved or held by a connection
	conns  map[*conn]struct{}
	closed *ending // set once no connection may come in any more
}

// ending says with which code and words a connection is closed.
type ending struct {
	code   protocol.CloseCode
	reason string // at most 123 bytes
}

func newRegistry(most int) *registry {
	return &registry{max: most, conns: make(map[*conn]struct{})}
}

// reserve takes a place before the handshake. Every place is given back with
// release.
func (r *registry) reserve() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed != nil || r.taken >= r.max {
		return false
	}
	r.taken++
	r.wg.Add(1)
	return true
}

// add puts a connection on its reserved place. One that comes while the server
// stops is told at once.
func (r *registry) add(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conns[c] = struct{}{}
	if r.closed != nil {
		c.end(*r.closed)
	}
}

// release gives a place back; c is nil when the handshake failed.
func (r *registry) release(c *conn) {
	r.mu.Lock()
	delete(r.conns, c)
	r.taken--
	r.mu.Unlock()
	r.wg.Done()
}

// each calls f, which must not block, for every connection.
func (r *registry) each(f func(*conn)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		f(c)
	}
}

func (r *registry) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.taken
}

// shut lets nobody in any more and asks all connections to end.
func (r *registry) shut(e ending) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = &e
	for c := range r.conns {
		c.end(e)
	}
}

// wait returns when all connections are gone, or with ctx's error.
func (r *registry) wait(ctx context.Context) error {
	gone := make(chan struct{})
	go func() {
		r.wg.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
