package enginehttp

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"sori/stage"
)

// Transcriber is ATOT. The stream's last transcript is Final; an error ends it.
type Transcriber interface {
	Transcribe(ctx context.Context, u stage.Utterance) iter.Seq2[stage.Transcript, error]
	// Engine is the name that clients see.
	Engine() string
}

// Responder is TTOT. The stream yields the reply piece by piece.
type Responder interface {
	Respond(ctx context.Context, p stage.Prompt) iter.Seq2[string, error]
	Engine() string
}

// Synthesizer is TTS. All chunks of a stream have the same rate.
type Synthesizer interface {
	Synthesize(ctx context.Context, s stage.Speech) iter.Seq2[stage.Chunk, error]
	Engine() string
}

// Missing is an engine that was asked for and could not be loaded.
type Missing struct {
	Engine string // its name
	Err    error  // why, in words
	// Beside: it was to serve some requests only, beside the engine that does.
	Beside bool
}

// Config says what is served. The zero value of each limit stands for its default.
type Config struct {
	// The engines; nil for a stage that is not served.
	ATOT Transcriber
	TTOT Responder
	TTS  Synthesizer

	// Missing says of a stage which engine could not be loaded for it, so that
	// another serves.
	Missing map[stage.Name]Missing

	// ATOTURL is the ATOT service whose latest transcript GET /generate answers,
	// such as "http://127.0.0.1:8000"; not needed where ATOT is served here too.
	ATOTURL string
	// HTTP carries the calls to ATOTURL; nil for a client of its own.
	HTTP *http.Client
	// DefaultUser is meant where a request of the seed's dialect names no user:
	// "10" by default, as in the seed.
	DefaultUser string

	// MaxBody bounds an upload: 25 MiB by default.
	MaxBody int64
	// MaxInFlight bounds the memory of all uploads at once: 128 MiB by default.
	MaxInFlight int64
	// MaxAudio bounds an utterance: 10 minutes by default.
	MaxAudio time.Duration
	// Recognizers is how many utterances ATOT hears at once: as many as there
	// are processors by default. TTOT and TTS run up to Streams at once (64), as
	// their engines bound the work themselves.
	Recognizers int
	Streams     int
	// Waiting is how many requests of a stage may wait beyond those that run: 64
	// by default. One more is HTTP 503.
	Waiting int
	// Timeout bounds the work on one request, without the waiting: 2 minutes by
	// default. Wait bounds the waiting, and BodyTimeout an upload: 30 s each.
	Timeout     time.Duration
	Wait        time.Duration
	BodyTimeout time.Duration
	// Results is how many users' latest transcripts are kept (1,000), and
	// ResultTTL for how long (an hour).
	Results   int
	ResultTTL time.Duration
	// Uploads bounds the recordings that GET /static/uploads/… still has, in
	// bytes: 16 MiB by default.
	Uploads int

	// Log hears of failures, never of speech or text. nil is silence.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	or := func(v *time.Duration, d time.Duration) {
		if *v <= 0 {
			*v = d
		}
	}
	number := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	if c.DefaultUser == "" {
		c.DefaultUser = "10"
	}
	if c.MaxBody <= 0 {
		c.MaxBody = 25 << 20
	}
	if c.MaxInFlight <= 0 {
		c.MaxInFlight = 128 << 20
	}
	c.MaxInFlight = max(c.MaxInFlight, c.MaxBody)
	or(&c.MaxAudio, 10*time.Minute)
	or(&c.Timeout, 2*time.Minute)
	or(&c.Wait, 30*time.Second)
	or(&c.BodyTimeout, 30*time.Second)
	or(&c.ResultTTL, time.Hour)
	number(&c.Recognizers, runtime.GOMAXPROCS(0))
	number(&c.Streams, 64)
	number(&c.Waiting, 64)
	number(&c.Results, 1000)
	number(&c.Uploads, 16<<20)
	if c.HTTP == nil {
		c.HTTP = &http.Client{Transport: http.DefaultTransport}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Keys of log records.
const (
	keyService = "service"
	keyEngine  = "engine"
	keyCode    = "code"
	keyError   = "error"
)
