package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sori/engines/energy"
	"sori/engines/models"
	"sori/engines/ort"
	"sori/engines/silero"
	"sori/session"
)

// serveCmd is `sori serve`.
type serveCmd struct {
	listenAt      `embed:""`
	transport     `embed:""`
	storage       `embed:""`
	engineURLs    `embed:""`
	conduct       `embed:""`
	survival      `embed:""`
	limits        `embed:""`
	watching      `embed:""`
	access        `embed:""`
	memory        `embed:""`
	realtimeNames `embed:""`

	User         string        `default:"10" placeholder:"ID" setting:"" help:"The user of clients that name none."`
	Language     string        `default:"en" placeholder:"TAG" setting:"" help:"The language of clients that name none."`
	Voice        string        `placeholder:"NAME" setting:"" help:"The voice of clients that name none. Default: the engine's own."`
	Instructions string        `placeholder:"TEXT" setting:"" help:"How replies should be where the client says nothing of it, for engines that follow instructions."`
	Apology      string        `placeholder:"TEXT" setting:"" help:"What users hear, or read where TTS does not work, when a turn can't be answered; none: nothing. Default: a sentence in Korean or English."`
	Window       int           `default:"20" placeholder:"N" setting:"" help:"How many earlier turns the text engine is told."`
	MaxUtterance time.Duration `default:"60s" placeholder:"TIME" setting:"" help:"A longer utterance is ended and answered at this length."`
	MaxSessions  int           `default:"1000" placeholder:"N" setting:"" help:"How many sessions there may be at once; more are told to come back later."`
	Origins      []string      `placeholder:"ORIGIN" setting:"" help:"Web pages of other origins that may connect, such as https://app.example.com or http://localhost:*, separated by commas."`
	EOT          string        `name:"eot" placeholder:"URL" setting:"" help:"An HTTP engine that says whether the user has finished, for turn detection by meaning. Default: the words alone decide."`
	Natural      bool          `setting:"" help:"A natural voice and a small language model, all on this machine: fetches what is missing of them first (1.2 GB, or less where there is little memory), and answers with that model where no other one is found here. With --language it fetches what hears that language, too."`
	LogTexts     bool          `setting:"" help:"Let what was said and answered stand in the log."`
}

// Help goes on from the command's one line.
func (*serveCmd) Help() string {
	return `Starts the server and, for stages that are served locally, one engine process beside it. When it is ready it prints its address, what serves each stage, and where history is kept. ` +
		`SIGINT or SIGTERM ends it in order: no turn is lost that was begun. A second signal ends it at once.

Examples:

  sori serve
  sori serve --natural
  sori keys make operator --any-user --admin --data /srv/sori
  sori serve --addr 0.0.0.0:5000 --data /srv/sori     after the line above: it starts with a key only
  sori serve --tls-self-signed                        https and wss, for clients that take nothing else
  sori serve --store redis://127.0.0.1:6379/0
  sori serve --ttot openai+http://127.0.0.1:11434/v1?model=llama3.2
  sori serve --atot http://127.0.0.1:8000,local:      with the local engine to fall back on
  SORI_ADDR=:8080 sori serve --config sori.yaml

API keys come from the environment only: SORI_ATOT_KEY, SORI_TTOT_KEY, SORI_TTS_KEY, or the variable that key_env in a URL names.`
}

// apologies gives what users are told who can't be answered.
func (s *serveCmd) apologies() func(language, said string) string {
	switch s.Apology {
	case "":
		return session.Sorry
	case "none":
		return nil
	}
	return func(string, string) string { return s.Apology }
}

// check says what is wrong with the settings.
func (s *serveCmd) check(c *console) error {
	if err := s.listenAt.check(); err != nil {
		return err
	}
	if err := s.transport.check(); err != nil {
		return err
	}
	if err := s.engineURLs.check(c.getenv); err != nil {
		return err
	}
	if err := s.access.check(c.getenv); err != nil {
		return err
	}
	if err := s.memory.check(); err != nil {
		return err
	}
	if err := s.watching.check(); err != nil {
		return err
	}
	if err := s.limits.check(); err != nil {
		return err
	}
	if _, _, err := s.storeURL(""); err != nil {
		return err
	}
	if err := s.survival.check(); err != nil {
		return err
	}
	if err := s.realtimeNames.check(); err != nil {
		return err
	}
	if err := s.conduct.check(c.getenv); err != nil {
		return err
	}
	switch {
	case s.Window < 0:
		return errors.New("--window can't be negative")
	case s.MaxUtterance < time.Second:
		return fmt.Errorf("--max-utterance %s is too short: it is at least 1s", s.MaxUtterance)
	case s.MaxSessions < 1:
		return errors.New("--max-sessions has to be at least 1")
	case s.HistoryLimit < 0:
		return errors.New("--history-limit can't be negative")
	}
	return nil
}

// Run serves until ctx ends.
func (s *serveCmd) Run(ctx context.Context, c *console, root *cli) (err error) {
	began := time.Now()
	if err := s.check(c); err != nil {
		return err
	}
	// First what fails most often, and before anything was started.
	ln, err := s.listen(ctx)
	if err != nil {
		return err
	}
	p := &parts{serveCmd: s, console: c, log: root.logger(c), plain: root.LogFormat == "text", started: make(chan struct{})}
	defer func() { err = errors.Join(err, p.close(context.WithoutCancel(ctx))) }()
	if err := p.open(ctx); err != nil {
		_ = ln.Close() // nobody connected
		return err
	}
	err = p.admit(ctx, ln.Addr())
	if err != nil {
		_ = ln.Close() // nobody connected
		return err
	}
	endDebug, err := p.debug(ctx)
	if err != nil {
		_ = ln.Close() // nobody connected
		return err
	}
	defer endDebug()
	if s.on() {
		if p.private, p.certificate, err = s.config(ln.Addr(), p.dataDir); err != nil {
			_ = ln.Close() // nobody connected
			return err
		}
	}
	srv, err := p.server()
	if err != nil {
		_ = ln.Close() // nobody connected
		return err
	}
	p.tidy(ctx, srv)
	// Clients are taken at once; it is the first turn that waits for an engine.
	served := make(chan error, 1)
	serving, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() { served <- srv.Serve(serving, ln) }()
	err = p.engines.wait(ctx)
	if err == nil {
		close(p.started)
		p.announce(ln.Addr(), time.Since(began))
	} else if ctx.Err() == nil {
		stop(err)
		return errors.Join(err, <-served)
	}
	err = <-served
	if ctx.Err() != nil {
		p.log.InfoContext(context.WithoutCancel(ctx), "stopped")
	}
	return err
}

// detectors gives what makes voice detectors, and its name for people: Silero
// where its model is there, arithmetic otherwise.
func detectors(files *models.Files) (newDetector func() (session.VoiceDetector, error), name string, closeModel func(), err error) {
	plain := func() (session.VoiceDetector, error) { return energy.New(), nil }
	if files == nil {
		return plain, "energy (the models are not there: `sori models pull` brings a better one)", func() {}, nil
	}
	r, err := ort.Open(files.Runtime)
	if err != nil {
		return nil, "", nil, fmt.Errorf("the library that runs the models can't be loaded: %w; `sori doctor` says more", err)
	}
	m, err := silero.Open(r, files.Silero)
	if err != nil {
		return nil, "", nil, fmt.Errorf("the voice detector can't be loaded: %w; `sori models verify` says more", err)
	}
	return func() (session.VoiceDetector, error) {
		d, err := m.NewDetector()
		if err != nil {
			return nil, err
		}
		return energy.NewGate(d), nil
	}, "Silero", m.Close, nil
}
