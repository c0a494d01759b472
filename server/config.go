package server

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"sori/history"
	"sori/quota"
	"sori/session"
	"sori/session/resume"
)

// Session is one user's conversation, as a connection sees it. It is what
// [session.Session] is.
type Session interface {
	// ID is the session's unique id.
	ID() string
	// Run blocks until ctx ends or the client can't be served any more, the turn
	// under way is recorded and everything was taken from Events.
	// It returns [session.ErrResting] when it was told that the client is quiet and
	// there is nothing to do, and is called again when there is.
	Run(ctx context.Context) error
	// Push hands over what the client sent. It blocks while the session is busy
	// and owns in.Audio, whatever it returns.
	Push(ctx context.Context, in session.Input) error
	// Waiting says whether something that was pushed waits to be handled.
	Waiting() bool
	// Events is what goes to the client. The writer takes all of it until it is
	// closed.
	Events() <-chan session.Output
}

// Store is what the server needs of history.
type Store interface {
	EnsureUser(ctx context.Context, userID string) (created bool, err error)
	HasUser(ctx context.Context, userID string) (bool, error)
	UserIDs(ctx context.Context) ([]string, error)
	Recent(ctx context.Context, userID string, n int) ([]history.Turn, error)
	Page(ctx context.Context, userID, before string, n int) (turns []history.Turn, more bool, err error)
	DeleteUser(ctx context.Context, userID string) error
}

// Recordings gives the audio of turns.
type Recordings interface {
	// Open gives a user's recording to read. The error wraps [fs.ErrNotExist] when
	// there is none of this name, and for every name that is none of a recording.
	Open(ctx context.Context, userID, name string) (RecordingFile, error)
}

// RecordingFile is an open recording. An [os.File] is one.
type RecordingFile interface {
	io.ReadSeekCloser
	Stat() (fs.FileInfo, error)
}

// Check is one part of sori that can be well or not.
type Check struct {
	Name     string // such as "store" or "tts"
	Required bool   // without it sori is not ready
	// Check says what is wrong, nil when nothing is. It obeys its context.
	Check func(ctx context.Context) error
	// Warning says what is amiss though the part works, "" for nothing. nil: it
	// never says so.
	Warning func() string
	// Load says how much a stage has to do. nil: this is no stage.
	Load func() Load
}

// Config says what a server works with. NewSession and Store must be set; the
// zero value of any other field means its default.
type Config struct {
	NewSession  func(session.Options) Session
	Session     session.Options // what every session starts with
	Store       Store
	Recordings  Recordings   // nil: there are none
	Steps       *Steps       // nil: the seed's step-by-step run is not there
	Engines     *Engines     // nil: the OpenAI-compatible calls have no engines
	Realtime    Realtime     // how the OpenAI Realtime API is spoken at /v1/realtime
	Checks      []Check      // the parts that /readyz reports
	Page        http.Handler // answers GET / for browsers, and /app/; nil: they get JSON like everybody
	DefaultUser string       // default: Session.User, else "10", the seed's
	// Erase removes all that is kept of a user elsewhere, before the user's history
	// is deleted. nil: there are none.
	Erase func(ctx context.Context, userID string) error
	// Origins are patterns of web origins other than the server's own whose pages
	// may use it, such as "https://app.example.com" or "http://localhost:*". nil:
	// the seed's, which are ports 5000, 8000 and 8002 of localhost.
	Origins []string
	// Auth says who a caller is. nil: sori runs open, and everybody may everything.
	Auth Authenticator
	// TrustedProxies are the addresses and networks of the proxies whose word on
	// where a request comes from is taken, such as "10.0.0.0/8". nil: none.
	TrustedProxies []string
	// OnlyLocal says whether to refuse requests that are not made out to this machine by name, or
	// that came by way of a proxy. It is for a sori that runs open: a page that
	// makes its own name lead to this machine does not get in.
	OnlyLocal func() bool  // nil: never
	TLS       *tls.Config  // what connections are kept private with; nil: they are plain
	Metrics   http.Handler // answers GET /metrics, for admins; nil: it is not there
	Profiles  http.Handler // answers GET /debug/pprof/, for admins; nil: it is not there
	Observer  Observer     // nil: nobody is told
	LogTexts  bool         // what was said and answered may stand in the log
	Log       *slog.Logger // default: nothing is logged

	// Started is closed once everything has loaded; until then sori is not ready.
	// nil: it is from the beginning.
	Started   <-chan struct{}
	Admission Admission
	Quota     *quota.Book // what users and keys may use; nil: nothing is limited

	// Directory lets a client resume its session in another process. nil: sessions
	// live and die with this one.
	Directory   resume.Directory
	ResumeWait  time.Duration // how long a session waits for a client that lost its connection; default 2 min, negative: not at all
	ReplayBytes int           // what is held of a session for such a client; default 2 MiB
	AwaySpread  time.Duration // over how long clients come back when the server stops; default 2 s

	MaxSessions    int   // more are refused with 503; default 1,000
	MaxBadMessages int   // so many in a row end the connection; default 100
	MaxUpload      int64 // bytes of a request's body; default 32 MiB

	HandshakeTimeout time.Duration // for a request's header; default 10 s
	WriteTimeout     time.Duration // for one write to a client; default 5 s
	PingEvery        time.Duration // default 20 s
	PongTimeout      time.Duration // how long a ping may stay without an answer; default 15 s
	FirstTimeout     time.Duration // for the first message of a connection to /ws; default 30 s
	RestAfter        time.Duration // without any message, a session that does nothing gives its goroutines back; default 1 s
	IdleTimeout      time.Duration // without any message from the client; default 10 min
	CloseTimeout     time.Duration // from the decision to close until the connection is cut; default 10 s
	HandOverTimeout  time.Duration // for the turn under way when the server stops, or another one asks for its session; default 10 s
	TakeTimeout      time.Duration // for taking a session over from another process; default 20 s
	ShutdownTimeout  time.Duration // for everything, at the end; default 20 s
}

