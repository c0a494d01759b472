package session

import (
	"context"
	"errors"
	"slices"
	"time"

	"sori/history"
	"sori/protocol"
)

// turn is what the actor knows of the turn that is not concluded yet. Owned by
// the goroutine of Run; the turn's own goroutines work on its job alone.
type turn struct {
	number int
	job    *job

	// in
	out chan turnOut // unbuffered: what the actor does not take holds the stages up

	stopAll   context.CancelCauseFunc // ends every stage
	stopReply context.CancelCauseFunc // ends TTOT and TTS only
	reason    protocol.CancelReason   // why it was stopped, "" if it was not
	cut       bool                    // its audio is dropped
	overdue   <-chan time.Time

	begun      bool      // audio.begin was queued
	ended      bool      // audio.end was queued
	endSent    bool      // audio.end has left
	sentBytes  int64     // of audio, handed to the client's side
	firstAudio time.Time // when the first of it was
	home       *result   // set when its goroutines are back
	terminal   protocol.Event
	record     history.Turn
}

// stopped is the cause with which a turn's contexts are cancelled.
type stopped struct{ reason protocol.CancelReason }

func (s stopped) Error() string { return "session: the turn was stopped: " + string(s.reason) }

// isStopped says whether ctx was ended by a stop: what fails then is no failure.
func isStopped(ctx context.Context) bool {
	_, ok := errors.AsType[stopped](context.Cause(ctx))
	return ok
}

// start begins a turn.
func (s *Session) start(ctx context.Context, number int, e entry) {
	s.lastTurn = number
	all, stopAll := context.WithCancelCause(context.WithoutCancel(ctx))
	reply, stopReply := context.WithCancelCause(all)
	j := &job{
		id: newID(), session: s.id, number: number, entry: e, settings: s.settings,
		opts: s.opts, deps: s.deps, log: s.log.With("turn", number),
		history: slices.Clone(s.memory.turns), load: !s.memory.loaded,
	}
	t := &turn{number: number, job: j, out: make(chan turnOut), stopAll: stopAll, stopReply: stopReply}
	s.turn = t
	started := protocol.TurnStarted{ID: j.id, Source: protocol.FromText}
	if e.clip != nil {
		started.Source, started.InputMS = protocol.FromSpeech, e.clip.Duration().Milliseconds()
	}
	s.emitFor(number, started)
	if e.limited {
		s.emitFor(number, protocol.Warning{
			Code:    protocol.WarnUtteranceLimit,
			Message: "The utterance reached its limit of " + s.opts.MaxUtterance.String() + ". It was ended there and is being answered; what you say now belongs to the next one.",
		})
	}
	go j.run(all, reply, t.out) // takeFromTurn waits for it
}

// stop ends the turn under way: all of it, or its reply alone.
func (s *Session) stop(reason protocol.CancelReason, all bool) {
	t := s.turn
	if t.reason == "" {
		t.reason = reason
	}
	t.stopReply(stopped{reason})
	if all {
		t.stopAll(stopped{reason})
		t.overdue = nil
	} else if t.home == nil && t.overdue == nil {
		t.overdue = time.After(s.opts.Patience)
	}
	s.cut()
	if t.home != nil {
		s.inbound(drained{t.number})
	}
}

// cut drops the audio that has not left and closes the reply.
func (s *Session) cut() {
	t := s.turn
	t.cut = true
	s.out.dropAudio(t.number)
	s.endAudio()
}

// endAudio closes the reply's audio once, where it was opened.
func (s *Session) endAudio() {
	if t := s.turn; t.begun && !t.ended {
		t.ended = true
		if t.cut {
			s.emitFor(t.number, t.audioEnd())
			return
		}
		s.emitFor(t.number, audioEnd{})
	}
}

func (t *turn) audioEnd() protocol.AudioEnd {
	return protocol.AudioEnd{Bytes: t.sentBytes, MS: t.sentBytes * 1000 / int64(2*t.job.settings.output.Rate)}
}

// audioEnd stands in the outbox for protocol.AudioEnd, whose figures are known
// only when it leaves.
type audioEnd struct{}

func (audioEnd) Type() string { return protocol.AudioEnd{}.Type() }

// inbound queues an event that an effect gives rise to; it is handled after the
// effects of the present one.
func (s *Session) inbound(e event) { s.later = append(s.later, e) }

