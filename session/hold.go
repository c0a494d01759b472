package session

import (
	"context"
	"time"

	"sori/protocol"
	"sori/session/words"
)

// How long a reply is held for somebody who speaks over it. When the words are
// not known by then, the length of the speech decides: to overhear a "stop" is
// worse than to stop for a long cough.
const (
	verdictTime = 2500 * time.Millisecond
	floorTime   = 500 * time.Millisecond // so much speech takes the floor, whatever it says
)

// echoWords is how many words of its own voice settle that it is an echo while
// the speech still goes on.
const echoWords = 3

// hold pauses the reply: the user speaks.
func (s *Session) hold() {
	t := s.turn
	t.held = true
	t.verdictBy = time.After(verdictTime)
	t.heldAt = time.Now()
	t.pacer.hold(time.Now())
	s.emitFor(t.number, protocol.ReplyPaused{})
}

// release lets the reply go on where it was.
func (s *Session) release() {
	t := s.turn
	t.held, t.verdictBy = false, nil
	if !s.away {
		t.pacer.release(time.Now())
	}
	s.emitFor(t.number, protocol.ReplyResumed{})
	s.attune()
}

// judge decides by its words whether what the user says over the reply takes the
// floor.
func (s *Session) judge(ctx context.Context, r scribed) {
	over := s.scribe.final
	if !over && s.attention != nil {
		over = r.whole && s.attention.ear.Paused()
	}
	switch {
	case r.err != nil:
		if over {
			s.dismiss(ctx, protocol.DiscardNoWords)
		}
	case words.Echo(r.text, said(s.turn.spans, s.turn.pacer.sent)):
		if over || words.Count(r.text) >= echoWords {
			s.turn.echoes++
			s.dismiss(ctx, protocol.DiscardEcho)
		}
	case !words.Nod(r.text):
		s.seize(ctx)
	case over && words.Count(r.text) == 0:
		s.dismiss(ctx, protocol.DiscardNoWords)
	case over:
		s.dismiss(ctx, protocol.DiscardNod)
	}
}

// seize gives the floor to the user.
func (s *Session) seize(ctx context.Context) {
	over := s.scribe.final
	s.turn.verdictBy = nil
	s.deps.Observer.Interrupted(Seized, time.Since(s.turn.heldAt))
	s.handle(ctx, seized{})
	if over && s.attention != nil { // else the client took it over to end utterances meanwhile
		s.emit(protocol.SpeechStopped{AudioMS: s.heardMS() - s.attention.ear.Quiet().Milliseconds()})
		s.commit(ctx, false)
	}
}

// dismiss lets the reply go on and forgets what was said over it.
func (s *Session) dismiss(ctx context.Context, why protocol.Discard) {
	s.deps.Observer.Interrupted(string(why), time.Since(s.turn.heldAt))
	if s.attention != nil {
		s.discard(why)
	}
	s.handle(ctx, dismissed{})
}

// timeUp decides without words, when ATOT is late.
func (s *Session) timeUp(ctx context.Context) {
	s.turn.verdictBy = nil
	if _, waits := s.phase.(held); !waits {
		return
	}
	if s.attention == nil || s.scribe.voiced+s.attention.ear.Voiced() >= floorTime {
		s.seize(ctx)
		return
	}
	s.dismiss(ctx, protocol.DiscardNoWords)
}

// judging says whether speech over the reply has ended and is not judged yet.
func (s *Session) judging() bool {
	_, waits := s.phase.(held)
	return waits && s.scribe.final
}
