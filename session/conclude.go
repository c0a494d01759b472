package session

import (
	"context"
	"errors"
	"time"

	"sori/history"
	"sori/protocol"
	"sori/stage"
)

// How a turn ends: its record is kept, and then the client is told.

// keepResult is what came of writing a record.
type keepResult struct {
	turn         int
	delayed, err error
}

// keep finishes the turn's record and hands it to history. The context outlives
// the connection: a turn is kept also when its client is gone.
func (s *Session) keep(ctx context.Context) {
	t := s.turn
	t.stopReply(nil)
	t.stopAll(nil)
	if t.cut && t.heardMS != nil && t.home.ttotText != "" {
		s.emitFor(t.number, protocol.ReplyCorrected{Heard: t.heard, HeardMS: *t.heardMS, Written: t.home.ttotText})
	}
	t.terminal = t.conclusion(time.Now())
	if s.opts.Fence != nil {
		t.record.Fence = s.opts.Fence()
	}
	if s.opts.Allowance != nil {
		s.opts.Allowance.Spoken(time.Duration(t.record.OutputMS) * time.Millisecond)
	}
	s.memory.learn(t.home, t.record)
	rec, n := t.record, t.number
	ctx = context.WithoutCancel(ctx)
	done := make(chan keepResult, 1)
	s.keepDone = done
	s.crew.Go(func() {
		delayed, err := s.deps.History.Keep(ctx, rec)
		done <- keepResult{n, delayed, err}
	})
}

func (s *Session) takeKept(ctx context.Context, k keepResult) {
	s.keepDone = nil
	if errors.Is(k.err, history.ErrFenced) {
		// Another process has the session, and tells the client how the turn ended.
		s.err, s.leaving = ErrFenced, true
		return
	}
	s.turn.safe = k.err == nil
	switch {
	case k.err != nil:
		s.log().Error("turn is held in memory only", "turn", k.turn, "error", k.err)
		s.emitFor(k.turn, protocol.Warning{Code: protocol.WarnHistoryLost, Message: "Neither the history store nor the disk takes this turn now. It is held in memory and written as soon as one of them is back."})
	case k.delayed != nil:
		s.log().Warn("turn is set aside", "turn", k.turn, "error", k.delayed)
		s.emitFor(k.turn, protocol.Warning{Code: protocol.WarnHistoryDelayed, Message: "The history store is not available. The turn is safe on disk and is written when the store is back."})
	}
	s.handle(ctx, kept{k.turn, s.following()})
}

// conclude sends the turn's one terminal event.
func (s *Session) conclude() {
	t := s.turn
	s.turn = nil
	t.job.free()
	if t.safe {
		s.settleTurn(t)
	}
	s.emitState(t.number, t.terminal)
	t.observed(TurnEnd{
		Record: &t.record, Source: t.job.entry.source(), Cancelled: t.reason,
		Events: t.mostEvents, Voice: lengthOf(t.mostVoice, t.job.settings.output.Rate),
	})
	s.settleInput()
	s.acknowledge()
	s.fullTold = false // a full utterance that could not be taken may fit now
	s.attune()
	s.awaitUser(t)
	s.log().Debug("turn ended", "turn", t.number, "turn_id", t.record.ID, "status", string(t.record.Status))
}

// keepWaiting records the committed turns that the end of the session leaves
// without an answer.
func (s *Session) keepWaiting(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	for _, e := range s.waiting {
		s.start(ctx, s.lastTurn+1, e)
		s.stop(protocol.CancelledByEnd, true)
		for t := s.turn; t.home == nil; {
			select {
			case o := <-t.out:
				s.takeFromTurn(ctx, o)
			case t.home = <-t.homeC:
			}
		}
		s.later = nil
		s.keep(ctx)
		s.takeKept(ctx, <-s.keepDone)
		s.conclude()
	}
	s.waiting = nil
}

// conclusion makes the record whole and says how the turn ended.
func (t *turn) conclusion(now time.Time) protocol.Event {
	j, r := t.job, t.home
	rec := history.Turn{
		ID: j.id, UserID: j.settings.user, SessionID: j.session, Number: t.number,
		StartedAt: t.committed.UTC(), EndedAt: now.UTC(), Language: j.settings.language,
		InputWAV: r.inputWAV, ATOTText: r.atotText, TTOTText: r.ttotText, OutputWAV: r.outputWAV,
		OutputMS: r.outputMS, Engines: r.engines, Timings: r.timings, Received: t.settles,
		Apology: r.apology,
	}
	if c := j.entry.clip; c != nil {
		rec.InputMS = c.Duration().Milliseconds()
	}
	if !t.firstAudio.IsZero() && r.outputMS > 0 {
		rec.Timings.AudioFirst = j.since(t.firstAudio)
	}
	if !t.firstHeard.IsZero() && r.outputMS > 0 {
		rec.Timings.HeardFirst = j.since(t.firstHeard)
	}
	rec.Timings.Decision = j.since(t.committed)
	rec.Timings.End = j.since(now)
	if t.cut {
		rec.HeardMS, rec.TTOTText = t.heardMS, t.heard
	}
	t.record = rec
	switch {
	case r.failure != nil:
		return t.failed(r.failure)
	case t.reason != "":
		t.record.Status = history.Cancelled
		return protocol.TurnCancelled{Reason: t.reason, Record: t.record}
	default:
		t.record.Status = history.Done
		return protocol.TurnDone{Record: t.record}
	}
}

func (t *turn) failed(f *stage.Error) protocol.Event {
	t.record.Status = history.Failed
	t.record.Error = &history.Failure{Stage: string(f.Stage), Code: f.Code, Message: f.Message}
	return protocol.TurnFailed{Stage: f.Stage, Code: f.Code, Message: f.Message, Record: t.record}
}
