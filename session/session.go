package session

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"sori/audio"
	"sori/protocol"
)

// Session is one user's conversation.
type Session struct {
	id   string
	opts Options
	deps Deps
	log  *slog.Logger

	// in
	inbox chan Input

	// out
	events chan Output
	done   chan struct{} // closed when nothing is taken from inbox any more

	// Owned by the goroutine of Run.
	began     time.Time
	phase     phase
	lastTurn  int
	settings  settings
	userIsSet bool
	input     *audio.Input
	scratch   []byte        // one decoded frame
	utterance *audio.Buffer // what was heard since the last commit
	fullTold  bool          // the client knows that the utterance is full and can't be taken
	out       outbox
	turn      *turn   // the turn that is not concluded yet
	waiting   []entry // committed, to be run after turn
	memory    memory
	keepDone  chan keepResult
	err       error
	later     []event // raised by effects, handled after them
	leaving   bool
}

// settings is what the client configured. A turn gets a copy.
type settings struct {
	user         string
	language     string
	voice        string
	instructions string
	input        protocol.Format
	output       protocol.Format
}

// entry is a user's turn as it was committed: either clip or text is set.
type entry struct {
	clip      *audio.Clip
	text      string
	committed time.Time
	limited   bool // it was ended because it was full
}

// New makes a session. It does nothing until Run.
func New(o Options, d Deps) *Session {
	o = o.withDefaults()
	if o.ID == "" {
		o.ID = newID()
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	format := protocol.Format{Encoding: protocol.EncodingPCM, Rate: audio.Rate}
	return &Session{
		id:        o.ID,
		opts:      o,
		deps:      d,
		log:       d.Log.With("session", o.ID),
		inbox:     make(chan Input, o.Inbox),
		events:    make(chan Output),
		done:      make(chan struct{}),
		phase:     unready{},
		utterance: audio.NewBuffer(o.MaxUtterance),
		settings: settings{
			user: o.User, language: o.Language, voice: o.Voice, instructions: o.Instructions,
			input: format, output: format,
		},
		memory:   memory{window: o.Window},
		keepDone: make(chan keepResult, 1),
	}
}

func newID() string {
	id, err := uuid.NewV7()
	if err != nil { // the system has no randomness
		panic("session: " + err.Error())
	}
	return id.String()
}

// ID is the session's unique id.
func (s *Session) ID() string { return s.id }

// Events is the only way out. The receiver takes everything until it is closed.
func (s *Session) Events() <-chan Output { return s.events }

// Push is the only way in. It blocks while the inbox is full. It returns
// [ErrEnded] when the session is over, and the context's error when that ends
// first. The session owns in.Audio from here on.
func (s *Session) Push(ctx context.Context, in Input) error {
	select {
	case <-s.done:
		in.free()
		return ErrEnded
	default:
	}
	select {
	case s.inbox <- in:
		return nil
	case <-s.done:
		in.free()
		return ErrEnded
	case <-ctx.Done():
		in.free()
		return ctx.Err()
	}
}

func (in Input) free() {
	if in.Audio != nil {
		in.Audio.Free()
	}
}

// Run holds the session until ctx ends or the client can't be served any more.
// It returns when the turn under way is recorded, every goroutine is home and
// everything was taken from Events.
func (s *Session) Run(ctx context.Context) error {
	s.began = time.Now()
	s.log.Debug("session began")
	s.loop(ctx)
	close(s.done)
	for !s.out.empty() {
		s.events <- s.offer()
		s.out.pop()
	}
	close(s.events)
	s.out.free()
	s.utterance.Reset()
	for {
		select {
		case in := <-s.inbox:
			in.free()
			continue
		default:
		}
		break
	}
	s.log.Debug("session ended", "turns", s.lastTurn)
	return s.err
}

// loop receives, asks next, and does what it says.
func (s *Session) loop(ctx context.Context) {
	quit := ctx.Done()
	for !s.leaving {
		var fromTurn <-chan turnOut
		var overdueC <-chan time.Time
		if t := s.turn; t != nil {
			if t.home == nil && (t.cut || s.out.audioBytes < s.highWater()) {
				fromTurn = t.out
			}
			overdueC = t.overdue
		}
		var toClient chan<- Output
		var head Output
		if !s.out.empty() {
			toClient, head = s.events, s.offer()
		}
		select {
		case in := <-s.inbox:
			s.take(ctx, in)
		case o := <-fromTurn:
			s.takeFromTurn(ctx, o)
		case toClient <- head:
			s.delivered(ctx, s.out.pop())
		case k := <-s.keepDone:
			s.takeKept(ctx, k)
		case <-overdueC:
			s.handle(ctx, overdue{s.turn.number})
		case <-quit:
			quit = nil
			s.handle(ctx, ended{})
		}
		if s.err == nil && s.out.events() > s.opts.MaxEvents+s.audioItems() {
			s.err = ErrSlowReader
			s.handle(ctx, ended{})
		}
	}
}

// offer is what goes out next.
func (s *Session) offer() Output {
	o := s.out.peek()
	if _, ok := o.Event.(audioEnd); ok {
		o.Event = s.turn.audioEnd()
	}
	return o
}

// audioItems is how many of the waiting items may be audio: as many as fit below
// the high-water mark.
func (s *Session) audioItems() int {
	return int(s.opts.HighWater/s.opts.Frame) + 1
}

func (s *Session) highWater() int {
	return int(s.opts.HighWater.Seconds()*float64(s.settings.output.Rate)) * 2
}

// take handles one input.
func (s *Session) take(ctx context.Context, in Input) {
	switch {
	case in.Audio != nil:
		s.hear(ctx, in.Audio)
	case in.Problem != nil:
		s.emit(*in.Problem)
	case in.Message != nil:
		s.obey(ctx, in.Message)
	}
}

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

// cargo is what an event brings along for the one effect that uses it.
type cargo struct {
	settings settings
	input    *audio.Input // nil: as it is
	entry    func() entry // takes the utterance, or the text
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
		s.start(ctx, f.turn, with.entry())
	case enqueue:
		s.waiting = append(s.waiting, with.entry())
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

// emit puts an event of no turn into the outbox.
func (s *Session) emit(e protocol.Event) { s.emitFor(0, e) }

func (s *Session) emitFor(turn int, e protocol.Event) {
	s.out.push(item{turn: turn, ms: time.Since(s.began).Milliseconds(), event: e})
}

func (s *Session) refuse(code string) {
	s.emit(protocol.Problem{Code: code, Message: refusals(code)})
}

// refusals says in words why something was refused and what to do.
func refusals(code string) string {
	switch code {
	case protocol.ErrNotConfigured:
		return "Send session.configure first; what came before it was not used."
	case protocol.ErrNothingSaid:
		return "There is less than 100 ms of audio since the last utterance: push some before utterance.end."
	case protocol.ErrTooManyTurns:
		return "Too many turns wait to be answered. The audio is still here: send utterance.end again when a turn has ended."
	}
	return "That can't be done now."
}
