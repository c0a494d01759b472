package server

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"sori/auth"
	"sori/protocol"
)

// conn is one WebSocket connection. Its first message says which session it is
// for; until then it has none.
type conn struct {
	// Static after construction.
	server *Server
	ws     *websocket.Conn
	raw    *deadlineConn // under ws; closing it stops whatever ws is doing
	log    *slog.Logger
	began  time.Time
	words  *words          // the client's texts, nil for those that the events come with
	who    *auth.Principal // at the other end; never changed, and its session's as well

	returns bool // it said that it comes to resume a session
	joins   bool // it is about to have a session; guarded by the registry

	// Shared.
	ending  atomic.Pointer[ending] // the first reason to end, once there is one
	gone    atomic.Bool            // nothing can be written any more
	heard   atomic.Int64           // when the last message came, in Unix nanoseconds
	pushing atomic.Bool            // the reader waits for the session
	host    atomic.Pointer[host]   // set by the reader, once

	closing struct {
		mu   sync.Mutex
		over bool // the reader is home, nobody says goodbye any more
		cut  *time.Timer
		wg   sync.WaitGroup
	}

	// Owned by the reader.
	bad    int // messages in a row that were not understood
	expect int // bytes of the last binary frame: a guess at the next one

	pulse pulse // owned by the server's watch
}

func (s *Server) newConn(ws *websocket.Conn, raw *deadlineConn, who *auth.Principal) *conn {
	c := &conn{server: s, who: who, ws: ws, raw: raw, log: s.log, began: time.Now(), expect: smallestFrame}
	c.pulse.pinged = c.began
	c.heard.Store(c.began.UnixNano())
	ws.SetReadLimit(protocol.MaxMessage)
	raw.claims.most = protocol.MaxMessage
	return c
}

// run reads until the connection is closed. Its session lives on without it,
// unless the client said goodbye.
func (c *conn) run() {
	c.leave(c.readLoop())
}

// leave brings everything home once nothing is read any more.
//
//go:noinline
func (c *conn) leave(goodbye bool) {
	c.drop()
	if h := c.host.Load(); h != nil {
		h.depart(c, goodbye)
	}
	c.closing.mu.Lock()
	c.closing.over = true
	if c.closing.cut != nil {
		c.closing.cut.Stop()
	}
	c.closing.mu.Unlock()
	c.closing.wg.Wait()
	c.ws.CloseNow() //nolint:gosec // it says that the connection is closed already
	c.raw.release()
	e := c.ending.Load()
	c.log.Info("connection ended", "code", int(e.code), "reason", e.reason,
		"took_ms", time.Since(c.began).Milliseconds())
}

// shut closes the connection after what is being written. The first reason
// stands. It does not block, and the session goes on.
func (c *conn) shut(e ending) {
	if !c.ending.CompareAndSwap(nil, &e) {
		return
	}
	c.closing.mu.Lock()
	defer c.closing.mu.Unlock()
	if c.closing.over || c.gone.Load() {
		return
	}
	if c.closing.cut == nil {
		c.closing.cut = time.AfterFunc(c.server.cfg.CloseTimeout, c.drop)
	}
	c.closing.wg.Go(func() {
		c.raw.yield()
		if err := c.ws.Close(websocket.StatusCode(e.code), e.reason); err != nil {
			c.log.Debug("no goodbye from the client", "error", err)
		}
		c.drop()
	})
}

// cutAfter drops the connection after d at the latest.
func (c *conn) cutAfter(d time.Duration) {
	c.closing.mu.Lock()
	defer c.closing.mu.Unlock()
	if c.closing.cut == nil && !c.closing.over {
		c.closing.cut = time.AfterFunc(d, c.drop)
	}
}

// drop closes the connection at once, without a word.
func (c *conn) drop() {
	c.gone.Store(true)
	c.raw.cut()
}