// takeFromTurn handles what the turn's goroutines send.
func (s *Session) takeFromTurn(ctx context.Context, o turnOut) {
	t := s.turn
	switch {
	case o.home != nil:
		t.home = o.home
		t.overdue = nil
		s.endAudio()
		if t.cut || !t.begun || t.endSent {
			s.handle(ctx, drained{t.number})
		}
	case o.audio != nil:
		if t.cut {
			o.audio.Free()
			return
		}
		if !t.begun {
			t.begun = true
			s.emitFor(t.number, protocol.AudioBegin{Format: t.job.settings.output})
		}
		s.out.push(item{turn: t.number, ms: time.Since(s.began).Milliseconds(), audio: o.audio})
	case o.event != nil:
		s.emitFor(t.number, o.event)
	}
}

// delivered notes what has left for the client.
func (s *Session) delivered(ctx context.Context, it item) {
	t := s.turn
	if t == nil || it.turn != t.number {
		return
	}
	if it.audio != nil {
		if t.sentBytes == 0 {
			t.firstAudio = time.Now()
		}
		t.sentBytes += int64(it.bytes)
		return
	}
	if _, ok := it.event.(audioEnd); ok {
		t.endSent = true
		if t.home != nil && !t.cut {
			s.handle(ctx, drained{t.number})
		}
	}
}

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
	t.terminal = t.conclusion(time.Now())
	s.memory.learn(t.home, t.record)
	rec, n := t.record, t.number
	ctx = context.WithoutCancel(ctx)
	go func() { // takeKept waits for it
		delayed, err := s.deps.History.Keep(ctx, rec)
		s.keepDone <- keepResult{n, delayed, err}
	}()
}

func (s *Session) takeKept(ctx context.Context, k keepResult) {
	switch {
	case k.err != nil:
		s.log.Error("turn is held in memory only", "turn", k.turn, "error", k.err)
		s.emitFor(k.turn, protocol.Warning{Code: protocol.WarnHistoryLost, Message: "Neither the history store nor the disk takes this turn now. It is held in memory and written as soon as one of them is back."})
	case k.delayed != nil:
		s.log.Warn("turn is set aside", "turn", k.turn, "error", k.delayed)
		s.emitFor(k.turn, protocol.Warning{Code: protocol.WarnHistoryDelayed, Message: "The history store is not available. The turn is safe on disk and is written when the store is back."})
	}
	s.handle(ctx, kept{k.turn})
}

// conclude sends the turn's one terminal event.
func (s *Session) conclude() {
	t := s.turn
	s.turn = nil
	t.job.free()
	s.emitFor(t.number, t.terminal)
	s.fullTold = false // a full utterance that could not be taken may fit now
	s.log.Debug("turn ended", "turn", t.number, "turn_id", t.record.ID, "status", string(t.record.Status))
}

// keepWaiting records the committed turns that the end of the session leaves
// without an answer.
func (s *Session) keepWaiting(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	for _, e := range s.waiting {
		s.start(ctx, s.lastTurn+1, e)
		s.stop(protocol.CancelledByEnd, true)
		for s.turn.home == nil {
			s.takeFromTurn(ctx, <-s.turn.out)
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
		StartedAt: j.entry.committed.UTC(), EndedAt: now.UTC(), Language: j.settings.language,
		InputWAV: r.inputWAV, ATOTText: r.atotText, TTOTText: r.ttotText, OutputWAV: r.outputWAV,
		OutputMS: r.outputMS, Engines: r.engines, Timings: r.timings,
	}
	if c := j.entry.clip; c != nil {
		rec.InputMS = c.Duration().Milliseconds()
	}
	if !t.firstAudio.IsZero() {
		rec.Timings.AudioFirst = j.since(t.firstAudio)
	}
	rec.Timings.End = j.since(now)
	switch {
	case r.failure != nil:
		f := r.failure
		rec.Status = history.Failed
		rec.Error = &history.Failure{Stage: string(f.Stage), Code: f.Code, Message: f.Message}
		t.record = rec
		return protocol.TurnFailed{Stage: f.Stage, Code: f.Code, Message: f.Message, Record: rec}
	case t.reason != "":
		rec.Status = history.Cancelled
		t.record = rec
		return protocol.TurnCancelled{Reason: t.reason, Record: rec}
	default:
		rec.Status = history.Done
		t.record = rec
		return protocol.TurnDone{Record: rec}
	}
}
