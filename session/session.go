package session

import (
	"context"
	"log/slog"
	"sync"
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

	// in
	inbox chan waitingInput

	// out
	events chan Output
	done   chan struct{} // closed when nothing is taken from inbox any more

	// Owned by the goroutine of Run.
	began     time.Time
	phase     phase
	later     []event // raised by effects, handled after them
	lastTurn  int
	settings  settings
	userIsSet bool
	input     *audio.Input
	scratch   []byte        // one decoded frame
	utterance *audio.Buffer // what was heard since the last commit
	fullTold  bool          // the client knows that the utterance is full and can't be taken
	samples   int64         // of audio that came in, at 16,000 Hz
	attention *attention    // nil: the client says when a turn ends
	scribe    scribe
	draft     *turn // begun in a pause that may be the end of the utterance
	out       outbox
	turn      *turn   // the turn that is not concluded yet
	waiting   []entry // committed, to be run after turn
	memory    memory
	paceC     alarm             // until audio may leave
	idleC     alarm             // until the idle prompt
	idleFrom  int64             // where the silence before it begins, in ms of all audio that came in
	idleHeld  bool              // speech stopped idleC; where it was none, the time begins anew
	keepDone  <-chan keepResult // nil: nothing is being kept
	crew      sync.WaitGroup    // every goroutine that Run started
	ref       string            // of the input being handled
	receipt   receipt
	beside    beside
	err       error
	leaving   bool
	resting   bool // Run is to return, or has returned, though the session goes on
	away      bool // the client is not there; what is to be heard waits
	handing   bool // another process goes on: nothing new is begun
}

// entry is a user's turn as it was committed. One of clip, text and say is set.
type entry struct {
	clip      *audio.Clip
	text      string
	say       string // an idle prompt: nothing was heard, sori says this
	spoken    time.Time
	committed time.Time
	voiced    time.Duration // speech in clip, where a detector listened; else 0
	id        string        // of the turn; "": it is given one
	silent    bool          // it is not answered unless somebody asks
	patient   bool          // it takes the floor from nobody
	respond   *Respond      // it was asked for
	idle      bool          // nobody spoke
	limited   bool          // it was ended because it was full
	settles   uint64        // number of the client's frame that it ends with, or was typed in
}

// source says what the user's turn was made of.
func (e entry) source() protocol.Source {
	switch {
	case e.clip != nil:
		return protocol.FromSpeech
	case e.say != "":
		return protocol.FromIdle
	case e.respond != nil:
		return FromConversation
	}
	return protocol.FromText
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
	if d.Observer == nil {
		d.Observer = unobserved{}
	}
	return &Session{
		id:        o.ID,
		opts:      o,
		deps:      d,
		inbox:     make(chan waitingInput, o.Inbox),
		events:    make(chan Output),
		done:      make(chan struct{}),
		phase:     unready{},
		utterance: audio.NewBuffer(o.MaxUtterance),
		settings:  newSettings(o),
		memory:    memory{window: o.Window, loaded: o.Fresh},
		receipt:   receipt{on: o.ResumeKey != ""},
	}
}

func newID() string {
	id, err := uuid.NewV7()
	if err != nil { // the system has no randomness
		panic("session: " + err.Error())
	}
	return id.String()
}

// log is made when it is used: a session says little, and lives long.
func (s *Session) log() *slog.Logger { return s.deps.Log.With("session", s.id) }

// ID is the session's unique id.
func (s *Session) ID() string { return s.id }

// Events is the only way out. The receiver takes everything until it is closed.
func (s *Session) Events() <-chan Output { return s.events }

// Run holds the session until ctx ends or the client can't be served any more.
// It returns when the turn under way is recorded, every goroutine is home and
// everything was taken from Events; or with [ErrResting].
func (s *Session) Run(ctx context.Context) error {
	if !s.resting {
		s.begin(ctx)
	}
	s.resting = false
	s.loop(ctx)
	if s.resting {
		s.scratch, s.out.events.items, s.out.voice.items = nil, nil, nil // they are empty, and grow again
		return ErrResting
	}
	defer s.deps.Observer.SessionEnded()
	return s.finish()
}

func (s *Session) begin(ctx context.Context) {
	s.deps.Observer.SessionBegan()
	s.began = time.Now()
	s.log().Debug("session began")
	if s.opts.Restore != nil {
		s.restore(ctx, s.opts.Restore)
	}
}

func (s *Session) finish() error {
	close(s.done)
	s.endBeside()
	s.dropDraft()
	s.scribe.stop()
	if s.attention != nil {
		s.attention.detector.Close()
	}
	for !s.out.empty() {
		lane := s.lane()
		s.events <- s.out.output(lane.first())
		s.out.left(lane)
	}
	close(s.events)
	s.crew.Wait()
	s.dropped(DropEnd, s.utterance.Len())
	s.utterance.Reset()
	for {
		select {
		case w := <-s.inbox:
			w.audio.Free()
			continue
		default:
		}
		break
	}
	s.log().Debug("session ended", "turns", s.lastTurn)
	return s.err
}

