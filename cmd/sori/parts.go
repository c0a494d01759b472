package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"sori/auth"
	"sori/clients/endpoint"
	"sori/clients/eot"
	"sori/clients/ttot"
	"sori/cluster"
	"sori/engines/models"
	"sori/history"
	"sori/history/recordings"
	"sori/history/retention"
	"sori/quota"
	"sori/redisconn"
	"sori/server"
	"sori/session"
	"sori/stage"
	"sori/telemetry"
	"sori/web"
)

// closeTimeout bounds the end of the parts.
const closeTimeout = 10 * time.Second

// parts is what a server is made of, in the order in which it is opened.
type parts struct {
	*serveCmd
	*console
	log   *slog.Logger
	plain bool // the log is for people

	tracer      *telemetry.Tracer // nil: no spans are made
	metrics     *telemetry.Metrics
	private     *tls.Config  // nil: connections are plain
	certificate *certificate // likewise

	started   chan struct{} // closed once the engines have loaded
	endTools  func()
	dataDir   string
	modelsDir string

	engines    *engines
	dubbed     []*ttot.Client // of models with an engine of their own
	turns      *eot.Client    // nil: the words alone decide
	detector   func() (session.VoiceDetector, error)
	voice      string // the detector's name
	endVoice   func()
	redis      *redisconn.Conn // nil: --store is SQLite
	store      history.Store
	doorkeys   auth.Store // keys and tokens, which the store keeps beside turns
	turnsOf    retention.Turns
	graves     *retention.Graves
	erasers    []func(ctx context.Context, user string) error // what is kept of a user beside the history
	tidying    sync.WaitGroup
	endTidying context.CancelFunc
	storeName  string
	quotas     *quota.Book // nil: nothing is limited
	keeper     *history.Keeper
	keeping    sync.WaitGroup
	endKeeper  context.CancelFunc
	endQuotas  context.CancelFunc
	directory  *cluster.Directory // nil: sessions live and die with this process
	sharing    sync.WaitGroup
	endSharing context.CancelFunc

	guard   *auth.Guard
	doors   string             // who may come in, for people
	jwks    *auth.JWKS         // nil: no keys of an identity provider are fetched
	records records            // nil: none are kept
	bucket  *recordings.Bucket // nil: none is used
}

// open opens all parts. What was opened is closed by close, also after an error.
func (p *parts) open(ctx context.Context) error {
	var err error
	if err = p.openTelemetry(ctx); err != nil {
		return err
	}
	if p.dataDir, err = p.folder(p.console); err != nil {
		return err
	}
	if err = makeFolder(p.dataDir); err != nil {
		return err
	}
	if p.Natural {
		if err := p.beNatural(ctx); err != nil {
			return err
		}
	}
	var files *models.Files
	p.modelsDir, files, err = findModels(&p.modelsPlace, p.console)
	if err != nil && (isLocal(p.ATOT) || isLocal(p.TTS)) {
		return missingModels(err)
	}
	// The engines take the longest: they load while the rest is opened.
	if p.engines, err = startEngines(ctx, p.console, &p.engineURLs, p.modelsDir, p.dataDir, p.log, p.eyes()); err != nil {
		return err
	}
	if p.detector, p.voice, p.endVoice, err = detectors(files); err != nil {
		return err
	}
	if p.EOT != "" {
		p.turns, err = eot.New(p.EOT, endpoint.Options{Getenv: p.getenv, Log: p.log, Trace: p.eyes().trace})
		if err != nil {
			return err
		}
	}
	return p.openHistory(ctx)
}

