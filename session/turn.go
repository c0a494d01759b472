package session

import (
	"context"
	"errors"
	"time"

	"sori/history"
	"sori/protocol"
)

// turn is what the actor knows of the turn that is not concluded yet. Owned by
// the goroutine of Run; the turn's own goroutines work on its job alone.
type turn struct {
	number    int
	job       *job
	committed time.Time
	settles   uint64 // see entry

	// in
	out   chan turnOut // unbuffered: what the actor does not take holds the stages up
	homeC chan *result // the turn's goroutines are back; comes after all of out

	stopAll   context.CancelCauseFunc // ends every stage
	stopReply context.CancelCauseFunc // ends TTOT and TTS only
	reason    protocol.CancelReason   // why it was stopped, "" if it was not
	cut       bool                    // its audio is dropped
	overdue   <-chan time.Time
	home      *result

	// as one that is overheard
	asks    chan<- *job // the turn was transcribed and waits to hear whether it is answered
	settled bool        // it was told
	respond *Respond    // that it is to be answered

	// as a draft
	pending      []turnOut // what it made so far
	pendingBytes int
	transcript   *string // what ATOT heard, once it is known

	// the voice
	begun      bool             // audio.begin has left
	queued     bool             // audio.begin was queued
	ended      bool             // audio.end was queued
	endSent    bool             // audio.end has left
	played     <-chan time.Time // when the client should have played all, where it reports that
	held       bool             // the reply waits
	verdictBy  <-chan time.Time
	heldAt     time.Time
	echoes     int       // how often its own voice came back
	firstAudio time.Time // when the first of it left
	firstHeard time.Time // when the first of it was heard, as the client says
	sentBytes  int64     // of audio, handed to the client's side
	pacer      pacer
	spans      []span
	heardMS    *int64 // of a reply that was cut
	heard      string

	calls    map[string]chan<- protocol.ToolResult // tools that the client runs
	terminal protocol.Event
	record   history.Turn
	safe     bool // the record is in history, or on disk

	observed   func(TurnEnd)
	mostEvents int // that waited for the client at a time
	mostVoice  int // bytes of audio
}

// stopped is the cause with which a turn's contexts are cancelled.
type stopped struct{ reason protocol.CancelReason }

func (s stopped) Error() string { return "session: the turn was stopped: " + string(s.reason) }

// abandoned is the reason of a draft that became no turn.
const abandoned protocol.CancelReason = "abandoned"

// isStopped says whether ctx was ended by a stop: what fails then is no failure.
func isStopped(ctx context.Context) bool {
	_, ok := errors.AsType[stopped](context.Cause(ctx))
	return ok
}

// launch lets the stages of a turn begin. A draft's recordings and tools wait
// until it is confirmed.
func (s *Session) launch(ctx context.Context, number int, e entry, draft bool) *turn {
	orDefault(&e.id, newID())
	under, observed := s.deps.Observer.TurnBegan(context.WithoutCancel(ctx), TurnStart{
		SessionID: s.id, TurnID: e.id, Source: e.source(), Spoken: e.spoken, Draft: draft,
	})
	all, stopAll := context.WithCancelCause(under)
	reply, stopReply := context.WithCancelCause(all)
	set := s.settings
	if e.respond != nil {
		set.manner(e.respond.Manner)
	}
	j := &job{
		id: e.id, session: s.id, number: number, entry: e, settings: set,
		opts: s.opts, deps: s.deps, log: s.log().With("turn", number),
		history: s.memory.told(), load: !s.memory.loaded, draft: draft,
		confirmed: make(chan struct{}),
	}
	if e.respond != nil {
		j.told = e.respond.Instead
	}
	if !draft {
		close(j.confirmed)
	}
	t := &turn{
		number: number, job: j, out: make(chan turnOut), homeC: make(chan *result, 1),
		stopAll: stopAll, stopReply: stopReply, pacer: pacer{lead: set.pace()},
		calls: make(map[string]chan<- protocol.ToolResult), observed: observed,
	}
	s.crew.Go(func() {
		t.homeC <- j.run(all, reply, t.out)
		if c, ok := errors.AsType[stopped](context.Cause(all)); ok && c.reason == abandoned {
			j.free()
			observed(TurnEnd{Source: e.source()})
		}
	})
	return t
}

