package server

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"sori/protocol"
	"sori/session"
	"sori/session/resume"
)

// begin gives the connection its session: the one that its first message resumes,
// or a new one.
func (c *conn) begin(in session.Input) {
	if r, ok := in.Message.(protocol.Resume); ok {
		c.resume(r)
		return
	}
	if c.crowded() {
		in.Audio.Free()
		c.shut(ending{protocol.CloseTryLater, "The server takes no more sessions right now."})
		return
	}
	h := c.server.newHost(c, c.server.sessionOptions(*c.who))
	h.pump.conn, h.pump.words, h.source = c, c.words, c
	h.conn.Store(c)
	if !c.server.host(h) {
		in.Audio.Free()
		c.shut(ending{protocol.CloseTryLater, "The server takes no more sessions right now."})
		return
	}
	c.server.registry.found(c, h)
	h.allow(&in)
	h.give(in) // without a number
}

// host runs a session, if there is a place for it.
func (s *Server) host(h *host) bool {
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel, h.quit = func() { cancel(); h.rouse() }, ctx.Done()
	if !s.registry.host(h) {
		cancel()
		h.tab.close()
		return false
	}
	if h.pump.away {
		s.registry.present(false)
	}
	g := s.roster.enter(h.who, h.userNow, h.end)
	go h.run(ctx, func() {
		s.registry.unhost(h, h.pump.away)
		h.tab.close()
		s.roster.leave(g)
	})
	return true
}

// resume goes on with a session. Where that can't be, the connection stays open
// for a new one; why it can't, nobody is told.
func (c *conn) resume(r protocol.Resume) {
	c.server.registry.join(c)
	if h := c.regain(r); h != nil {
		c.server.registry.found(c, h)
	} else {
		c.server.registry.stay(c)
	}
}

// regain gives the session that goes on, nil where there is none.
func (c *conn) regain(r protocol.Resume) *host {
	h := c.server.registry.find(r.Session)
	if h != nil && !h.opens(r.Key, c.who.Owner()) {
		c.unknown()
		return nil
	}
	if h == nil || !h.admit(c, r) {
		return c.inherit(r)
	}
	return h
}

func (c *conn) unknown() {
	c.tell(protocol.Head{MS: time.Since(c.began).Milliseconds()}, protocol.Problem{
		Code: protocol.ErrNoSession, Message: "There is no session to resume: it is over, or id and key do not match. Begin a new one with session.configure.",
	})
}

// inherit takes a session over from another process. It gives nil where there is
// none, and has told the client.
func (c *conn) inherit(r protocol.Resume) *host {
	s := c.server
	if s.cfg.Directory == nil || s.cfg.ResumeWait <= 0 {
		c.unknown()
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.TakeTimeout)
	defer cancel()
	hash := hashOf(r.Key)
	l, will, err := s.cfg.Directory.Take(ctx, resume.Claim{ID: r.Session, KeyHash: hex.EncodeToString(hash[:]), Owner: c.who.Owner(), Seen: r.Seen})
	if errors.Is(err, resume.ErrNoSession) {
		c.unknown()
		return nil
	}
	if err != nil {
		c.log.Warn("session can't be taken over", "error", err)
		c.shut(ending{protocol.CloseTryLater, "The session can't be reached right now."})
		return nil
	}
	h, err := s.heir(ctx, c, r, l, will)
	if err == nil && s.host(h) {
		if h.admit(c, r) {
			return h
		}
		c.shut(ending{protocol.CloseTryLater, "The session can't be reached right now."})
		return nil
	}
	lost := errors.Is(err, errNoState)
	c.log.Warn("session can't be taken over", "error", err)
	if err := l.Release(ctx, lost); err != nil {
		c.log.Warn("session was not given up in order; its lease runs out", "error", err)
	}
	if lost { // nobody will ever know more: the client need not ask again
		c.unknown()
		return nil
	}
	c.shut(ending{protocol.CloseTryLater, "The session can't be reached right now."})
	return nil
}

// historyOfHeir is how many of the user's turns are looked at for those of the
// session that was inherited.
const historyOfHeir = 64

// errNoState says that whoever had the session ended before any of it was noted.
var errNoState = errors.New("server: nobody noted where the session stands")

// heir makes the host of a session that another process left.
func (s *Server) heir(ctx context.Context, c *conn, r protocol.Resume, l resume.Lease, will resume.Inheritance) (*host, error) {
	var st session.State
	if will.State == nil {
		return nil, errNoState
	}
	if err := json.Unmarshal(will.State, &st); err != nil {
		return nil, err
	}
	log := unbroken(will.Log)
	for _, m := range log {
		if m.Binary {
			continue
		}
		if head, e, err := protocol.DecodeEvent(m.Data); err == nil {
			st.Follow(head, e)
		}
	}
	last := max(will.LastSeq, r.Seen)
	if n := len(log); n > 0 {
		last = max(last, log[n-1].Seq)
	}
	if n := len(log); st.Seq > last || n > 0 && log[n-1].Seq < max(st.Seq, last) {
		log = nil // the end of it is missing: what there is can't be counted
	}
	st.Seq = max(st.Seq, last)
	live := r.Live
	if ends(log, r.Turn) {
		live = "" // the client is about to hear that
	}
	st.Heed(r.Forgotten, r.Turn, live)
	turns, err := s.cfg.Store.Recent(ctx, will.Session.User, historyOfHeir)
	if err != nil {
		return nil, err
	}
	n := 0
	for i := range turns {
		if turns[i].SessionID == r.Session {
			turns[n] = turns[i]
			n++
		}
	}
	st.Recover(turns[:n])
	o := s.sessionOptions(*c.who)
	o.ID, o.User, o.ResumeKey, o.Restore = r.Session, will.Session.User, r.Key, &st
	h := s.newHost(c, o)
	h.inherited(ctx, o.User)
	h.received = st.Settled
	h.began = h.began.Add(-time.Duration(st.MS) * time.Millisecond)
	p := &h.pump
	p.words, p.entered, p.lease = c.words, true, l
	h.fence.Store(l.Fence())
	p.replay.last = st.Seq
	for _, m := range log {
		p.replay.add(borrowed(m))
	}
	// Its client has the wait for coming back that every client has, from now on.
	p.away = true
	p.waiting = time.NewTimer(s.cfg.ResumeWait)
	p.waitC = p.waiting.C
	return h, nil
}

// unbroken is the end of a log, from where no number is missing.
func unbroken(log []resume.Message) []resume.Message {
	for i := len(log) - 1; i > 0; i-- {
		if log[i].Seq != log[i-1].Seq+1 {
			return log[i:]
		}
	}
	return log
}

// ends says whether the end of a turn is in a log.
func ends(log []resume.Message, turn int) bool {
	for _, m := range log {
		if m.Binary {
			continue
		}
		if head, e, err := protocol.DecodeEvent(m.Data); err == nil && head.Turn == turn && terminal(e) {
			return true
		}
	}
	return false
}
