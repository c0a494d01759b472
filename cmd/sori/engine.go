package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"sori/engines/child"
	"sori/engines/enginehttp"
	"sori/engines/models"
	"sori/stage"
)

// engineCmd is `sori engine`.
type engineCmd struct {
	Stages  []string `arg:"" name:"STAGE" help:"What to serve: all, or some of atot, ttot and tts."`
	Addr    string   `placeholder:"HOST:PORT" help:"Where to listen. Default: 127.0.0.1 with the seed's port: 8000 for atot and for several stages, 8002 for ttot, 8004 for tts."`
	FD      int      `name:"fd" placeholder:"N" help:"Listen on the socket that is open as this file descriptor, and end when standard input does. The server starts its engines so."`
	Workers int      `placeholder:"N" help:"How many utterances to work on at once. Default: as many as there are processors."`
	Cache   string   `placeholder:"DIR" help:"Where compiled code is kept between starts. Default: sori/compiled in the user's cache folder."`
	Model   string   `placeholder:"FILE.gguf" help:"The language model that ttot answers with: a GGUF file, or smollm2 for the one that 'sori models pull smollm2' fetches. Options follow a question mark: FILE.gguf?threads=2&window=4096&conversations=8&template=chatml&languages=en+ko. Default: a small set of built-in skills."`
	Ear     string   `placeholder:"NAME" help:"What atot hears with: moonshine (English) or whisper. Default: moonshine for English and, where 'sori models pull whisper' fetched it, whisper for other languages."`
	Voice   string   `placeholder:"NAME" help:"The voice that tts speaks with: flite, piper, or a Piper voice's VOICE.onnx with its VOICE.onnx.json beside it. Default: piper where it was fetched, else flite, which also speaks where the other fails."`
	Anyway  bool     `hidden:"" help:"Serve with the built-in engines where a model or voice can't be loaded."`
	ATOTURL string   `name:"atot-url" placeholder:"URL" help:"The service whose latest transcript ttot answers when it is asked without a text. Default: http://127.0.0.1:8000."`

	modelsPlace `embed:""`
}

// Help goes on from the command's one line.
func (*engineCmd) Help() string {
	return `Serves local engines over HTTP, in the seed's dialect (/run-model, /generate, /tts) and the OpenAI-compatible one (/v1/audio/transcriptions, /v1/chat/completions, /v1/audio/speech). ` +
		`"sori serve" starts one such process by itself; run by hand, several servers can share one.

Examples:

  sori engine all
  sori engine atot --addr 0.0.0.0:8000
  sori engine ttot --model qwen2.5-1.5b-instruct-q4_k_m.gguf
  sori serve --atot http://127.0.0.1:8000 --ttot http://127.0.0.1:8002 --tts http://127.0.0.1:8004`
}

// engineGrace is how long requests that run may go on after the end.
const engineGrace = 2 * time.Second

// Run serves until ctx ends.
func (e *engineCmd) Run(ctx context.Context, c *console, root *cli) error {
	stages, err := e.wanted()
	if err != nil {
		return err
	}
	ln, err := e.listen(ctx, stages)
	if err != nil {
		return err
	}
	files, err := e.files(c, stages)
	if err != nil {
		_ = ln.Close() // nobody was answered
		return err
	}
	log := root.logger(c)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if e.FD != 0 {
		var end context.CancelFunc
		ctx, end = child.WithParent(ctx, c.in)
		defer end()
	}

	w := newWarming()
	served := make(chan error, 1)
	go func() { served <- enginehttp.Serve(ctx, ln, w, engineGrace, log) }()

	began := time.Now()
	loading := make(chan outcome, 1)
	go func() {
		l, err := e.load(ctx, c, stages, files, log)
		loading <- outcome{l, err}
	}()
	var o outcome
	select {
	case o = <-loading:
	case <-ctx.Done():
		// Loading can't be stopped, but the process can: it ends now.
		return <-served
	}
	if o.err != nil {
		stop()
		return errors.Join(o.err, <-served)
	}
	loaded := o.loaded
	defer loaded.close(context.WithoutCancel(ctx))
	cfg := loaded.config
	cfg.Recognizers, cfg.ATOTURL, cfg.Log = e.Workers, e.atotURL(), log
	w.ready(enginehttp.NewHandler(cfg))
	if e.FD == 0 {
		fmt.Fprintf(c.out, "%s at http://%s, ready after %.1f s. Ctrl-C ends it.\n", strings.Join(names(stages), ", "), ln.Addr(), time.Since(began).Seconds())
	}
	return <-served
}

// wanted reads the names of the stages.
func (e *engineCmd) wanted() ([]stage.Name, error) {
	all := []stage.Name{stage.ATOT, stage.TTOT, stage.TTS}
	var some []stage.Name
	for _, s := range e.Stages {
		switch {
		case s == "all":
			some = all
		case !slices.Contains(all, stage.Name(s)):
			return nil, &usageError{fmt.Sprintf("there is no engine %q: it is all, or some of atot, ttot and tts", s)}
		case !slices.Contains(some, stage.Name(s)):
			some = append(some, stage.Name(s))
		}
	}
	return some, nil
}

// listen takes the address or the socket.
func (e *engineCmd) listen(ctx context.Context, stages []stage.Name) (net.Listener, error) {
	if e.FD != 0 {
		return child.Listener(e.FD)
	}
	at := listenAt{Addr: e.Addr}
	if at.Addr == "" {
		at.Addr = "127.0.0.1:" + seedPort(stages)
	}
	if err := at.check(); err != nil {
		return nil, err
	}
	return at.listen(ctx)
}

// seedPort is the port that the seed has for a stage.
func seedPort(stages []stage.Name) string {
	if len(stages) == 1 {
		switch stages[0] {
		case stage.TTOT:
			return "8002"
		case stage.TTS:
			return "8004"
		case stage.ATOT:
		}
	}
	return "8000"
}

func (e *engineCmd) atotURL() string {
	if e.ATOTURL == "" {
		return "http://127.0.0.1:8000"
	}
	return e.ATOTURL
}

// files finds the models that the stages need.
func (e *engineCmd) files(c *console, stages []stage.Name) (*models.Files, error) {
	_, files, err := findModels(&e.modelsPlace, c)
	if err != nil && (slices.Contains(stages, stage.ATOT) || slices.Contains(stages, stage.TTS)) {
		return nil, err
	}
	return files, nil
}

func names(stages []stage.Name) []string {
	all := make([]string, 0, len(stages))
	for _, s := range stages {
		all = append(all, string(s))
	}
	return all
}

// cacheDir is the folder for compiled code, "" when none can be written.
func (e *engineCmd) cacheDir(c *console, log *slog.Logger) string {
	dir := e.Cache
	if dir == "" {
		base := c.getenv("XDG_CACHE_HOME")
		if base == "" && c.getenv("HOME") != "" {
			base = c.getenv("HOME") + "/.cache"
		}
		if base == "" {
			return ""
		}
		dir = base + "/sori/compiled"
	}
	if err := makeFolder(dir); err != nil {
		log.Debug("compiled code is not kept", "dir", dir, "error", err)
		return ""
	}
	return dir
}