// loop receives, asks next, and does what it says.
func (s *Session) loop(ctx context.Context) {
	quit := ctx.Done()
	for !s.leaving && !s.resting {
		var fromTurn, fromDraft <-chan turnOut
		var turnHome <-chan *result
		var overdueC, deafC, verdictC, playedC <-chan time.Time
		if t := s.turn; t != nil {
			fromTurn, turnHome, overdueC, verdictC = s.listenTo(t), t.homeC, t.overdue, t.verdictBy
			playedC = t.played
		}
		if d := s.draft; d != nil && d.pendingBytes < maxDraftBytes {
			fromDraft = d.out
		}
		if a := s.attention; a != nil {
			deafC = a.deafC
		}
		var toClient chan<- Output
		var offer Output
		var from *lane
		if from = s.lane(); from != nil {
			toClient, offer = s.events, s.offer(from)
		}
		select {
		case w := <-s.inbox:
			s.take(ctx, w.input())
		case o := <-fromTurn:
			s.takeFromTurn(ctx, o)
		case r := <-turnHome:
			s.comeHome(ctx, r)
		case o := <-fromDraft:
			s.takeFromDraft(o)
		case o := <-s.fromBeside():
			s.takeApart(ctx, o)
		case r := <-s.scribe.under():
			s.takeScribed(ctx, r)
		case toClient <- offer:
			s.delivered(ctx, s.out.left(from))
		case <-s.paceC.c():
			s.paceC.rang()
		case <-s.idleC.c():
			s.idleC.rang()
			s.prompt(ctx)
		case k := <-s.keepDone:
			s.takeKept(ctx, k)
		case <-overdueC:
			s.handle(ctx, overdue{s.turn.number})
		case <-verdictC:
			s.timeUp(ctx)
		case <-playedC:
			s.checkPlayed(ctx)
		case <-deafC:
			s.checkFrames(ctx)
		case <-quit:
			quit = nil
			s.handle(ctx, ended{})
		}
		if s.err == nil && s.out.events.len() > s.opts.MaxEvents {
			s.err = ErrSlowReader
			s.handle(ctx, ended{})
		}
		if s.handed() {
			s.leaving = true
		}
	}
}

// listenTo is where the turn's output is taken from: nowhere while so much of
// its audio waits that its stages have to.
func (s *Session) listenTo(t *turn) <-chan turnOut {
	if t.cut || s.out.audioBytes < bytesOf(s.opts.HighWater, t.job.settings.output.Rate) {
		return t.out
	}
	return nil
}

// lane is where the next output comes from; nil when nothing may leave now.
// Events go first; the voice has its own time.
func (s *Session) lane() *lane {
	if s.out.events.len() > 0 {
		return &s.out.events
	}
	if s.out.voice.len() == 0 || s.away && !s.handing {
		return nil
	}
	if t := s.turn; t != nil && !s.leaving {
		if t.held {
			return nil
		}
		if s.out.voice.first().audio != nil {
			if d := t.pacer.wait(time.Now()); d > 0 {
				s.paceC.set(d)
				return nil
			}
		}
	}
	return &s.out.voice
}

// offer is what goes out next.
func (s *Session) offer(from *lane) Output {
	it := from.first()
	if from == &s.out.voice {
		it.ms = s.now()
		if _, ok := it.event.(audioEnd); ok {
			it.event = s.turn.audioEnd()
			it.ends = true
		}
	}
	return s.out.output(it)
}

// now is the session's clock, in milliseconds.
func (s *Session) now() int64 { return time.Since(s.began).Milliseconds() }

// take handles one input.
func (s *Session) take(ctx context.Context, in Input) {
	s.ref = in.Ref
	defer func() { s.ref = "" }()
	switch {
	case in.Presence != 0:
		s.attendTo(ctx, in.Presence, in.Unheard)
		return
	case s.handing, s.receipt.known(in.Seq):
		in.Audio.Free()
		return
	case in.Audio != nil:
		s.hear(ctx, in.Audio)
	case in.Problem != nil:
		s.noteProblem(in.Problem)
		s.emit(*in.Problem)
	case in.Message != nil:
		s.obey(ctx, in.Message)
	case in.Order != nil:
		s.follow(ctx, in.Order)
	}
	s.settleInput()
}

// emit puts an event of no turn into the outbox.
func (s *Session) emit(e protocol.Event) { s.emitFor(0, e) }

func (s *Session) emitFor(turn int, e protocol.Event) {
	s.out.events.push(item{turn: turn, ms: s.now(), event: e, ref: s.ref})
}

// emitVoice puts an event into the voice's lane: it leaves with the sound.
func (s *Session) emitVoice(turn int, e protocol.Event) {
	s.out.pushVoice(item{turn: turn, event: e})
}
