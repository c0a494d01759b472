package session

import (
	"context"
	"time"

	"sori/history"
	"sori/protocol"
	"sori/stage"
)

// Observer is told what happens in sessions, for metrics and traces. Any number
// of goroutines call it; it neither blocks nor keeps what it is given. Nothing
// of it is called per frame of audio.
type Observer interface {
	// SessionBegan and SessionEnded come once each for a session that runs.
	SessionBegan()
	SessionEnded()
	// TurnBegan is told when the stages of a turn are let go, also of a draft.
	// They work under the context that it gives. ended is called once.
	TurnBegan(ctx context.Context, t TurnStart) (under context.Context, ended func(TurnEnd))
	// StageBegan is told when a stage turns to its engine, under its turn's
	// context. The engine is called under the context that it gives.
	StageBegan(ctx context.Context, name stage.Name, engine string) (context.Context, StageObserver)
	// Interrupted is told what came of speech over a reply, and how long the
	// reply was held for it: "seized", or why the speech was discarded.
	Interrupted(verdict string, held time.Duration)
	// Dropped is told of audio that nobody will transcribe or hear.
	Dropped(why DropReason, d time.Duration)
	// Blocked is told of an input that had to wait because the inbox was full.
	Blocked()
}

// StageObserver is told of one use of an engine by a stage. Both methods are
// called by the stage's goroutine.
type StageObserver interface {
	// First is called at the first result: words, or audio.
	First()
	// Ended is called once, with the engine that served and the failure, if any.
	// A stage that was stopped did not fail.
	Ended(engine string, failure *stage.Error, wasStopped bool)
}

// TurnStart says which turn begins.
type TurnStart struct {
	SessionID string
	TurnID    string
	Source    protocol.Source
	Spoken    time.Time // the end of speech, from which latency counts
	Draft     bool      // it may come to nothing
}

// TurnEnd says how a turn ended.
type TurnEnd struct {
	Record    *history.Turn         // nil: it was a draft and came to nothing
	Source    protocol.Source       // as in TurnStart
	Cancelled protocol.CancelReason // why it was stopped, "" if it was not
	Events    int                   // the most events that waited for the client while it was live
	Voice     time.Duration         // the most reply audio that waited
}

// DropReason says why audio was not used.
type DropReason string

// The reasons. Silence between utterances is used: the detector heard it.
const (
	DropUnconfigured DropReason = "unconfigured" // it came before session.configure
	DropInvalid      DropReason = "invalid"      // it is no audio of the format that was agreed on
	DropTooLarge     DropReason = "too_large"    // the frame was over the limit
	DropCleared      DropReason = "cleared"      // the client took it back
	DropFull         DropReason = "full"         // the utterance was full and could not be committed
	DropQuota        DropReason = "quota"        // a limit stood against the turn
	DropNoWords      DropReason = "no_words"     // speech without words
	DropNod          DropReason = "nod"          // a nod over the reply
	DropEcho         DropReason = "echo"         // sori's own voice
	DropEnd          DropReason = "session_end"  // it was not committed when the session ended
	DropReply        DropReason = "reply_cut"    // speech of a reply that was stopped before it left
)

// DropReasons gives all of them.
func DropReasons() []DropReason {
	return []DropReason{
		DropUnconfigured, DropInvalid, DropTooLarge, DropCleared, DropFull, DropQuota,
		DropNoWords, DropNod, DropEcho, DropEnd, DropReply,
	}
}

// Seized is the verdict on speech that took the floor.
const Seized = "seized"

// unobserved is an Observer that nobody asked for.
type unobserved struct{}

func (unobserved) SessionBegan() {}
func (unobserved) SessionEnded() {}
func (unobserved) TurnBegan(ctx context.Context, _ TurnStart) (context.Context, func(TurnEnd)) {
	return ctx, func(TurnEnd) {}
}

func (unobserved) StageBegan(ctx context.Context, _ stage.Name, _ string) (context.Context, StageObserver) {
	return ctx, unobserved{}
}
func (unobserved) Interrupted(string, time.Duration) {}
func (unobserved) Dropped(DropReason, time.Duration) {}
func (unobserved) Blocked()                          {}
func (unobserved) First()                            {}
func (unobserved) Ended(string, *stage.Error, bool)  {}

// dropped reports audio that came in, counted in bytes at 16,000 Hz.
func (s *Session) dropped(why DropReason, bytes int) {
	if bytes > 0 {
		s.deps.Observer.Dropped(why, lengthOf(bytes, 16_000))
	}
}

// noteProblem reports what the connection could not take. How long the sound of
// a frame over the limit is was not counted: it is at least the limit.
func (s *Session) noteProblem(p *protocol.Problem) {
	if p.Code == protocol.ErrFrameTooLarge {
		s.dropped(DropTooLarge, protocol.MaxAudioFrame)
	}
}

// discardReason is why discarded speech was dropped.
func discardReason(why protocol.Discard) DropReason {
	switch why {
	case protocol.DiscardNod:
		return DropNod
	case protocol.DiscardEcho:
		return DropEcho
	case protocol.DiscardNoWords:
	}
	return DropNoWords
}

// measure notes how full the outbox is.
func (t *turn) measure(o *outbox) {
	t.mostEvents = max(t.mostEvents, o.events.len())
	t.mostVoice = max(t.mostVoice, o.audioBytes)
}

// endStage tells an observer how a stage ended.
func (w *worker) endStage(ctx context.Context, o StageObserver, name stage.Name, engine string, err error) {
	switch {
	case err == nil:
		o.Ended(engine, nil, false)
	case isStopped(ctx):
		o.Ended(engine, nil, true)
	default:
		o.Ended(engine, stage.AsError(name, err), false)
	}
}
