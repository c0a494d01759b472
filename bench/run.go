package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Options say what is measured. Only Program has to be given.
type Options struct {
	Program  string        // the sori to measure: its path
	Sessions int           // in each scenario; 0: as many as the scenario is meant for
	Duration time.Duration // of one measurement; 0: 5 s
	Rounds   int           // of which the median counts; 0: 3
	Only     []string      // scenarios; none: all of them
	Speech   string        // a WAV file that the speakers say; "": what is embedded
	Script   Script        // of the engines
	Turns    int           // how long a user's history is made; 0: 100,000
	URL      string        // HOST:PORT of a server that runs already; "": one is started
	Key      string        // of that server
	Profiles string        // the folder for profiles of the servers; "": none are taken
	Patience time.Duration // with a server that does not answer; 0: 15 s
	Peer     string        // a command that starts another server of the same wire, to measure beside; "": none
	Pin      bool          // the server gets the last processor to itself, all else the first
	Progress io.Writer     // is told what happens; nil: nobody
}

// Scenario is one thing that is measured.
type Scenario struct {
	Name, About string
	remote      bool // it can be measured on a server that runs already
	files       int  // open files that it needs per session, at most, in one process
	sessions    int  // that it is meant for
	run         func(b *bench, ctx context.Context, n int) error
}

// Scenarios gives all of them, in the order in which they are run.
func Scenarios() []Scenario {
	return []Scenario{
		{"listen", "speakers that push audio, beside plain TCP and a bare WebSocket loop", true, 1, 1000, (*bench).listen},
		{"idle", "memory of sessions that do nothing", false, 1, 4000, (*bench).idle},
		{"turns", "whole turns, beside the same calls made without a server", true, 2, 100, (*bench).turns},
		{"busy", "the same with more sessions", false, 2, 500, (*bench).turns},
		{"pipeline", "time to first audio, beside one stage after the other", false, 2, 20, (*bench).pipeline},
		{"bargein", "replies that are cancelled", false, 2, 500, (*bench).bargeIn},
		{"stall", "what a client that does not read and an engine that hangs do to the others", false, 2, 100, (*bench).stall},
		{"base64", "audio in JSON, as the Realtime API has it, beside binary frames", false, 1, 500, (*bench).base64},
		{"capacity", "how many speakers there may be", false, 1, 0, (*bench).capacity},
		{"scale", "CPU per session with 2,000 sessions, beside 500", false, 1, 2000, (*bench).scale},
		{"history", "append and read of a long history", false, 1, 1, (*bench).history},
		{"start", "start to ready with the local engines", false, 1, 1, (*bench).start},
		{peerScenario, "whole turns, beside another server that --peer starts", false, 2, 50, (*bench).peer},
	}
}

// bench is one run.
type bench struct {
	Options
	report   *Report
	frames   [][]byte // of 20 ms
	pcm      []byte
	dir      string // temporary
	cpus     int
	current  string
	profiles int // that were taken
}

// ErrInterrupted says that a run ended before its end; what it has is in the
// report.
var ErrInterrupted = errors.New("bench: interrupted")

