package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sori/clients/endpoint"
	"sori/history/sqlitestore"
	"sori/stage"
)

// listenAt is where the server listens.
type listenAt struct {
	Addr string `default:"127.0.0.1:5000" placeholder:"HOST:PORT" setting:"" help:"Where to listen. 0.0.0.0:5000 is for everybody on the network; port 0 takes a free port, which is printed."`
}

// check says what is wrong with the address.
func (l *listenAt) check() error {
	_, port, err := net.SplitHostPort(l.Addr)
	if err != nil {
		return fmt.Errorf("--addr %q is no HOST:PORT, such as 127.0.0.1:5000", l.Addr)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("--addr %q has no port from 0 to 65535 at its end", l.Addr)
	}
	return nil
}

// listen takes the address.
func (l *listenAt) listen(ctx context.Context) (net.Listener, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", l.Addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use by another program, perhaps another sori: stop it, or choose another address with --addr", l.Addr)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("sori may not listen on %s: choose a port above 1023 with --addr", l.Addr)
	case err != nil:
		return nil, fmt.Errorf("sori can't listen on %s: %w", l.Addr, err)
	}
	return ln, nil
}

// storage is where things are kept.
type storage struct {
	Data         string `placeholder:"DIR" setting:"" help:"The folder for history, recordings, and turns that wait for their store. Default: sori in $$XDG_DATA_HOME, else ~/.local/share/sori."`
	Store        string `placeholder:"URL" setting:"" help:"Where history is kept: sqlite:PATH, redis://HOST:PORT/DB, rediss://… (TLS), redis+sentinel://…, redis+cluster://…. Default: sqlite:users.db in the data folder."`
	HistoryLimit int    `placeholder:"N" setting:"" help:"Keep only the newest N turns of each user. Default: all of them."`
	modelsPlace  `embed:""`
}

// folder is the data folder.
func (s *storage) folder(c *console) (string, error) {
	dir := s.Data
	if dir == "" {
		base := c.getenv("XDG_DATA_HOME")
		if base == "" && c.getenv("HOME") != "" {
			base = filepath.Join(c.getenv("HOME"), ".local", "share")
		}
		if base == "" {
			return "", errors.New("there is no home folder to keep data in: name one with --data")
		}
		dir = filepath.Join(base, "sori")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("--data %s: %w", dir, err)
	}
	return abs, nil
}

// makeFolder makes the data folder and sees that it can be written.
func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("the data folder can't be made: %w; name another with --data", err)
	}
	f, err := os.CreateTemp(dir, ".sori-*")
	if err != nil {
		return fmt.Errorf("the data folder %s can't be written: %w; change its owner or name another with --data", dir, errors.Unwrap(err))
	}
	_ = f.Close() // it is empty
	return os.Remove(f.Name())
}

// storeURL tells what --store names: the path of a SQLite database, or a URL
// of Redis.
func (s *storage) storeURL(dataDir string) (sqlitePath, redisURL string, err error) {
	scheme, rest, _ := strings.Cut(s.Store, ":")
	switch {
	case s.Store == "":
		return filepath.Join(dataDir, sqlitestore.FileName), "", nil
	case scheme == "sqlite":
		path := strings.TrimPrefix(rest, "//")
		if path == "" {
			return "", "", errors.New("--store sqlite: needs a path behind it, such as sqlite:/srv/sori/users.db")
		}
		path, err = filepath.Abs(path)
		return path, "", err
	case strings.HasPrefix(scheme, "redis"), scheme == "unix":
		return "", s.Store, nil
	}
	return "", "", fmt.Errorf("--store %q is of no kind that sori knows: it is sqlite:PATH, redis://HOST:PORT/DB, rediss://…, redis+sentinel://… or redis+cluster://…", scheme+":…")
}

// local is the spec of the engines that come with sori.
const local = "local:"

// engineURLs says what serves each stage.
type engineURLs struct {
	ATOT          string        `default:"local:" placeholder:"URL" setting:"" help:"What turns audio into text. local: is what comes with sori: Moonshine for English and, where 'sori models pull whisper' fetched it, Whisper for Korean and other languages (local:moonshine and local:whisper choose one); http://HOST:PORT is a server of the seed's dialect, openai+http://HOST:PORT/v1?model=M an OpenAI-compatible one. Several URLs, separated by commas, are tried in order."`
	TTOT          string        `placeholder:"URL" setting:"" help:"What answers text with text. Default: a language model found on this machine (Ollama, llama.cpp, LM Studio, vLLM), else local:, a small set of built-in skills. local:FILE.gguf is a language model that runs on this machine, local:smollm2 one that 'sori models pull smollm2' fetches."`
	TTS           string        `default:"local:" placeholder:"URL" setting:"" help:"What turns text into speech, as --atot. local: is the natural voice where 'sori models pull piper-joe' fetched it, else flite; local:flite, local:piper and local:VOICE.onnx choose."`
	EngineTimeout time.Duration `default:"30s" placeholder:"TIME" setting:"" help:"How long an engine may take to begin its answer."`
	EngineWorkers int           `placeholder:"N" setting:"" help:"How many utterances a local engine works on at once. Default: as many as there are processors."`
}

// stages gives the three specs by stage.
func (e *engineURLs) stages() map[stage.Name]string {
	return map[stage.Name]string{stage.ATOT: e.ATOT, stage.TTOT: e.TTOT, stage.TTS: e.TTS}
}

// check says what is wrong with the URLs.
func (e *engineURLs) check(getenv func(string) string) error {
	specs := e.stages()
	for _, name := range []stage.Name{stage.ATOT, stage.TTOT, stage.TTS} {
		if name == stage.TTOT && specs[name] == "" {
			continue // it is looked for
		}
		if err := checkLocal(name, specs[name]); err != nil {
			return err
		}
		if _, err := endpoint.Parse(name, resolveLocal(specs[name], "127.0.0.1:1", ""), getenv); err != nil {
			return err
		}
	}
	if e.EngineTimeout <= 0 {
		return errors.New("--engine-timeout has to be more than 0, such as 30s")
	}
	if e.EngineWorkers < 0 {
		return errors.New("--engine-workers can't be negative")
	}
	return nil
}

// isLocal says whether a spec names a local engine.
func isLocal(spec string) bool {
	for part := range strings.SplitSeq(spec, ",") {
		if strings.HasPrefix(strings.TrimSpace(part), local) {
			return true
		}
	}
	return false
}

// localChoice gives what stands behind local: in a spec, "" for nothing. There
// is one local engine for a stage, so all that a spec names must be the same.
func localChoice(spec string) (choice string, err error) {
	first := true
	for part := range strings.SplitSeq(spec, ",") {
		c, ok := strings.CutPrefix(strings.TrimSpace(part), local)
		if !ok {
			continue
		}
		if !first && c != choice {
			return "", fmt.Errorf("%q names two local engines for one stage: choose one of them", spec)
		}
		choice, first = c, false
	}
	return choice, nil
}

// resolveLocal puts the address of the local engines, and their name, in the
// place of local: and what stands behind it.
func resolveLocal(spec, addr, name string) string {
	parts := strings.Split(spec, ",")
	for i, part := range parts {
		if !strings.HasPrefix(strings.TrimSpace(part), local) {
			continue
		}
		parts[i] = "http://" + addr
		if name != "" {
			parts[i] += "?name=" + url.PathEscape(name)
		}
	}
	return strings.Join(parts, ",")
}
