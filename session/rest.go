package session

import (
	"context"
	"errors"
)

// ErrResting is returned by Run when it was told that the client is [Quiet] and
// there is nothing to do: an idle session holds no goroutine. Run has to be
// called again when the session is waiting, or its context has ended.
var ErrResting = errors.New("session: it is at rest")

// Waiting says whether there is an input to be handled. Any goroutine may ask.
func (s *Session) Waiting() bool { return len(s.inbox) > 0 }

// idles says whether only an input or the context's end can make the session do
// anything.
func (s *Session) idles(ctx context.Context) bool {
	switch s.phase.(type) {
	case unready, idle:
	case listening, live, held, stopping, keeping, leaving, gone:
		return false
	}
	switch {
	case ctx.Err() != nil, s.away, s.handing, s.Waiting(), !s.out.empty():
		return false
	case s.turn != nil, s.draft != nil, len(s.waiting) > 0, s.scribe.busy, len(s.scribe.results) > 0:
		return false
	case s.settings.idle.AfterMS != 0: // a prompt may be due
		return false
	}
	return s.attention == nil || s.attention.deafC == nil && !s.attention.ear.Speaking()
}
