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
			s.registry.each(func(c *conn) { s.check(c, now) }) //nolint:contextcheck // it waits for nothing
			s.talkers.each(func(c *talker) { s.checkTalker(c, now) })
		}
	}
}

// check looks at one connection. It does not block.
func (s *Server) check(c *conn, now time.Time) {
	if until := c.who.Until; !until.IsZero() && now.After(until) {
		c.part(ending{protocol.CloseExpired, "The token that let you in has expired. Come back with a new one."})
		return
	}
	if now.Sub(time.Unix(0, c.heard.Load())) > s.cfg.IdleTimeout && !c.pushing.Load() {
		c.part(ending{protocol.CloseIdle, "Nothing was heard from the client for too long."})
		return
	}
	if c.host.Load() == nil && now.Sub(c.began) > s.cfg.FirstTimeout { // it takes a place that no quota counts
		c.shut(ending{protocol.CloseIdle, "The first message did not come in time."})
		return
	}
	if h := c.host.Load(); h != nil && now.Sub(time.Unix(0, c.heard.Load())) >= s.cfg.RestAfter && !c.pushing.Load() && h.conn.Load() == c {
		h.quiet()
	}
	if now.Sub(time.Unix(0, c.heard.Load())) >= watchEvery { // who speaks is heard of soon enough
		c.raw.lookAgain()
	}
	switch c.pulse.feel(now, &s.cfg, &c.raw.pings, c.pushing.Load()) {
	case pulseAsk:
		c.pulse.wrote = 0
		if h := c.host.Load(); h != nil && h.conn.Load() == c {
			c.pulse.wrote = h.wrote.Load()
		}
		n := c.pulse.asked
		s.work.Go(func() {
			if err := c.raw.ping(n); err != nil {
				c.unwritten(err)
			}
		})
	case pulseThere:
		if p := &c.pulse; p.wrote > p.seen { // the answer came after all that was written before the question
			p.seen = p.wrote
			h := c.host.Load()
			h.seen(p.wrote)
			h.rouse()
		}
	case pulseGone:
		c.log.Debug("no answer to a ping")
		c.drop()
	case pulseNothing:
	}
}

// part ends a connection. A session that can be resumed waits for its client as
// it does for any other.
func (c *conn) part(e ending) {
	if h := c.host.Load(); h == nil || h.key != "" {
		c.shut(e)
	} else {
		h.end(e)
	}
}