const (
	defaultUser             = "10"
	defaultMaxSessions      = 1000
	defaultMaxBadMessages   = 100
	defaultMaxUpload        = 32 << 20
	defaultHandshakeTimeout = 10 * time.Second
	defaultWriteTimeout     = 5 * time.Second
	defaultPingEvery        = 20 * time.Second
	defaultPongTimeout      = 15 * time.Second
	defaultRestAfter        = time.Second
	defaultFirstTimeout     = 30 * time.Second
	defaultIdleTimeout      = 10 * time.Minute
	defaultCloseTimeout     = 10 * time.Second
	defaultShutdownTimeout  = 20 * time.Second
	defaultHandOverTimeout  = 10 * time.Second
	defaultTakeTimeout      = 20 * time.Second
	defaultResumeWait       = 2 * time.Minute
	defaultReplayBytes      = 2 << 20
	defaultAwaySpread       = 2 * time.Second

	keepAliveTimeout = 120 * time.Second // of an HTTP connection without a request
	requestTimeout   = 60 * time.Second  // for the body of a request
	responseTimeout  = 120 * time.Second // for the answer to a request
	maxHeaderBytes   = 32 << 10
)

var errConfig = errors.New("server: Config.NewSession and Config.Store must be set")

func (c Config) withDefaults() (Config, error) {
	if c.NewSession == nil || c.Store == nil {
		return c, errConfig
	}
	if c.DefaultUser == "" {
		c.DefaultUser = c.Session.User
	}
	orDefault(&c.DefaultUser, defaultUser)
	c.Session.User = c.DefaultUser
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Observer == nil {
		c.Observer = unobserved{}
	}
	c.Admission = c.Admission.withDefaults()
	orDefault(&c.MaxSessions, defaultMaxSessions)
	orDefault(&c.MaxBadMessages, defaultMaxBadMessages)
	orDefault(&c.MaxUpload, defaultMaxUpload)
	if c.Origins == nil {
		c.Origins = []string{"http://localhost:8000", "http://localhost:5000", "http://localhost:8002"}
	}
	orDefault(&c.HandshakeTimeout, defaultHandshakeTimeout)
	orDefault(&c.WriteTimeout, defaultWriteTimeout)
	orDefault(&c.PingEvery, defaultPingEvery)
	orDefault(&c.PongTimeout, defaultPongTimeout)
	orDefault(&c.RestAfter, defaultRestAfter)
	orDefault(&c.FirstTimeout, defaultFirstTimeout)
	orDefault(&c.IdleTimeout, defaultIdleTimeout)
	orDefault(&c.CloseTimeout, defaultCloseTimeout)
	orDefault(&c.ShutdownTimeout, defaultShutdownTimeout)
	orDefault(&c.HandOverTimeout, defaultHandOverTimeout)
	orDefault(&c.TakeTimeout, defaultTakeTimeout)
	orDefault(&c.ResumeWait, defaultResumeWait)
	orDefault(&c.ReplayBytes, defaultReplayBytes)
	orDefault(&c.AwaySpread, defaultAwaySpread)
	return c, nil
}

func orDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}
