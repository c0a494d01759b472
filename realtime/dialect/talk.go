package dialect

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"sori/audio"
	"sori/protocol"
	"sori/realtime"
	"sori/session"
)

// Session is one user's conversation. It is what [session.Session] is, made with
// Options.Notices.
type Session interface {
	ID() string
	Push(ctx context.Context, in session.Input) error
	Events() <-chan session.Output
}

// Options say what a client connected for. The zero value of a field means its
// default.
type Options struct {
	Kind     string              // realtime.Conversation or realtime.Transcription; default Conversation
	Model    string              // what the client asked for; it is given back and means nothing
	Defaults session.Options     // what the server's sessions start with
	Profile  *protocol.Configure // what a model's alias stands for; nil: nothing
	Preset   json.RawMessage     // the session of a client secret; nil: none
	Beta     bool                // the client asked for the beta's names
	Expires  time.Time           // when the client hears that its time is over, and Expired is called; zero: never
	Expired  func()
	// Voices gives the engine's voice for names of OpenAI's. A name that is not in
	// it is the engine's own.
	Voices map[string]string
	// Limits says what the client may still use; nil: as much as it likes.
	Limits func() []realtime.RateLimit
	// Leave is closed when the talk is to come to its end. As soon as no response is
	// under way then, Left is called, once.
	Leave <-chan struct{}
	Left  func()
	Log   *slog.Logger
}

// Incoming is one frame of a client's, decoded. One of Event, Err and Sound is
// set.
type Incoming struct {
	Event   realtime.ClientEvent
	EventID string
	Err     *realtime.Error
	Frame   *audio.Frame // whose memory the rest is in, freed when it was taken; may be nil
	Sound   []byte       // audio in the input's format: of a plain append, or of a binary frame, an extension
}

// Decode reads a text frame. The audio of an append may be in its memory.
func Decode(frame []byte) Incoming {
	// Nearly all frames are appends, which nothing is answered to.
	if sound, _, ok := realtime.ScanAppend(frame); ok {
		return Incoming{Sound: sound}
	}
	e, id, err := realtime.DecodeClient(frame)
	return Incoming{Event: e, EventID: id, Err: err}
}

// Bounds of what waits for the client's side.
const (
	maxQueue      = 64      // frames; with more, nothing is taken from the session
	maxStuck      = 4096    // frames; with more, nothing is taken from the client
	maxQueueBytes = 4 << 20 // with more, nothing is taken from either: a few words may ask for megabytes
)

// Talk is one client's talk with a session.
type Talk struct {
	// Static after construction.
	opts    Options
	session Session
	log     *slog.Logger
	random  string // of this talk, in its ids

	// out
	queue  [][]byte // frames for the client, oldest first
	queued int      // bytes in queue

	// Owned by the goroutine of Run.
	ids     uint64
	config  realtime.Session  // in force
	wanted  realtime.Session  // what was asked for last
	created bool              // session.created was sent
	leaving bool              // Left is to be called
	beta    bool              // the beta's names are spoken
	refs    map[string]*asked // what the session has not answered yet, by its ref
	sound   sound
	items   conversation
	speech  *speech             // what the user says, until it is committed
	turns   map[int]*turn       // that are not over
	heard   map[string]string   // user items of turns that have not started, by the turn's id
	reply   *reply              // the response of the conversation that is under way
	asking  *asking             // the response that was asked for and has not begun
	apart   map[string]*reply   // out of band, by the response's id
	aside   map[string]*asking  // out of band and not begun, by the response's id
	hearing map[string]*hearing // audio of items that is being transcribed
	held    []*asking           // that wait for it, oldest first
}

// asked is something that the session was asked for.
type asked struct {
	eventID string
	update  *realtime.Session // of a session.update
	respond *asking           // of a response.create
	hear    string            // the name of what is to be transcribed
}

// asking is a response that was asked for.
type asking struct {
	id        string
	eventID   string
	options   realtime.ResponseOptions
	input     []*realtime.Item // of its own; nil: the conversation
	waits     map[string]bool  // for what is being transcribed
	letters   int              // of its own input
	cancelled bool
}

// turn is a turn of the session.
type turn struct {
	id      string // of its record, and of what the session remembers of it
	item    string // the user's, "" where there is none
	inputMS int64
	shown   string // what the client was told of the transcript
}

