package server

import (
	"context"
	"sync"

	"sori/protocol"
)

// registry holds every WebSocket connection, for net/http forgets a connection
// once it is hijacked, and every session, which outlives its connections. A
// connection takes a place until it has a session; then the session has it.
type registry struct {
	max int
	wg  sync.WaitGroup // one for every connection, from its handshake on, and one for every host

	mu     sync.Mutex
	fresh  int // connections without a session, also while they shake hands
	away   int // hosts without a connection
	talks  int // sessions that end with their connection
	conns  map[*conn]struct{}
	hosts  map[*host]struct{}
	byID   map[string]*host
	closed *ending // set once no connection may come in any more
}

// ending says with which code and words a connection is closed.
type ending struct {
	code   protocol.CloseCode
	reason string // at most 123 bytes
}

func newRegistry(most int) *registry {
	return &registry{max: most, conns: make(map[*conn]struct{}), hosts: make(map[*host]struct{}), byID: make(map[string]*host)}
}

// reserve takes a place before the handshake. Every place is given back with
// release. Where all are taken, one that may have come to resume its session is
// let in all the same.
func (r *registry) reserve() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed != nil || r.fresh+len(r.hosts)+r.talks >= r.max && r.fresh >= r.away {
		return false
	}
	r.fresh++
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
		c.shut(*r.closed)
	}
}

// release gives a place back; c is nil when the handshake failed.
func (r *registry) release(c *conn) {
	r.mu.Lock()
	if c == nil || c.host.Load() == nil {
		r.fresh--
	}
	delete(r.conns, c)
	r.mu.Unlock()
	r.wg.Done()
}

// join notes that a connection is about to have a session, which perhaps speaks to
// it already: it is the session that tells it when the server stops.
func (r *registry) join(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.joins = true
}

// stay notes that it has none after all.
func (r *registry) stay(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.joins = false
	if r.closed != nil {
		c.shut(*r.closed)
	}
}

// found gives a connection's place back: it resumed a session, which has one.
func (r *registry) found(c *conn, h *host) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fresh--
	c.host.Store(h)
}

// talk turns the reserved place of a connection into that of a session which ends
// with it, unless all are taken. The place is given back with hush, or where talk
// gives false, with release.
func (r *registry) talk() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed != nil || len(r.hosts)+r.talks >= r.max {
		return false
	}
	r.fresh--
	r.talks++
	return true
}

// hush gives the place of such a session back.
func (r *registry) hush() {
	r.mu.Lock()
	r.talks--
	r.mu.Unlock()
	r.wg.Done()
}

// host takes a place for a session, unless there is none. A host that comes
// while the server stops is not taken.
func (r *registry) host(h *host) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed != nil || len(r.hosts)+r.talks >= r.max {
		return false
	}
	r.hosts[h] = struct{}{}
	r.byID[h.session.ID()] = h
	r.wg.Add(1)
	return true
}

// unhost gives a session's place back.
func (r *registry) unhost(h *host, away bool) {
	r.mu.Lock()
	delete(r.hosts, h)
	if id := h.session.ID(); r.byID[id] == h {
		delete(r.byID, id)
	}
	if away {
		r.away--
	}
	r.mu.Unlock()
	r.wg.Done()
}

// present notes whether a session has its client.
func (r *registry) present(yes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if yes {
		r.away--
	} else {
		r.away++
	}
}

// find gives the session with an id, or nil.
func (r *registry) find(id string) *host {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byID[id]
}

// each calls f, which must not block, for every connection.
func (r *registry) each(f func(*conn)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		f(c)
	}
}

// count is how many sessions there are, those included that a connection is about
// to ask for.
func (r *registry) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fresh + len(r.hosts) + r.talks
}

// shut lets nobody in any more, tells the connections that have no session, and
// calls f, which must not block, for every session.
func (r *registry) shut(e ending, f func(*host)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = &e
	for c := range r.conns {
		if c.host.Load() == nil && !c.joins {
			c.shut(e)
		}
	}
	for h := range r.hosts {
		f(h)
	}
}

// wait returns when all connections and sessions are gone, or with ctx's error.
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
