package server

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"sori/auth"
	"sori/protocol"
	"sori/session"
	"sori/session/resume"
)

// host holds a session, which outlives its connections. At most one is attached
// at a time; what the session says meanwhile is kept for the next one.
type host struct {
	// Static after construction.
	server  *Server
	session Session
	key     string             // lets a client resume; "" if it can't
	who     *auth.Principal    // who opened it
	owner   string             // who opened it, as authentication says
	cancel  context.CancelFunc // asks the session to end; set before run
	quit    <-chan struct{}    // closed when it was asked; set before run
	began   time.Time

	// To the pump.
	attach chan attachment
	left   chan departure
	forget chan uint64   // capacity 1: what the client has seen
	away   chan ending   // capacity 1: the server stops
	leased chan lease    // capacity 1; nil where there is no directory
	ran    chan struct{} // closed when the session's Run is over
	done   chan struct{} // closed when the pump is

	// Shared.
	tab    tab
	user   atomic.Pointer[string] // whose session it is, once that is known; set by the pump
	ending atomic.Pointer[ending] // the first reason to end, once there is one
	conn   atomic.Pointer[conn]   // the one that is attached; set by the pump
	wrote  atomic.Uint64          // number of the last message that was written to it; set by the pump
	fence  atomic.Uint64
	work   sync.WaitGroup

	// Guarded by feed.
	feed     sync.Mutex
	source   *conn  // who may push
	received uint64 // number of the last client frame

	rest rest

	pump pump // owned by the goroutine that is in pumpAll
}

// attachment is a connection that wants the session.
type attachment struct {
	conn   *conn
	resume protocol.Resume
	taken  chan<- bool
}

// departure is a connection that is gone.
type departure struct {
	conn    *conn
	goodbye bool // the client is through with the session
}

// newHost makes a session for a connection. Nothing runs yet.
func (s *Server) newHost(c *conn, o session.Options) *host {
	h := &host{
		server: s, owner: c.who.Owner(), who: c.who, began: time.Now(),
		attach: make(chan attachment), left: make(chan departure), forget: make(chan uint64, 1),
		away: make(chan ending, 1), ran: make(chan struct{}), done: make(chan struct{}),
	}
	if s.cfg.Directory != nil {
		h.leased = make(chan lease, 1)
	}
	if o.ResumeWait = s.cfg.ResumeWait; o.ResumeWait > 0 {
		if o.ResumeKey == "" {
			o.ResumeKey = newKey()
		}
		h.key = o.ResumeKey
		o.Checkpoints = s.cfg.Directory != nil
		if o.Checkpoints {
			o.Fence = h.fence.Load
		}
	}
	if s.cfg.Quota != nil {
		o.Allowance = &h.tab
	}
	h.user.Store(&o.User)
	h.session = s.cfg.NewSession(o)
	h.pump.replay.maxBytes, h.pump.replay.maxItems = s.cfg.ReplayBytes, maxReplayItems
	return h
}

// maxReplayItems bounds the messages that are held for a client, whatever their
// size.
const maxReplayItems = 8192

