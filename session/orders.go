package session

import (
	"context"
	"slices"
	"time"

	"sori/protocol"
	"sori/stage"
)

// Order is what a client of another dialect can ask for beyond the messages of
// package protocol.
//
//sumtype:decl
type Order interface{ order() }

// Conduct says how turns are made. What is nil stays as it is; a change takes
// effect with the next turn.
type Conduct struct {
	// Silent has utterances transcribed and remembered, and answered only when
	// [Respond] asks for it.
	Silent *bool
	// Patient lets a reply go on when the user speaks over it: what was said is
	// answered after it.
	Patient *bool
	// HandOver ends a turn with the client's tools that the model called: their
	// results come with [Answer], and [Respond] goes on from there.
	HandOver *bool
	// Retain is how much of the window of turns stays when the window is full, 0 to
	// 1: with less than 1 the beginning of what the model is told changes more
	// rarely, so that an engine can use again what it has read.
	Retain *float64
	// Manner is how replies are made.
	Manner Manner
}

// Manner is how a reply is made. What is nil stays as the session has it.
type Manner struct {
	Instructions *string
	Voice        *string
	Output       *protocol.Format
	Tools        *[]protocol.Tool
	Choice       *stage.Choice
	Mute         *bool    // the reply is written and not spoken
	Speed        *float64 // of speech, 0.25 to 4; 1: as the engine speaks
	MaxTokens    *int     // a longer reply is cut there, with [protocol.WarnReplyLimit]; about four letters are one; 0: no limit
}

// Listen ends the utterance, as [protocol.Commit] does, without an answer.
type Listen struct{}

// Respond asks for a reply to the conversation as it stands. An utterance that
// is still being transcribed is answered when it is.
type Respond struct {
	ID     string // comes back in [Answering]
	Manner Manner // of this reply
	// Instead is what the model is told instead of the conversation; nil: the
	// conversation.
	Instead *[]stage.Exchange
}

// Hush stops the live turn's reply and keeps its transcription. Turn 0 means
// whichever is live.
type Hush struct{ Turn int }

// Remember puts something into the conversation that nobody said in it.
type Remember struct {
	ID       string // names it for [Amend]; unique in the session
	After    string // the note or turn behind which it belongs; "" or unknown: the last
	First    bool   // it belongs before everything
	Exchange stage.Exchange
}

// Amend changes what is remembered of a turn, or of what was put in with
// [Remember]. A turn that is still live is changed when it ends. What is nil
// stays; "" forgets.
type Amend struct {
	ID       string // of the turn's record, or of Remember
	Note     *string
	User     *string
	Reply    *string
	DropCall string // the call with this id is forgotten
}

// Answer gives the result of a call that was handed over.
type Answer struct {
	CallID    string
	Output    string
	Withdrawn bool // there is no result any more
}

func (Conduct) order()  {}
func (Listen) order()   {}
func (Respond) order()  {}
func (Hush) order()     {}
func (Remember) order() {}
func (Amend) order()    {}
func (Answer) order()   {}

// Events that only a session with Options.Notices has. They are no part of the
// native protocol.
type (
	// Accepted says that an utterance was committed. A turn of this id follows,
	// perhaps after others.
	Accepted struct {
		ID      string // of the turn's record
		InputMS int64
		Heard   []int16 // the utterance, at 16,000 Hz; the receiver owns it
		Idle    bool    // nobody spoke for the time of the idle prompt
		// With Idle: where the silence begins and ends, in ms of all audio that came in.
		FromMS, ToMS int64
	}
	// Counted says what a reply took, where the text engine does.
	Counted struct{ Usage stage.Usage }
	// Answering says that the turn is being answered from here on.
	Answering struct{ ID string } // of the [Respond], or "" when nobody asked for it
)

// Type is for logs: no client sees it.
func (Accepted) Type() string { return "session.accepted" }

// Type is for logs: no client sees it.
func (Answering) Type() string { return "session.answering" }

// Type is for logs: no client sees it.
func (Counted) Type() string { return "session.counted" }

// FromConversation is the source of a turn that [Respond] asked for.
const FromConversation protocol.Source = "conversation"

