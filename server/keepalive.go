package server

import (
	"context"
	"time"

	"sori/protocol"
)

// watchEvery is how often the connections are looked at. One ticker for all of
// them: a timer per connection would be moved at every frame.
const watchEvery = time.Second

// watch pings connections and ends idle ones until ctx ends.
func (s *Server) watch(ctx context.Context) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			s.registry.each(func(c *conn) { s.check(ctx, c, now) })
			s.talkers.each(func(c *talker) { s.checkTalker(ctx, c, now) })
		}
	}
}

// check looks at one connection. It does not block.
func (s *Server) check(ctx context.Context, c *conn, now time.Time) {
	if now.Sub(time.Unix(0, c.heard.Load())) > s.cfg.IdleTimeout && !c.pushing.Load() {
		c.idle()
		return
	}
	if h := c.host.Load(); h != nil && now.Sub(time.Unix(0, c.heard.Load())) >= s.cfg.RestAfter && !c.pushing.Load() && h.conn.Load() == c {
		h.quiet() //nolint:contextcheck // it waits for nothing
	}
	if now.Sub(c.pinged) >= s.cfg.PingEvery {
		c.pinged = now
		s.work.Go(func() { s.ping(ctx, c) })
	}
}

// ping asks the client for a sign of life and drops a connection that gives
// none. TCP alone would notice a vanished client after many minutes.
func (s *Server) ping(ctx context.Context, c *conn) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.PongTimeout)
	defer cancel()
	h, wrote := c.host.Load(), uint64(0)
	if h != nil && h.conn.Load() == c {
		wrote = h.wrote.Load()
	}
	err := c.ws.Ping(ctx)
	if err == nil && wrote > 0 {
		h.seen(wrote) // the answer came after all that was written before the question
	}
	if err == nil || c.gone.Load() {
		return
	}
	if c.pushing.Load() {
		return // the answer may lie unread behind a frame that the session can't take yet
	}
	if ctx.Err() == context.DeadlineExceeded {
		c.log.Debug("no answer to a ping")
		c.drop()
	}
}

// idle ends a connection from which nothing was heard for too long. A session
// that can be resumed waits for its client as it does for any other.
func (c *conn) idle() {
	e := ending{protocol.CloseIdle, "Nothing was heard from the client for too long."}
	if h := c.host.Load(); h == nil || h.key != "" {
		c.shut(e)
	} else {
		h.end(e)
	}
}