// newKey makes a secret of 128 bits.
func newKey() string {
	var b [16]byte
	rand.Read(b[:]) //nolint:gosec // it never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// hashOf is what a directory knows of a key.
func hashOf(key string) [sha256.Size]byte { return sha256.Sum256([]byte(key)) }

// log is made when it is used: a session says little, and lives long.
func (h *host) log() *slog.Logger { return h.server.log.With("session", h.session.ID()) }

// userNow is the user whose session it is.
func (h *host) userNow() string {
	if u := h.user.Load(); u != nil {
		return *u
	}
	return ""
}

// opens says whether a client that shows key, as owner, may have the session.
func (h *host) opens(key, owner string) bool {
	if h.key == "" {
		return false
	}
	mine, shown := hashOf(h.key), hashOf(key)
	return subtle.ConstantTimeCompare(mine[:], shown[:]) == 1 && h.owner == owner
}

// run holds the session until it has ended, and then calls ended.
func (h *host) run(ctx context.Context, ended func()) {
	h.rest.told = make(chan struct{}, 1)
	h.rest.live = func() { h.runSession(ctx) }
	h.rest.carry = func() { //nolint:contextcheck // what it writes and gives up outlives the session's context
		if h.pumpAll() {
			h.finish()
			ended()
		}
	}
	h.work.Go(h.rest.live)
	h.rest.carry()
}

// finish brings everything home.
func (h *host) finish() {
	h.cancel()
	h.work.Wait()
	h.release()
	e := h.ending.Load()
	h.log().Info("session ended", "reason", e.reason, "took_ms", time.Since(h.began).Milliseconds())
}

// runSession runs the session until it rests, or says why it ended.
func (h *host) runSession(ctx context.Context) {
	err := runGuarded(ctx, h.session)
	if errors.Is(err, session.ErrResting) {
		h.restActor(ctx)
		return
	}
	defer close(h.ran)
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		h.end(ending{protocol.CloseNormal, "The session has ended."})
	case errors.Is(err, session.ErrFenced):
		h.end(ending{protocol.CloseRestart, "Another process goes on with the session."})
	case errors.Is(err, session.ErrSlowReader):
		h.end(ending{protocol.CloseSlowReader, "The events were not read in time."})
	default:
		h.log().Error("session failed", "error", err)
		h.end(ending{protocol.CloseInternal, "Something broke inside sori."})
	}
}

// end asks the session to end and the connection to be closed after the last
// event. The first reason stands. It does not block.
func (h *host) end(e ending) {
	if !h.ending.CompareAndSwap(nil, &e) {
		return
	}
	h.cancel()
	if c := h.conn.Load(); c != nil {
		// A client that does not take the rest may not hold the session's end up.
		c.cutAfter(h.server.cfg.CloseTimeout)
	}
}

// push hands over what came from a connection. What comes from one that is not
// the session's any more is dropped: its client has another one.
func (h *host) push(c *conn, in session.Input) {
	h.feed.Lock()
	defer h.feed.Unlock()
	if h.source != c {
		in.Audio.Free()
		return
	}
	h.received++
	in.Seq = h.received
	if m, ok := in.Message.(protocol.Seen); ok {
		h.seen(m.Seen)
		return
	}
	if _, ok := in.Message.(protocol.Resume); ok {
		in.Message = nil
		in.Problem = &protocol.Problem{Code: protocol.ErrSessionOpen, Message: "This connection has a session already. A session is resumed by the first message of a connection."}
	}
	h.allow(&in)
	h.give(in)
}

// give hands an input to the session. It does not wait for longer than the
// session lasts. When that is over, the pump closes the connection.
func (h *host) give(in session.Input) {
	if err := h.session.Push(context.Background(), in); err != nil && !errors.Is(err, session.ErrEnded) {
		h.log().Error("input was not taken", "error", err)
	}
	h.rouse()
}

// seen notes what the client has processed.
func (h *host) seen(n uint64) {
	select {
	case h.forget <- n:
	default: // an older note waits; there will be a newer one
	}
}

// depart says that a connection is gone.
func (h *host) depart(c *conn, goodbye bool) {
	defer h.knock()()
	select {
	case h.left <- departure{c, goodbye}:
	case <-h.done:
	}
}

// admit gives the session to a connection, unless the session is over.
func (h *host) admit(c *conn, r protocol.Resume) bool {
	taken := make(chan bool, 1)
	defer h.knock()()
	select {
	case h.attach <- attachment{c, r, taken}:
		return <-taken
	case <-h.done:
		return false
	}
}

// drain lets the session end, or go to another process, after the turn under way.
// It does not block.
func (h *host) drain(e ending) {
	select {
	case h.away <- e:
	default: // it was told already
	}
	h.rouse()
}

// lease is the right to act for the session, once it is in the directory.
type lease struct{ resume.Lease }
