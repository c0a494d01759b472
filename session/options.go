package session

import (
	"errors"
	"log/slog"
	"time"

	"sori/audio"
	"sori/protocol"
)

// Options says how a session behaves. The zero value of a field means its
// default.
type Options struct {
	ID           string // default: a new UUIDv7
	User         string // until the client names one; default "10", the seed's
	UserFixed    bool   // the client may name no other
	Language     string // BCP 47; default "en"
	Voice        string // default "": the engine's own
	Instructions string // for TTOT; default ""

	MaxUtterance time.Duration // a longer utterance is ended and answered; default 60 s
	MinUtterance time.Duration // a commit with less is refused; default 100 ms
	MaxReply     time.Duration // a longer reply is cut; default 5 min
	Window       int           // earlier turns that the model is told; default 20

	Profiles   map[string]protocol.Configure // settings that a client can ask for by name; user, input and output in them are ignored
	Pace       time.Duration                 // how far audio goes out ahead of the voice when the client says nothing of it; default 400 ms, negative: at once
	EchoGuard  time.Duration                 // so long after the reply begins to sound nothing interrupts it; default 300 ms
	Prudent    bool                          // no work begins before the turn is certain to be over
	FrameGap   time.Duration                 // without frames for so long, speech under way is over; default 1 s
	PartialGap time.Duration                 // sound between two partial transcripts; default 600 ms
	ToolTime   time.Duration                 // how long a tool may take; default 30 s

	// Apology gives what a user is told who can't be answered, by the session's
	// language and what the user said, as far as it was understood. "" or a nil
	// Apology: nothing. See [Sorry].
	Apology func(language, said string) string

	Fresh     bool      // the model is not told of earlier sessions
	Allowance Allowance // what the user may still do; nil: anything
	Notices   bool      // events say more than the native protocol knows: see [Accepted]

	// ResumeKey lets a client that lost its connection resume the session within
	// ResumeWait; "": it can't, and its frames are not acknowledged.
	ResumeKey  string
	ResumeWait time.Duration
	// Checkpoints come with the outputs after which another process could go on,
	// from where Restore says that it stopped; nil: with a new session.
	Checkpoints bool
	Restore     *State
	Fence       func() uint64 // of the process's right to act for the session, see [history.Turn]; nil: there is none

	Inbox     int           // inputs that may wait; default 16, a third of a second of frames. Push blocks when it is full
	MaxEvents int           // events that may wait for a client that does not read; default 4,096. More end the session
	HighWater time.Duration // reply audio that may wait for the client; default 10 s. With more, the stages are held up
	Frame     time.Duration // the shortest binary frame of a reply but the last; default 40 ms
	Patience  time.Duration // how long a superseded turn's transcription may take; default 5 s
}

// The defaults of [Options].
const (
	defaultUser         = "10"
	defaultLanguage     = "en"
	defaultMaxUtterance = 60 * time.Second
	defaultMinUtterance = 100 * time.Millisecond
	defaultMaxReply     = 5 * time.Minute
	defaultWindow       = 20
	defaultInbox        = 16
	defaultMaxEvents    = 4096
	defaultHighWater    = 10 * time.Second
	defaultFrame        = 40 * time.Millisecond
	defaultPatience     = 5 * time.Second
	defaultPace         = 400 * time.Millisecond
	defaultEchoGuard    = 300 * time.Millisecond
	defaultFrameGap     = time.Second
	defaultPartialGap   = 600 * time.Millisecond
	defaultToolTime     = 30 * time.Second
)

func orDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

func (o Options) withDefaults() Options {
	orDefault(&o.User, defaultUser)
	orDefault(&o.Language, defaultLanguage)
	orDefault(&o.MaxUtterance, defaultMaxUtterance)
	orDefault(&o.MinUtterance, defaultMinUtterance)
	orDefault(&o.MaxReply, defaultMaxReply)
	orDefault(&o.Window, defaultWindow)
	orDefault(&o.Inbox, defaultInbox)
	orDefault(&o.MaxEvents, defaultMaxEvents)
	orDefault(&o.HighWater, defaultHighWater)
	orDefault(&o.Frame, defaultFrame)
	orDefault(&o.Patience, defaultPatience)
	orDefault(&o.Pace, defaultPace)
	orDefault(&o.EchoGuard, defaultEchoGuard)
	orDefault(&o.FrameGap, defaultFrameGap)
	orDefault(&o.PartialGap, defaultPartialGap)
	orDefault(&o.ToolTime, defaultToolTime)
	return o
}

// Deps is what a session works with. All of it is shared between sessions and
// safe for concurrent use.
type Deps struct {
	ATOT Transcriber
	TTOT Responder
	TTS  Synthesizer
	// NewDetector makes a detector of speech. nil: every utterance goes to ATOT,
	// and turns end only when the client says so.
	NewDetector func() (VoiceDetector, error)
	EndOfTurn   EndOfTurn // nil: the words alone decide in semantic mode
	Tools       Tools     // the server's own; nil: none
	History     History
	Recordings  Recordings // nil: no recordings are kept
	// Languages says what the engines know now; nil: nothing is known of it.
	Languages func() protocol.Languages
	Voices    func() []string // that TTS can be asked for now; nil: nothing is known of it
	Observer  Observer        // nil: nobody is told
	Log       *slog.Logger
}

// Input is one thing that comes in. Exactly one of Message, Order, Audio, Problem
// and Presence is set.
type Input struct {
	Message protocol.ClientMessage
	Order   Order             // what the native protocol has no message for
	Audio   *audio.Frame      // a binary frame as it came; the session frees it
	Problem *protocol.Problem // what the connection could not accept, to be told to the client in sequence
	Ref     string            // comes back with what the session says to this at once

	Presence Presence // what became of the client
	Unheard  int      // with Back: audio of the live turn that has left and only now came to the client, in bytes
	Seq      uint64   // number of the client's frame; 0: it has none
}

// Output is one thing that goes out. Exactly one of Event and Audio is set. Who
// takes it frees Audio.
type Output struct {
	Head  protocol.Head
	Event protocol.Event
	Audio *audio.Frame
	Ref   string // of the input that this answers, "" for anything else
	Apart string // the Apart that it belongs to; "": none
	State *State // where the session stands after this; nil: as it stood, or nobody asked for it
}

// ErrEnded is returned by Push when the session is over.
var ErrEnded = errors.New("session: it has ended")

// ErrSlowReader is returned by Run when more events waited for the client than
// a session holds.
var ErrSlowReader = errors.New("session: the client does not read its events")

// ErrFenced is returned by Run when another process has taken the session over.
var ErrFenced = errors.New("session: another process goes on with it")
