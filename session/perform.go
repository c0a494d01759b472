package session

import (
	"context"

	"sori/audio"
	"sori/protocol"
)

// handle asks next and performs the effects.
func (s *Session) handle(ctx context.Context, e event) {
	s.handleWith(ctx, e, nil)
}

// handleWith is handle for an event that brings something along: a
// configuration, or what was committed.
func (s *Session) handleWith(ctx context.Context, e event, with *cargo) {
	to, todo := next(s.phase, e, s.lastTurn)
	s.phase = to
	for _, f := range todo {
		if f != nil {
			s.perform(ctx, f, with)
		}
	}
	for len(s.later) > 0 {
		e := s.later[0]
		s.later = s.later[1:]
		s.handle(ctx, e)
	}
}

// inbound queues an event that an effect gives rise to; it is handled after the
// effects of the present one.
func (s *Session) inbound(e event) { s.later = append(s.later, e) }

// cargo is what an event brings along for the one effect that uses it.
type cargo struct {
	settings  settings
	input     *audio.Input // nil: as it is
	attention *attention   // nil: as it is
	entry     func() entry // takes the utterance, or the text
	respond   *Respond     // what was asked for
}

func (s *Session) perform(ctx context.Context, f effect, with *cargo) {
	switch f := f.(type) {
	case refuse:
		s.refuse(f.code)
	case configure:
		s.configure(with)
	case listen:
		s.listen(ctx)
	case forget:
		s.forget()
	case start:
		s.start(ctx, f.turn, s.accepted(with.entry()))
	case enqueue:
		s.waiting = append(s.waiting, s.accepted(with.entry()))
	case answer:
		s.answer(with.respond)
	case answerWaiting:
		s.answerWaiting(with.respond)
	case startWaiting:
		first := s.waiting[0]
		s.waiting = append(s.waiting[:0], s.waiting[1:]...)
		s.start(ctx, f.turn, first)
		if f.mute {
			s.stop(protocol.CancelledByNewTurn, false)
		}
	case hush:
		s.stop(f.reason, false)
	case kill:
		s.stop(f.reason, true)
	case hold:
		s.hold()
	case release:
		s.release()
	case keep:
		s.keep(ctx)
	case conclude:
		s.conclude()
	case keepWaiting:
		s.keepWaiting(ctx)
	case leave:
		s.leaving = true
	}
}