// New makes a talk with a session that has not run yet.
func New(o Options, s Session) *Talk {
	if o.Kind == "" {
		o.Kind = realtime.Conversation
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Talk{
		opts: o, session: s, log: o.Log.With("session", s.ID()), random: strings.ToLower(rand.Text()[:10]), beta: o.Beta,
		refs: make(map[string]*asked), turns: make(map[int]*turn), heard: make(map[string]string), apart: make(map[string]*reply),
		aside: make(map[string]*asking), hearing: make(map[string]*hearing),
	}
}

// Run takes the client's frames from in and the session's outputs, and gives
// frames for the client to out, until the session has ended and all was given.
// over says that the session's Run is over, whether it closed its events or not.
// ctx bounds what is pushed to the session. Closing in ends nothing by itself:
// whoever owns the session ends it.
func (t *Talk) Run(ctx context.Context, over <-chan struct{}, in <-chan Incoming, out chan<- []byte) {
	t.begin(ctx)
	outputs, leave := t.session.Events(), t.opts.Leave
	var expired <-chan time.Time
	if !t.opts.Expires.IsZero() {
		timer := time.NewTimer(time.Until(t.opts.Expires))
		defer timer.Stop()
		expired = timer.C
	}
	for outputs != nil || len(t.queue) > 0 {
		var toClient chan<- []byte
		var frame []byte
		if len(t.queue) > 0 {
			toClient, frame = out, t.queue[0]
		}
		fromSession, fromClient := outputs, in
		full := t.queued >= maxQueueBytes
		if len(t.queue) >= maxQueue || full {
			fromSession = nil
		}
		if len(t.queue) >= maxStuck || full || !t.created { // session.created comes before every answer
			fromClient = nil
		}
		select {
		case toClient <- frame:
			t.queue[0] = nil
			t.queued -= len(frame)
			if t.queue = t.queue[1:]; len(t.queue) == 0 {
				t.queue = nil
			}
		case o, ok := <-fromSession:
			if !ok {
				outputs, in = nil, nil
				continue
			}
			t.take(ctx, o)
			o.Audio.Free()
		case c, ok := <-fromClient:
			if !ok {
				in = nil
				continue
			}
			if !t.hear(ctx, c) {
				c.Frame.Free()
			}
		case <-leave:
			leave, t.leaving = nil, true
		case <-expired:
			t.fail("", realtime.Wrong(realtime.CodeSessionExpired, "", "The token that opened this session has expired. Connect again with a new one."))
			t.opts.Expired()
		case <-over: // without closing its events: it panicked
			outputs, in, over = nil, nil, nil
		}
		if t.leaving && !t.busy() {
			t.leaving = false
			t.opts.Left()
		}
	}
}

// busy says whether something is being made for the client.
func (t *Talk) busy() bool {
	return t.asking != nil || len(t.turns)+len(t.heard)+len(t.apart)+len(t.aside)+len(t.hearing) > 0
}

// begin configures the session.
func (t *Talk) begin(ctx context.Context) {
	s := realtime.NewSession(t.opts.Kind)
	s.ID, s.Model = "sess_"+strings.ReplaceAll(t.session.ID(), "-", ""), t.opts.Model
	if !t.opts.Expires.IsZero() {
		s.ExpiresAt = t.opts.Expires.Unix()
	}
	t.seed(&s)
	t.config, t.wanted = s, s
	first := s
	if t.opts.Preset != nil {
		preset, err := s.Apply(t.opts.Preset)
		if err != nil {
			t.log.Warn("the session of a client secret can't be used", "error", err)
		} else {
			first = preset
		}
	}
	t.update(ctx, first, "")
}

// emit sends an event to the client.
func (t *Talk) emit(e realtime.ServerEvent) {
	write := realtime.AppendEvent
	if t.beta {
		write = realtime.AppendBeta
	}
	frame, err := write(nil, t.id("event_"), e)
	switch {
	case err != nil:
		t.log.Error("event can't be written", "error", err)
	case len(frame) > 0:
		t.queue = append(t.queue, frame)
		t.queued += len(frame)
	}
}

// id gives a new id, unique in this talk and, but for luck, everywhere.
func (t *Talk) id(prefix string) string {
	t.ids++
	b := make([]byte, 0, 40)
	b = append(b, prefix...)
	b = append(b, t.random...)
	return string(strconv.AppendUint(b, t.ids, 36))
}

// push hands something to the session. When it has ended, so does the talk soon.
func (t *Talk) push(ctx context.Context, in session.Input) {
	if err := t.session.Push(ctx, in); err != nil {
		t.log.Debug("the session takes no more", "error", err)
	}
}

// ask is push for what the session answers, or may refuse.
func (t *Talk) ask(ctx context.Context, in session.Input, a *asked) {
	t.ids++
	in.Ref = strconv.FormatUint(t.ids, 36)
	t.refs[in.Ref] = a
	if len(t.refs) > maxRefs {
		clear(t.refs) // answers come at once: these never will
		t.refs[in.Ref] = a
	}
	t.push(ctx, in)
}

const maxRefs = 1024

// fail tells the client what was wrong with an event.
func (t *Talk) fail(eventID string, err *realtime.Error) {
	e := *err
	e.EventID = eventID
	t.emit(realtime.ErrorEvent{Err: e})
}
