package session

import (
	"context"
	"time"
)

// Presence says what became of the client.
type Presence int

// The kinds of presence.
const (
	// Left says that the client's connection is gone and that it may come back.
	// What is heard waits; everything else goes on.
	Left Presence = 1 + iota
	// Back says that it came back and has what left meanwhile.
	Back
	// Elsewhere says that another process goes on with the session: the turn under
	// way ends at once, without the client's ear, and the session with it.
	Elsewhere
	// Quiet says that nothing was heard from the client for a while: where nothing
	// is under way either, Run returns [ErrResting].
	Quiet
)

// attendTo takes in what became of the client. unheard is how much audio of the
// live turn left before and has only now come to the client, in bytes.
func (s *Session) attendTo(ctx context.Context, p Presence, unheard int) {
	switch p {
	case Left:
		s.away = true
		s.idleC.stop()
		if t := s.turn; t != nil {
			t.pacer.hold(time.Now())
			t.played = nil
		}
	case Back:
		s.away = false
		s.come(unheard)
	case Elsewhere:
		s.handOver(ctx)
	case Quiet:
		s.resting = s.idles(ctx)
	}
}

// come lets what stood still go on.
func (s *Session) come(unheard int) {
	now := time.Now()
	if a := s.attention; a != nil && a.ear.Speaking() {
		a.lastFrame = now
		a.deafC = time.After(s.opts.FrameGap)
	}
	t := s.turn
	if t == nil {
		if s.lastTurn > 0 && s.settings.idle.AfterMS != 0 {
			s.idleC.set(ms(s.settings.idle.AfterMS))
		}
		return
	}
	p := &t.pacer
	p.ahead = min(p.sent, max(p.ahead, lengthOf(unheard, t.job.settings.output.Rate)))
	if t.held {
		return
	}
	p.release(now)
	if t.endSent && t.job.settings.reports && !t.cut {
		t.played = time.After(p.ahead)
	}
}

// handOver lets the turn under way come to its end without waiting for an ear,
// and then the session. What the client said since is its own to say again.
func (s *Session) handOver(ctx context.Context) {
	s.handing = true
	s.dropDraft()
	s.scribe.reset()
	for _, e := range s.waiting {
		if e.clip != nil {
			e.clip.Release()
		}
	}
	s.waiting = nil
	switch p := s.phase.(type) {
	case held:
		s.handle(ctx, dismissed{})
	case stopping:
		s.phase = stopping{p.turn, 0}
	case keeping:
		s.phase = keeping{p.turn, 0}
	case unready, idle, listening, live, leaving, gone:
	}
	if t := s.turn; t != nil {
		t.pacer.lead = 0
		if t.played != nil || t.endSent && t.job.settings.reports && !t.cut {
			t.played = nil
			s.handle(ctx, drained{t.number})
		}
	}
}

// handed says whether nothing is left to do before another process goes on.
func (s *Session) handed() bool {
	if !s.handing || !s.out.empty() {
		return false
	}
	switch s.phase.(type) {
	case unready, idle:
		return true
	case listening, live, held, stopping, keeping, leaving, gone:
	}
	return false
}