// Run measures. The report holds what was measured also when an error comes
// back.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Duration <= 0 {
		o.Duration = 5 * time.Second
	}
	if o.Rounds <= 0 {
		o.Rounds = 3
	}
	if o.Turns <= 0 {
		o.Turns = 100_000
	}
	if o.Patience <= 0 {
		o.Patience = 15 * time.Second
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	b := &bench{Options: o, report: newReport(o), cpus: runtime.NumCPU()}
	chosen, err := choose(o)
	if err != nil {
		return b.report, err
	}
	if b.pcm, err = speech(o.Speech); err != nil {
		return b.report, err
	}
	b.frames = masked(b.pcm, frameMS)
	if b.dir, err = os.MkdirTemp("", "sori-bench-"); err != nil {
		return b.report, fmt.Errorf("bench: no temporary folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(b.dir) }() // it is a temporary folder
	if b.Pin && b.cpus > 1 && o.URL == "" {
		if err := pin(os.Getpid(), 0); err != nil {
			return b.report, err
		}
		defer unpin(b.cpus)
	}
	for i, s := range chosen {
		b.current = s.Name
		n := o.Sessions
		if n == 0 {
			n = s.sessions
		}
		b.tell("[%d/%d] %s: %s", i+1, len(chosen), s.Name, s.About)
		err := enoughFiles(n * s.files)
		if err == nil {
			err = s.run(b, ctx, n)
		}
		if ctx.Err() != nil {
			b.report.Interrupted = true
			return b.report, ErrInterrupted
		}
		if err != nil {
			b.report.Notes = append(b.report.Notes, fmt.Sprintf("%s ended early: %v", s.Name, err))
			return b.report, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return b.report, nil
}

// choose gives the scenarios that are asked for.
func choose(o Options) ([]Scenario, error) {
	all := Scenarios()
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	for _, name := range o.Only {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("there is no scenario %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	if len(o.Only) == 0 && o.Peer != "" {
		o.Only = []string{peerScenario}
	}
	var chosen []Scenario
	for _, s := range all {
		asked := slices.Contains(o.Only, s.Name)
		switch {
		case s.Name == peerScenario && o.Peer == "" && asked:
			return nil, errors.New("the scenario peer needs --peer COMMAND")
		case s.Name == peerScenario && o.Peer == "":
			continue
		case o.URL != "" && !s.remote && asked:
			return nil, fmt.Errorf("%s needs a server of its own: leave --url out", s.Name)
		case o.URL != "" && !s.remote, len(o.Only) > 0 && !asked:
			continue
		}
		chosen = append(chosen, s)
	}
	return chosen, nil
}

// spare is how many files a process has open besides its sessions.
const spare = 64

// enoughFiles says what to raise where a process may open too few files.
func enoughFiles(n int) error {
	limit, err := files()
	if err != nil {
		return err
	}
	if n+spare > limit {
		return fmt.Errorf("%d open files are needed and %d are allowed: raise the limit (`ulimit -n %d`, as root `ulimit -Hn`, LimitNOFILE= in a unit), or take fewer --sessions",
			n+spare, limit, n+spare)
	}
	return nil
}

// tell writes a line of progress.
func (b *bench) tell(format string, args ...any) {
	fmt.Fprintf(b.Progress, format+"\n", args...)
}

// isolate gives a server the last processor.
func (b *bench) isolate(c *child) error {
	if !b.Pin || b.cpus < 2 {
		return nil
	}
	return pin(c.pid(), b.cpus-1)
}

// aside lets a helper run where the speakers do.
func (b *bench) aside(c *child) error {
	if !b.Pin || b.cpus < 2 {
		return nil
	}
	return pin(c.pid(), 0)
}

// floor starts one of the floors.
func (b *bench) floor(ctx context.Context, kind string) (*child, error) {
	c, err := spawn(ctx, "the "+kind+" floor", b.Program, []string{"bench", "floor", kind}, []string{"GOMAXPROCS=1"}, says)
	if err != nil {
		return nil, err
	}
	c.debug = c.addr
	return c, b.isolate(c)
}

// engines starts the scripted engines.
func (b *bench) engines(ctx context.Context, script Script) (*child, error) {
	text, err := json.Marshal(script)
	if err != nil {
		return nil, err
	}
	c, err := spawn(ctx, "the scripted engines", b.Program, []string{"bench", "engines", string(text)}, []string{"GOMAXPROCS=1"}, says)
	if err != nil {
		return nil, err
	}
	return c, b.aside(c)
}

// sori starts the server that is measured, over engines.
func (b *bench) sori(ctx context.Context, engines *child, more ...string) (*child, error) {
	data, err := os.MkdirTemp(b.dir, "data-")
	if err != nil {
		return nil, err
	}
	url := "http://" + engines.addr
	args := []string{
		"serve", "--addr", "127.0.0.1:0", "--debug-addr", "127.0.0.1:0", "--log-format", "json",
		"--data", data, "--models", filepath.Join(data, "none"), "--atot", url, "--ttot", url, "--tts", url,
		"--max-sessions", "50000", "--max-waiting", "0", "--max-first", "0s",
	}
	c, err := spawn(ctx, "sori", b.Program, append(args, more...), []string{"GOMAXPROCS=1"}, isReady)
	if err != nil {
		return nil, err
	}
	return c, b.isolate(c)
}

// isReady looks for the addresses in sori's log.
func isReady(line string, c *child) bool {
	var l struct{ Msg, Addr string }
	if json.Unmarshal([]byte(line), &l) != nil {
		return false
	}
	switch l.Msg {
	case "debug server":
		c.debug = l.Addr
	case "ready":
		c.addr = l.Addr
	}
	return c.addr != ""
}

// pair starts engines and a server over them. stop ends both.
func (b *bench) pair(ctx context.Context, script Script, more ...string) (server, engines *child, stop func(), err error) {
	engines, err = b.engines(ctx, script)
	if err != nil {
		return nil, nil, nil, err
	}
	server, err = b.sori(ctx, engines, more...)
	if err != nil {
		return nil, nil, nil, errors.Join(err, engines.stop())
	}
	return server, engines, func() {
		_ = server.stop()  // it has nothing that is kept
		_ = engines.stop() // nor have they
	}, nil
}

// withPair lets f measure a fresh server over fresh engines.
func (b *bench) withPair(ctx context.Context, script Script, f func(server, engines *child) error) error {
	server, engines, stop, err := b.pair(ctx, script)
	if err != nil {
		return err
	}
	defer stop()
	return f(server, engines)
}

// pause waits, or gives the reason why not.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