// notice emits an event that the native protocol does not have.
func (s *Session) notice(turn int, e protocol.Event) {
	if s.opts.Notices {
		s.emitFor(turn, e)
	}
}

// follow does what an order asks for.
func (s *Session) follow(ctx context.Context, o Order) {
	switch o := o.(type) {
	case Conduct:
		s.settings.guide(o)
		assign(&s.memory.retain, o.Retain)
		s.attune()
	case Listen:
		s.commitAs(ctx, false, true)
	case Respond:
		s.respond(ctx, o)
	case Hush:
		s.handle(ctx, silenced{o.Turn})
	case Remember:
		s.dropDraft()
		s.memory.remember(o)
	case Amend:
		s.dropDraft()
		s.memory.amend(o)
	case Answer:
		s.dropDraft()
		s.memory.answer(o)
	case Apart:
		s.makeApart(ctx, o)
	case Abandon:
		s.abandon(o.ID)
	}
}

func (s *settings) guide(c Conduct) {
	assign(&s.silent, c.Silent)
	assign(&s.patient, c.Patient)
	assign(&s.handOver, c.HandOver)
	s.manner(c.Manner)
}

func (s *settings) manner(m Manner) {
	assign(&s.instructions, m.Instructions)
	assign(&s.voice, m.Voice)
	assign(&s.output, m.Output)
	assign(&s.tools, m.Tools)
	assign(&s.choice, m.Choice)
	assign(&s.mute, m.Mute)
	assign(&s.speed, m.Speed)
	assign(&s.maxTokens, m.MaxTokens)
}

// respond asks for a reply: by the turn that is listened to, by the one that
// waits last, or by one of its own.
func (s *Session) respond(ctx context.Context, r Respond) {
	if s.barred() {
		return
	}
	joins := false
	switch s.phase.(type) {
	case listening:
		joins = !s.turn.settled
	case stopping, keeping:
		if n := len(s.waiting); n > 0 {
			joins = s.waiting[n-1].silent
		}
	case unready, idle, live, held, leaving, gone:
	}
	now := time.Now()
	s.handleWith(ctx, asked{joins}, &cargo{respond: &r, entry: func() entry {
		return entry{id: newID(), respond: &r, spoken: now, committed: now, patient: true}
	}})
}

// answer has the turn that is listened to answered.
func (s *Session) answer(r *Respond) {
	t := s.turn
	j := *t.job
	j.settings.manner(r.Manner)
	j.history, j.told = s.memory.told(), r.Instead
	t.job, t.respond = &j, r
	s.notice(t.number, Answering{r.ID})
	if t.asks != nil {
		s.settle(t)
	}
}

// answerWaiting has the newest turn that waits answered.
func (s *Session) answerWaiting(r *Respond) {
	e := &s.waiting[len(s.waiting)-1]
	e.silent, e.patient, e.respond = false, true, r
}

// settle tells a turn that was transcribed whether it is answered.
func (s *Session) settle(t *turn) {
	t.settled = true
	var reply *job
	if t.respond != nil {
		reply = t.job
	}
	t.asks <- reply // it has room for one
}

// following says how the oldest turn that waits goes on.
func (s *Session) following() following {
	switch {
	case len(s.waiting) == 0:
		return speaks
	case s.waiting[0].silent:
		return listens
	case len(s.waiting) > 1 && !slices.ContainsFunc(s.waiting[1:], func(e entry) bool { return !e.patient }):
		return stays
	}
	return speaks
}

// accepted tells of an utterance that was committed.
func (s *Session) accepted(e entry) entry {
	if e.clip != nil {
		if s.opts.Notices {
			heard := make([]int16, e.clip.Samples())
			e.clip.ReadSamples(heard, 0)
			s.notice(0, Accepted{ID: e.id, InputMS: e.clip.Duration().Milliseconds(), Heard: heard})
		}
	} else if e.idle {
		to := s.heardMS()
		s.notice(0, Accepted{ID: e.id, Idle: true, FromMS: min(s.idleFrom, to), ToMS: to})
	}
	return e
}