// start begins a turn, or confirms the draft that was made for it.
func (s *Session) start(ctx context.Context, number int, e entry) {
	s.lastTurn = number
	s.idleC.stop()
	s.idleHeld = false
	t := s.draft
	if t != nil && t.job.entry.clip == e.clip && e.clip != nil {
		s.draft = nil
	} else {
		s.dropDraft()
		t = s.launch(ctx, number, e, false)
	}
	s.turn = t
	t.committed, t.settles = e.committed, e.settles
	s.memory.reserve(t.job.id)
	started := protocol.TurnStarted{ID: t.job.id, Source: e.source()}
	if e.clip != nil {
		started.InputMS = e.clip.Duration().Milliseconds()
	}
	s.emitState(number, started)
	s.spend(number, &e)
	if !e.silent {
		id := ""
		if e.respond != nil {
			id = e.respond.ID
		}
		s.notice(number, Answering{id})
	}
	if e.limited {
		s.emitFor(number, protocol.Warning{
			Code:    protocol.WarnUtteranceLimit,
			Message: "The utterance reached its limit of " + s.opts.MaxUtterance.String() + ". It was ended there and is being answered; what you say now belongs to the next one.",
		})
	}
	if t.job.draft {
		close(t.job.confirmed)
		pending := t.pending
		t.pending = nil
		for _, o := range pending {
			s.takeFromTurn(ctx, o)
		}
	}
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

// cut drops the audio that has not left, closes the reply and notes what was
// heard of it.
func (s *Session) cut() {
	t := s.turn
	if t.cut {
		return
	}
	t.cut, t.held = true, false
	if left := lengthOf(s.out.audioBytes, t.job.settings.output.Rate); left > 0 {
		s.deps.Observer.Dropped(DropReply, left)
	}
	s.out.hush()
	now := time.Now()
	heard := t.pacer.heard(now)
	reply := replyLength(t.spans, heard).Milliseconds()
	t.heardMS, t.heard = &reply, heardText(t.spans, heard, t.pacer.sent)
	t.pacer.hold(now)
	if t.begun && !t.endSent {
		t.ended, t.endSent = true, true
		s.emitFor(t.number, t.audioEnd())
	}
	s.attune()
}

func (t *turn) audioEnd() protocol.AudioEnd {
	return protocol.AudioEnd{Bytes: t.sentBytes, MS: t.sentBytes * 1000 / int64(2*t.job.settings.output.Rate)}
}

// audioEnd stands in the outbox for protocol.AudioEnd, whose figures are known
// only when it leaves.
type audioEnd struct{}

func (audioEnd) Type() string { return protocol.AudioEnd{}.Type() }

// takeFromTurn handles what the turn's goroutines send.
func (s *Session) takeFromTurn(ctx context.Context, o turnOut) {
	t := s.turn
	switch {
	case o.audio != nil:
		if t.cut {
			s.deps.Observer.Dropped(DropReply, lengthOf(len(o.audio.Data), t.job.settings.output.Rate))
			o.audio.Free()
			return
		}
		s.out.pushVoice(item{turn: t.number, audio: o.audio})
	case o.caption != nil:
		if t.cut {
			return
		}
		s.beginVoice(ctx)
		t.spans = append(t.spans, span{text: o.caption.Text, at: time.Duration(o.caption.AudioMS) * time.Millisecond, aside: o.aside})
		if !o.aside {
			s.emitVoice(t.number, *o.caption)
		}
	case o.call != nil:
		s.askTool(t, o.call)
	case o.asks != nil:
		t.asks = o.asks
		s.settle(t)
	case o.event != nil:
		s.emitFor(t.number, o.event)
	}
	t.measure(&s.out)
}

// beginVoice opens the reply's audio. A user who speaks at this moment is
// listened to first.
func (s *Session) beginVoice(ctx context.Context) {
	t := s.turn
	if t.queued {
		return
	}
	t.queued = true
	s.emitVoice(t.number, protocol.AudioBegin{Format: t.job.settings.output})
	s.attune()
	if s.attention != nil && s.attention.ear.Speaking() {
		s.handle(ctx, spoke{})
	}
}

// comeHome is called when the turn's goroutines are back.
func (s *Session) comeHome(ctx context.Context, r *result) {
	t := s.turn
	t.home, t.overdue = r, nil
	if t.queued && !t.cut {
		t.ended = true
		s.emitVoice(t.number, audioEnd{})
		return
	}
	s.handle(ctx, drained{t.number})
}

// delivered notes what has left for the client.
func (s *Session) delivered(ctx context.Context, it item) {
	t := s.turn
	if t == nil || it.turn != t.number {
		return
	}
	switch {
	case it.bytes > 0:
		now := time.Now()
		if t.sentBytes == 0 {
			t.firstAudio = now
		}
		t.sentBytes += int64(it.bytes)
		t.pacer.send(now, lengthOf(it.bytes, t.job.settings.output.Rate))
	case it.ends:
		t.endSent = true
		if t.job.settings.reports && !s.handing {
			if !s.away {
				t.played = time.After(t.pacer.ahead)
			}
			return
		}
		s.handle(ctx, drained{t.number})
	case it.event != nil && it.event.Type() == protocol.AudioBegin{}.Type():
		t.begun = true
	}
}

// checkPlayed ends a turn whose client reports its playback once all was played.
func (s *Session) checkPlayed(ctx context.Context) {
	t := s.turn
	t.pacer.settle(time.Now())
	if t.pacer.ahead > 0 || t.held {
		t.played = time.After(max(t.pacer.ahead, 100*time.Millisecond))
		return
	}
	t.played = nil
	if !t.cut {
		s.handle(ctx, drained{t.number})
	}
}
