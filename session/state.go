package session

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"sori/history"
	"sori/protocol"
	"sori/stage"
)

// State is where a session stands: what another process needs to go on with it.
// It travels as JSON between processes that may be of two versions.
type State struct {
	Settings protocol.Configure `json:"settings"`
	Turn     int                `json:"turn"`    // the last one that was started
	Live     *LiveTurn          `json:"live"`    // nil: none
	Seq      uint64             `json:"seq"`     // of the last message
	Settled  uint64             `json:"settled"` // the last client frame that is not needed any more
	Typed    []uint64           `json:"typed,omitempty"`
	Samples  int64              `json:"samples"` // of audio that came in, at 16,000 Hz
	MS       int64              `json:"ms"`      // the session's clock

	over *history.Turn // of Live, if it is kept already
}

// LiveTurn is a turn whose end the client was not told.
type LiveTurn struct {
	Number int    `json:"turn"`
	ID     string `json:"id"`
}

// state is where the session stands now. Its Seq is known when it leaves.
func (s *Session) state() *State {
	st := &State{
		Settings: s.settings.configure(), Turn: s.lastTurn,
		Settled: s.receipt.settled, Typed: slices.Clone(s.receipt.typed),
		Samples: s.samples, MS: s.now(),
	}
	if t := s.turn; t != nil {
		st.Live = &LiveTurn{Number: t.number, ID: t.job.id}
	}
	return st
}

// emitState is emitFor for an event after which the session stands elsewhere.
func (s *Session) emitState(turn int, e protocol.Event) {
	it := item{turn: turn, ms: s.now(), event: e, ref: s.ref}
	if s.opts.Checkpoints {
		it.state = s.state()
	}
	s.out.events.push(it)
}

// configure says the settings as a client would.
func (s settings) configure() protocol.Configure {
	return protocol.Configure{
		User: &s.user, Input: &s.input, Output: &s.output,
		Language: &s.language, Voice: &s.voice, Instructions: &s.instructions,
		Profile: &s.profile, TurnDetection: &s.detection, PaceMS: &s.paceMS, Playback: &s.reports,
		Partials: s.partials, IdlePrompt: &s.idle, Tools: &s.tools,
	}
}

// Follow takes in a message that the session sent after the state was noted.
func (st *State) Follow(h protocol.Head, e protocol.Event) {
	if h.Seq <= st.Seq {
		return
	}
	st.Seq = h.Seq
	st.MS = max(st.MS, h.MS)
	switch e := e.(type) {
	case protocol.TurnStarted:
		st.Turn = max(st.Turn, h.Turn)
		st.Live = &LiveTurn{Number: h.Turn, ID: e.ID}
	case protocol.TurnDone, protocol.TurnCancelled, protocol.TurnFailed:
		if st.Live != nil && st.Live.Number == h.Turn {
			st.Live = nil
		}
	}
}

// Heed takes in what the client knows, where that is more than was noted: its
// newest frame that it does not keep any more, the newest turn of which it has
// heard, 0 for none, and the id of that where it waits for its end. Recover comes
// after it.
func (st *State) Heed(forgotten uint64, turn int, live string) {
	if forgotten > st.Settled {
		st.Settled = forgotten
		st.Typed = slices.DeleteFunc(st.Typed, func(n uint64) bool { return n <= forgotten })
	}
	if turn == 0 || st.Live != nil && st.Live.Number > turn {
		return
	}
	st.Turn = max(st.Turn, turn)
	st.Live = nil
	if len(live) == len(uuid.Nil.String()) && uuid.Validate(live) == nil { // else it is not from sori
		st.Live = &LiveTurn{Number: turn, ID: live}
	}
}

// Recover takes in the turns of the session that history has: they are settled,
// also where the process died before it could note that.
func (st *State) Recover(turns []history.Turn) {
	st.over = nil // of another life, where the state is an older one
	for i := range turns {
		t := &turns[i]
		st.Turn = max(st.Turn, t.Number)
		if st.Live != nil && st.Live.ID == t.ID {
			st.over = t
		}
		if t.Received <= st.Settled {
			continue
		}
		if t.InputMS > 0 {
			st.Settled = t.Received
		} else if !slices.Contains(st.Typed, t.Received) {
			st.Typed = append(st.Typed, t.Received)
		}
	}
}

// restore takes over where another process stopped.
func (s *Session) restore(ctx context.Context, st *State) {
	profile := st.Settings.Profile // its settings are among the others
	st.Settings.Profile = nil
	to, problem := s.prepare(st.Settings)
	if problem != nil { // the detector is missing here, or a format is not known
		s.log().Warn("session can't be restored whole", "code", problem.Code)
		manual := protocol.DefaultTurnDetection()
		st.Settings.TurnDetection = &manual
		if to, problem = s.prepare(st.Settings); problem != nil {
			to = &cargo{settings: s.settings}
		}
	}
	assign(&to.settings.profile, profile)
	s.settings, s.userIsSet = to.settings, true
	s.input, s.attention = to.input, to.attention
	s.phase = idle{}
	s.lastTurn = st.Turn
	s.samples = st.Samples
	s.began = s.began.Add(-ms(int(st.MS)))
	s.out.seq = st.Seq
	s.receipt.settled, s.receipt.told = st.Settled, st.Settled
	s.receipt.received, s.receipt.before = st.Settled, st.Settled
	s.receipt.typed = st.Typed
	s.attune()
	if st.Live != nil {
		s.endLost(ctx, st)
	}
}

// endLost ends the turn that was live when its process died: as history has it,
// or as one that failed. The session does nothing before that is kept.
func (s *Session) endLost(ctx context.Context, st *State) {
	if st.over == nil {
		now := time.Now().UTC()
		rec := history.Turn{
			ID: st.Live.ID, UserID: s.settings.user, SessionID: s.id, Number: st.Live.Number,
			Status: history.Failed, StartedAt: now, EndedAt: now, Language: s.settings.language,
			Error: &history.Failure{
				Stage: string(stage.TTS), Code: stage.CodeProcessLost,
				Message: "The process that made this turn died. What was said for it is answered again.",
			},
		}
		if s.opts.Fence != nil {
			rec.Fence = s.opts.Fence()
		}
		if _, err := s.deps.History.Keep(context.WithoutCancel(ctx), rec); err != nil {
			s.emitFor(rec.Number, protocol.Warning{Code: protocol.WarnHistoryLost, Message: "Neither the history store nor the disk takes this turn now. It is held in memory and written as soon as one of them is back."})
		}
		st.over = &rec
	}
	s.emitFor(st.Live.Number, verdict(*st.over))
}

// verdict is the terminal event of a turn that is in history.
func verdict(rec history.Turn) protocol.Event {
	switch {
	case rec.Error != nil:
		return protocol.TurnFailed{Stage: stage.Name(rec.Error.Stage), Code: rec.Error.Code, Message: rec.Error.Message, Record: rec}
	case rec.Status == history.Cancelled:
		return protocol.TurnCancelled{Reason: protocol.CancelledByEnd, Record: rec}
	}
	return protocol.TurnDone{Record: rec}
}
