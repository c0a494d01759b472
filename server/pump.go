package server

import (
	"context"
	"encoding/hex"
	"math/rand/v2"
	"time"

	"github.com/coder/websocket"

	"sori/protocol"
	"sori/session"
	"sori/session/resume"
)

// pump carries what the session says to the connection that is attached, and
// keeps it for the next one.
type pump struct {
	conn    *conn // nil: the client is not there
	replay  replay
	words   *words
	turn    int // that is under way, or 0
	waiting *time.Timer
	waitC   <-chan time.Time // until the client has to be back
	forced  <-chan time.Time // until a hand-over has to be over
	lease   resume.Lease     // nil: only this process knows the session
	state   *session.State   // where the session stands; nil: nobody asks
	entered bool             // into the directory, or on the way
	yielded bool             // another process goes on
	taken   bool             // by another process, which did not wait
	away    bool             // the registry knows that the client is not there
	last    *ending          // after the turn under way
}

// maxRow is how many messages go out in a row before anything else is looked at:
// to look at all of it costs more than a message does.
const maxRow = 16

// pumpAll takes everything that the session says until it says no more, and then
// closes the connection. It returns false when it only rests.
func (h *host) pumpAll() (over bool) {
	p := &h.pump
	events := h.session.Events()
	row := 0
	for open := true; open; {
		if row < maxRow {
			select {
			case out, ok := <-events:
				if open = ok; ok {
					h.hand(out)
				}
				row++
				continue
			default:
			}
		}
		row = 0
		var lost, asked <-chan struct{}
		if p.lease != nil {
			lost, asked = p.lease.Lost(), p.lease.Asked()
			if p.yielded {
				asked = nil
			}
		}
		select {
		case out, ok := <-events:
			if open = ok; ok {
				h.hand(out)
			}
		case a := <-h.attach:
			a.taken <- h.plug(a)
		case d := <-h.left:
			if d.conn == p.conn {
				h.unplug(d.goodbye)
			}
		case n := <-h.forget:
			p.replay.forget(n)
		case <-h.rest.told:
			if h.restPump() {
				return false
			}
		case <-p.waitC:
			h.end(ending{protocol.CloseNormal, "The client did not come back."})
		case l := <-h.leased:
			h.enter(l)
		case <-asked:
			h.giveAway()
		case e := <-h.away:
			h.goAway(e)
		case <-p.forced:
			h.forced()
		case <-lost:
			p.taken = true
			h.end(ending{protocol.CloseRestart, "Another process goes on with the session."})
			h.release()
		case <-h.ran: // without closing its events: it panicked
			open = false
		}
	}
	defer close(h.done)
	<-h.ran
	p.stopWaiting()
	h.release()
	p.replay.free()
	if p.conn != nil {
		p.conn.shut(*h.ending.Load())
		h.detach()
	}
	return true
}

// hand brings one output to the client, or keeps it.
func (h *host) hand(out session.Output) {
	p := &h.pump
	m := saying{seq: out.Head.Seq, turn: out.Head.Turn, kind: websocket.MessageBinary, data: out.Audio}
	if out.Audio == nil {
		h.follow(out)
		if _, aside := out.Event.(protocol.Ack); aside {
			h.save(out.State)
			if p.conn != nil && !p.conn.tell(out.Head, out.Event) {
				h.unplug(false)
			}
			return
		}
		var err error
		m.kind = websocket.MessageText
		m.data, err = encode(out.Head, out.Event, p.words)
		if err != nil {
			h.log().Error("event can't be written", "error", err)
			h.end(ending{protocol.CloseInternal, "Something broke inside sori."})
			return
		}
	}
	h.logMessage(m)
	h.save(out.State)
	if p.conn != nil && terminal(out.Event) {
		h.record()
	}
	kept := h.key != ""
	if kept {
		p.replay.add(m)
	}
	written := p.conn != nil && p.conn.write(m.kind, m.data.Data)
	if !kept {
		m.data.Free()
	}
	switch {
	case written:
		h.wrote.Store(m.seq)
	case p.conn != nil:
		h.unplug(false)
	}
}

// follow notes what the events say of the session.
func (h *host) follow(out session.Output) {
	p := &h.pump
	switch e := out.Event.(type) {
	case protocol.Ready:
		if e.User != "" {
			user := e.User // and not all of the event
			h.user.Store(&user)
		}
		h.register(e.User)
		h.quiet() // most do nothing at first, and would hold two goroutines for a second
	case protocol.TurnStarted:
		p.turn = out.Head.Turn
	case protocol.TurnDone, protocol.TurnCancelled, protocol.TurnFailed:
		p.turn = 0
		if p.last != nil { // after this event
			h.drain(*p.last)
		}
	case protocol.Problem:
		if e.Code == protocol.ErrSessionQuota { // not before: a session that ends may leave inputs unheard
			h.end(ending{protocol.CloseQuota, "There are as many sessions as there may be."})
		}
	}
}