// openHistory opens the store and what stands before it.
func (p *parts) openHistory(ctx context.Context) error {
	var err error
	redisconn.LogTo(p.log) // the library has one logger for the process, and writes to stderr of itself
	if p.redis, err = p.connect(p.getenv); err != nil {
		return err
	}
	var st store
	if st, p.storeName, err = p.storage.open(ctx, p.dataDir, p.redis); err != nil {
		return err
	}
	p.store, p.doorkeys, p.turnsOf = p.metrics.Store(st), st, st
	if err = p.store.Ping(ctx); err != nil {
		// Turns are set aside until it is back.
		p.log.WarnContext(ctx, "the store does not answer", "store", p.storeName, "error", err)
	}
	if p.keeper, err = history.NewKeeper(p.store, history.KeeperOptions{Dir: p.dataDir, Log: p.log}); err != nil {
		return err
	}
	p.watchHistory()
	// It ends after the last session, not with ctx.
	var keeping context.Context
	keeping, p.endKeeper = context.WithCancel(context.WithoutCancel(ctx))
	p.keeping.Go(func() {
		if err := p.keeper.Run(keeping); err != nil && keeping.Err() == nil {
			p.log.ErrorContext(keeping, "history is not kept any more", "error", err)
		}
	})
	if err = p.openDirectory(ctx); err != nil {
		return err
	}
	p.graves = retention.NewGraves(st, p.log)
	if err = p.openRecordings(ctx); err != nil {
		return err
	}
	p.erasers = append(p.erasers, func(_ context.Context, user string) error {
		_, err := p.keeper.ForgetBad(user, time.Time{})
		return err
	})
	if p.records != nil {
		p.erasers = append(p.erasers, p.records.DeleteUser)
	}
	if p.directory != nil {
		p.erasers = append(p.erasers, p.directory.DeleteUser)
	}
	p.openQuotas(ctx)
	return nil
}

// close closes what was opened, in the opposite order.
func (p *parts) close(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, closeTimeout)
	defer stop()
	var errs []error
	if p.endTidying != nil {
		p.endTidying()
		p.tidying.Wait()
	}
	p.closeDirectory()
	if p.endQuotas != nil {
		p.endQuotas()
	}
	if p.endKeeper != nil {
		p.endKeeper()
		p.keeping.Wait()
		errs = append(errs, p.keeper.Close(ctx))
	}
	if p.records != nil {
		errs = append(errs, p.records.Close())
	}
	if p.jwks != nil {
		p.jwks.Close()
	}
	if p.store != nil {
		errs = append(errs, p.store.Close())
	}
	if p.redis != nil {
		errs = append(errs, p.redis.Close())
	}
	if p.endTools != nil {
		p.endTools()
	}
	if p.endVoice != nil {
		p.endVoice()
	}
	if p.turns != nil {
		p.turns.Close()
	}
	for _, c := range p.dubbed {
		c.Close()
	}
	errs = append(errs, p.tracer.Close(ctx))
	if p.engines != nil {
		if err := p.engines.close(); err != nil {
			p.log.WarnContext(ctx, "the local engines did not end well", "error", err)
		}
	}
	return errors.Join(errs...)
}

// server wires the parts to a server.
func (p *parts) server() (*server.Server, error) {
	page, err := web.Handler()
	if err != nil {
		return nil, err
	}
	deps := session.Deps{
		ATOT: hears{p.engines.atot, &p.engines.known}, TTOT: answers{p.engines.ttot, &p.engines.known}, TTS: speaks{p.engines.tts, &p.engines.known},
		NewDetector: p.detector, History: p.keeper, Log: p.log, Languages: p.engines.known.languages, Voices: p.engines.known.voices,
		Observer: p.metrics,
	}
	if p.turns != nil {
		deps.EndOfTurn = p.turns
	}
	steps := &server.Steps{
		PullATOT: func(ctx context.Context, userID string) (server.Heard, error) {
			heard, pullErr := p.engines.atot.Pull(ctx, userID)
			return server.Heard(heard), pullErr
		},
		ATOTEngine: p.engines.atot.Engine(),
		PullTTOT: func(ctx context.Context, userID string) (string, error) {
			written, pullErr := p.engines.ttot.Pull(ctx, userID)
			return written.Text, pullErr
		},
		TTOT: p.engines.ttot, TTS: p.engines.tts, History: p.keeper,
	}
	cfg := server.Config{
		Session: session.Options{
			User: p.User, Language: p.Language, Voice: p.Voice, Instructions: p.Instructions,
			MaxUtterance: p.MaxUtterance, Window: p.Window, Apology: p.apologies(),
		},
		Store: kept{p.store, p.keeper}, Steps: steps, Checks: p.checks(), Page: page,
		DefaultUser: p.User, Origins: p.Origins, MaxSessions: p.MaxSessions,
		LogTexts: p.LogTexts, Log: p.log, Observer: p.metrics,
		Erase: p.erase, Auth: p.guard, TrustedProxies: p.TrustedProxies, OnlyLocal: p.guard.Open,
		Started: p.started, Admission: p.admission(), Quota: p.quotas, TLS: p.private,
	}
	p.survival.apply(&cfg) //nolint:staticcheck // says whose apply it is
	if p.directory != nil {
		cfg.Directory = p.directory
	}
	if p.Metrics {
		cfg.Metrics = p.metrics.Handler()
	}
	cfg.Profiles = profiles()
	if p.endTools, err = p.equip(p.getenv, &cfg.Session, &deps); err != nil {
		return nil, err
	}
	cfg.Engines = &server.Engines{ATOT: p.engines.atot, TTOT: p.engines.ttot, TTS: p.engines.tts, NewDetector: p.detector}
	if p.records != nil {
		cfg.Recordings = p.records
		if p.Recordings != recordNothing {
			kept := counted{p.records, p.quotas}
			deps.Recordings, steps.Recordings = kept, kept
		}
	}
	cfg.NewSession = func(o session.Options) server.Session { return session.New(o, deps) }
	if err := p.dub(&cfg, &deps); err != nil {
		return nil, err
	}
	return server.New(cfg)
}

