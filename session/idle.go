package session

import (
	"context"
	"time"
)

// awaitUser lets the time of the idle prompt run from when the reply of t was
// heard. A prompt is not followed by another: the user has to do something first.
func (s *Session) awaitUser(t *turn) {
	p := s.settings.idle
	if p.AfterMS == 0 || t.job.entry.say != "" || t.job.entry.idle {
		return
	}
	left := t.pacer.ahead
	if t.cut {
		left = 0
	}
	s.idleFrom = s.heardMS() + left.Milliseconds()
	if !s.away {
		s.idleC.set(left + ms(p.AfterMS))
	}
}

// awaitOn lets the time run from its beginning where a noise stopped it: a cough
// is nothing that the user did.
func (s *Session) awaitOn() {
	if !s.idleHeld {
		return
	}
	s.idleHeld = false
	if p := s.settings.idle; p.AfterMS != 0 && !s.away {
		s.idleFrom = s.heardMS()
		s.idleC.set(ms(p.AfterMS))
	}
}

// prompt says the idle prompt, unless the user is doing something.
func (s *Session) prompt(ctx context.Context) {
	if _, free := s.phase.(idle); !free || s.settings.idle.AfterMS == 0 || s.away || s.handing {
		return
	}
	if s.attention != nil && s.attention.ear.Speaking() {
		s.idleHeld = true
		return
	}
	now := time.Now()
	s.handleWith(ctx, typed{}, &cargo{entry: func() entry {
		if s.settings.idle.Text == "" { // the model finds the words
			return entry{id: newID(), respond: &Respond{}, idle: true, spoken: now, committed: now}
		}
		return entry{say: s.settings.idle.Text, spoken: now, committed: now}
	}})
}