// plug attaches a connection, and says whether it could. One that was attached
// before is told that it is not any more.
func (h *host) plug(a attachment) bool {
	p := &h.pump
	if h.ending.Load() != nil || p.yielded || a.conn.gone.Load() {
		return false
	}
	if old := p.conn; old != nil {
		h.detach()
		old.shut(ending{protocol.CloseTaken, "Another connection resumed the session."})
	}
	p.stopWaiting()
	p.conn, p.words = a.conn, a.conn.words
	h.conn.Store(a.conn)
	h.present(true)
	h.feed.Lock()
	h.source = a.conn
	h.received = max(h.received, a.resume.Forgotten) // those are gone: nobody can say them again
	received := h.received
	h.feed.Unlock()
	p.replay.forget(a.resume.Seen)
	after := p.replay.before()
	resumed := protocol.Resumed{Session: h.session.ID(), Received: received, Lost: after - min(after, a.resume.Seen)}
	ok := a.conn.tell(protocol.Head{Seq: after, Turn: p.turn, MS: time.Since(h.began).Milliseconds()}, resumed)
	unheard := 0
	for _, m := range p.replay.held() {
		if !ok {
			break
		}
		ok = a.conn.write(m.kind, m.data.Data)
		if m.kind == websocket.MessageBinary && m.turn == p.turn {
			unheard += len(m.data.Data)
		}
	}
	h.wrote.Store(p.replay.last)
	h.log().Info("session resumed", "messages", p.replay.len(), "lost", resumed.Lost)
	h.give(session.Input{Presence: session.Back, Unheard: unheard})
	if !ok {
		h.unplug(false)
	}
	return true
}

// detach takes the connection away from the session.
func (h *host) detach() {
	h.feed.Lock()
	h.source = nil
	h.feed.Unlock()
	h.pump.conn = nil
	h.conn.Store(nil)
}

// unplug is called when the connection is gone. The session waits for the next
// one, unless the client said goodbye.
func (h *host) unplug(goodbye bool) {
	p := &h.pump
	h.detach()
	h.present(false)
	if goodbye || h.key == "" {
		h.end(ending{protocol.CloseNormal, "The client closed the connection."})
		return
	}
	if h.ending.Load() != nil || p.yielded {
		return
	}
	p.waiting = time.NewTimer(h.server.cfg.ResumeWait)
	p.waitC = p.waiting.C
	h.give(session.Input{Presence: session.Left})
}

// present tells the registry whether the client is there.
func (h *host) present(yes bool) {
	if h.pump.away == yes {
		h.pump.away = !yes
		h.server.registry.present(yes)
	}
}

func (p *pump) stopWaiting() {
	if p.waiting != nil {
		p.waiting.Stop()
		p.waiting, p.waitC = nil, nil
	}
}

// register enters the session into the directory. Until that is done, and where
// it fails, the session is known to this process alone.
func (h *host) register(user string) {
	d := h.server.cfg.Directory
	if d == nil || h.pump.entered || h.key == "" {
		return
	}
	h.pump.entered = true
	hash := hashOf(h.key)
	s := resume.Session{ID: h.session.ID(), User: user, Owner: h.owner, KeyHash: hex.EncodeToString(hash[:])}
	h.work.Go(func() {
		for pause := time.Second; ; pause = min(2*pause, maxEnterPause) {
			limited, cancel := context.WithTimeout(context.Background(), enterTimeout)
			l, err := d.Open(limited, s)
			cancel()
			if err == nil {
				h.leased <- lease{l}
				return
			}
			h.log().Warn("session can't be resumed elsewhere yet", "error", err)
			select {
			case <-time.After(pause/2 + rand.N(pause/2)): //nolint:gosec // a pause
			case <-h.quit:
				return
			}
		}
	})
}

const (
	enterTimeout  = 5 * time.Second
	maxEnterPause = 30 * time.Second
)

// giveAway lets another process go on. The client goes there too.
func (h *host) giveAway() {
	p := &h.pump
	if p.yielded || h.ending.Load() != nil {
		return
	}
	p.yielded = true
	p.stopWaiting()
	if c := p.conn; c != nil {
		h.detach()
		h.present(false)
		c.shut(ending{protocol.CloseRestart, "Another process goes on with the session."})
	}
	p.forced = time.After(h.server.cfg.HandOverTimeout)
	h.give(session.Input{Presence: session.Elsewhere})
}

// goAway lets the session go to another process, or where there is none, end
// after the turn under way.
func (h *host) goAway(e ending) {
	p := &h.pump
	switch {
	case h.ending.Load() != nil || p.yielded:
	case p.lease != nil:
		h.sayGoingAway(e)
		h.giveAway()
	case p.turn == 0 || p.conn == nil:
		h.sayGoingAway(e)
		h.end(e)
	default:
		if p.last == nil {
			p.forced = time.After(h.server.cfg.HandOverTimeout)
		}
		p.last = &e
	}
}

// forced is called when the turn under way took too long.
func (h *host) forced() {
	p := &h.pump
	if p.last != nil {
		h.sayGoingAway(*p.last)
		h.end(*p.last)
		return
	}
	h.cancel()
}

// sayGoingAway asks the client to come back after a while, another one for each
// client, so that they do not come all at once.
func (h *host) sayGoingAway(e ending) {
	p := &h.pump
	if p.conn == nil || h.key == "" {
		return
	}
	delay := rand.N(h.server.cfg.AwaySpread) //nolint:gosec // a pause
	head := protocol.Head{Seq: h.wrote.Load(), Turn: p.turn, MS: time.Since(h.began).Milliseconds()}
	if !p.conn.tell(head, protocol.GoingAway{DelayMS: delay.Milliseconds(), Reason: e.reason}) {
		h.unplug(false)
	}
}