// checks is what /readyz reports. Without its store sori still serves: turns
// wait on the disk.
func (p *parts) checks() []server.Check {
	amiss := func(name stage.Name) func() string {
		return func() string { return p.engines.known.warning(name) }
	}
	checks := []server.Check{
		{Name: "atot", Required: true, Check: p.engines.atot.Health, Warning: amiss(stage.ATOT), Load: loadOf(p.engines.atot.Load)},
		{Name: "ttot", Required: true, Check: p.engines.ttot.Health, Warning: amiss(stage.TTOT), Load: loadOf(p.engines.ttot.Load)},
		{Name: "tts", Required: true, Check: p.engines.tts.Health, Warning: amiss(stage.TTS), Load: loadOf(p.engines.tts.Load)},
		{Name: "store", Check: p.store.Ping},
	}
	if p.turns != nil {
		checks = append(checks, server.Check{Name: "eot", Check: func(ctx context.Context) error { return p.turns.Check(ctx).Err }})
	}
	if p.bucket != nil {
		checks = append(checks, server.Check{Name: "recordings", Check: p.bucket.Check})
	}
	return checks
}

// announce says that the server is ready, and of what it is made.
func (p *parts) announce(addr net.Addr, took time.Duration) {
	e := p.engines
	if !p.plain {
		p.log.Info("ready", "version", version, "addr", addr.String(), "atot", e.atot.Engine(), "ttot", e.ttot.Engine(), "tts", e.tts.Engine(),
			"voice_detector", p.voice, "store", p.storeName, "data", p.dataDir, "models", p.modelsDir, "took_ms", took.Milliseconds())
		return
	}
	at := reachable(addr.String())
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-9s %s\n", name, fmt.Sprintf(format, args...))
	}
	page, ws := "http", "ws"
	if p.certificate != nil {
		page, ws = "https", "wss"
	}
	fmt.Fprintf(&b, "sori %s is ready after %.1f s at %s://%s\n\n", version, took.Seconds(), page, at)
	line("sessions", "%s://%s/ws", ws, at)
	if at != addr.String() {
		line("", "from everywhere, port %s", at[strings.LastIndexByte(at, ':')+1:])
	}
	for _, s := range []struct {
		name   stage.Name
		engine string
	}{{stage.ATOT, e.atot.Engine()}, {stage.TTOT, e.ttot.Engine()}, {stage.TTS, e.tts.Engine()}} {
		line(string(s.name), "%s%s", s.engine, inBrackets(e.about[s.name]))
	}
	line("voice", "%s detects speech", p.voice)
	line("history", "%s", p.storeName)
	line("data", "%s", p.dataDir)
	line("access", "%s", p.doors)
	line("models", "%s", p.modelsDir)
	if c := p.certificate; c != nil && p.TLSSelfSigned {
		line("TLS", "self-signed, SHA-256 %s", c.fingerprint())
		line("", "to trust it: NODE_EXTRA_CA_CERTS=%[1]s in Node, SSL_CERT_FILE=%[1]s in Python, Go and curl,", c.certFile)
		line("", "and in a browser open the address once and compare the fingerprint")
	}
	talk := "sori talk FILE.wav"
	if p.certificate != nil || !strings.HasSuffix(at, ":5000") || !strings.HasPrefix(at, "127.0.0.1") {
		talk += " --url " + ws + "://" + at + "/ws"
	}
	fmt.Fprintf(&b, "\nTry it: %s, or %s://%s in a browser. Ctrl-C ends it.\n", talk, page, at)
	fmt.Fprint(p.out, b.String())
}

func inBrackets(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}
