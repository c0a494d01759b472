package server

import (
	"context"

	"sori/session"
)

// Heard is the latest result that an ATOT service has for a user.
type Heard struct {
	UserID   string // as the service names the user; "" when it does not
	InputWAV string // where the service keeps the recording
	Text     string
}

// Steps is what the seed's step-by-step run works with: a service that has heard
// the user already, and the engines of the two steps after it. A run with audio
// does not need it: it is a turn of a session.
type Steps struct {
	// PullATOT asks the ATOT service for what it heard last from a user. nil:
	// there is none to ask.
	PullATOT   func(ctx context.Context, userID string) (Heard, error)
	ATOTEngine string // its name in history

	// PullTTOT asks a TTOT service for its latest reply to a user; it is asked
	// where the service takes no text. May be nil.
	PullTTOT func(ctx context.Context, userID string) (text string, err error)
	TTOT     session.Responder
	TTS      session.Synthesizer

	History    session.History
	Recordings session.Recordings // nil: none are kept, and output_wav stays null
}
