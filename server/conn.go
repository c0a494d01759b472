package server

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"sori/protocol"
	"sori/session"
)

// conn is one WebSocket connection and the session behind it.
type conn struct {
	// Static after construction.
	ws      *websocket.Conn
	raw     *deadlineConn // under ws; closing it stops whatever ws is doing
	session Session
	cancel  context.CancelFunc // asks the session to end
	log     *slog.Logger
	began   time.Time
	maxBad  int
	closing time.Duration // from end until raw is closed
	words   *words        // the client's texts, nil for those that the events come with

	// Shared.
	ending  atomic.Pointer[ending] // the first reason to end, once there is one
	gone    atomic.Bool            // nothing can be written any more
	heard   atomic.Int64           // when the last message came, in Unix nanoseconds
	pushing atomic.Bool            // the reader waits for the session
	cut     atomic.Pointer[time.Timer]
	ran     chan struct{} // closed when the session's Run is over

	// Owned by the reader.
	bad    int // messages in a row that were not understood
	expect int // bytes of the last binary frame: a guess at the next one

	// Owned by the writer.
	out []byte // the event being written

	// Owned by the server's watch.
	pinged time.Time
}

func newConn(ws *websocket.Conn, raw *deadlineConn, s Session, cancel context.CancelFunc, cfg *Config) *conn {
	c := &conn{
		ws: ws, raw: raw, session: s, cancel: cancel,
		log:     cfg.Log.With("session", s.ID()),
		began:   time.Now(),
		maxBad:  cfg.MaxBadMessages,
		closing: cfg.CloseTimeout,
		ran:     make(chan struct{}),
		expect:  smallestFrame,
	}
	c.pinged = c.began
	c.heard.Store(c.began.UnixNano())
	ws.SetReadLimit(protocol.MaxMessage)
	return c
}

// run holds the connection until it is closed, the session has ended and both
// loops are home. ctx is what cancel cancels.
func (c *conn) run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { c.runSession(ctx) })
	wg.Go(c.writeLoop)
	c.readLoop(ctx)
	c.cancel()
	wg.Wait()
	if cut := c.cut.Load(); cut != nil {
		cut.Stop()
	}
	c.ws.CloseNow() //nolint:gosec // it says that the connection is closed already
	e := c.ending.Load()
	c.log.Info("connection ended", "code", int(e.code), "reason", e.reason,
		"took_ms", time.Since(c.began).Milliseconds())
}

// runSession runs the session and says why the connection ends with it.
func (c *conn) runSession(ctx context.Context) {
	defer close(c.ran)
	err := runGuarded(ctx, c.session)
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		c.end(ending{protocol.CloseNormal, "The session has ended."})
	case errors.Is(err, session.ErrSlowReader):
		c.end(ending{protocol.CloseSlowReader, "The events were not read in time."})
	default:
		c.log.Error("session failed", "error", err)
		c.end(ending{protocol.CloseInternal, "Something broke inside sori."})
	}
}

// end asks the session to end and the writer to close the connection after the
// last event. The first reason stands. It does not block.
func (c *conn) end(e ending) {
	if !c.ending.CompareAndSwap(nil, &e) {
		return
	}
	c.cancel()
	// A client that does not take the rest may not hold the session's end up.
	c.cut.Store(time.AfterFunc(c.closing, c.drop))
}

// drop closes the connection at once, without a word.
func (c *conn) drop() {
	c.gone.Store(true)
	c.raw.Close() //nolint:gosec // nothing is left to do with it
}
