package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"sori/bench"
)

// benchCmd is `sori bench`.
type benchCmd struct {
	Measure benchRunCmd     `cmd:"" default:"withargs" hidden:"" help:"Measure."`
	Floor   benchFloorCmd   `cmd:"" hidden:"" help:"Serve what sori is measured beside."`
	Engines benchEnginesCmd `cmd:"" hidden:"" help:"Serve engines that do what a script says."`
}

// Help goes on from the command's one line.
func (*benchCmd) Help() string {
	var b strings.Builder
	b.WriteString("Starts a server and scripted engines as processes of their own, lets paced speakers talk to it, and measures it beside what the machine can do at all. " +
		"A whole run takes some ten minutes of a quiet machine; --only and --duration make it shorter.\n\nScenarios:\n")
	for _, s := range bench.Scenarios() {
		fmt.Fprintf(&b, "  %-9s %s\n", s.Name, s.About)
	}
	b.WriteString("\nExamples:\n  sori bench\n  sori bench --only listen,turns --duration 2s --rounds 1\n" +
		"  sori bench --json now.json --gobench now.txt      then: benchstat before.txt now.txt\n" +
		"  sori bench --url ws://127.0.0.1:5000/ws --sessions 50      a server that runs already")
	return b.String()
}

// benchRunCmd is what `sori bench` does.
type benchRunCmd struct {
	Only     []string      `placeholder:"NAME" help:"Measure only these scenarios, separated by commas."`
	Sessions int           `placeholder:"N" help:"How many sessions there are in each scenario. Default: as many as it is meant for."`
	Duration time.Duration `default:"5s" placeholder:"TIME" help:"How long one measurement takes."`
	Rounds   int           `default:"3" placeholder:"N" help:"How many rounds there are, of which the median counts."`
	JSON     string        `name:"json" placeholder:"FILE" help:"Write the report as JSON, too; - is standard output."`
	Gobench  string        `placeholder:"FILE" help:"Write the report in the format of Go benchmarks, too, for benchstat; - is standard output."`
	URL      string        `name:"url" placeholder:"URL" help:"Measure this server, such as ws://127.0.0.1:5000/ws, instead of one that is started. Its key is taken from SORI_KEY."`
	Profiles string        `placeholder:"DIR" type:"existingdir" help:"Write profiles of the servers into this folder, for go tool pprof: of the CPU while it is measured, of the heap with idle sessions."`
	Speech   string        `placeholder:"FILE.wav" type:"existingfile" help:"What the speakers say. Default: four seconds of a reading, which sori brings along."`
	Patience time.Duration `default:"15s" placeholder:"TIME" help:"How long to wait for a server that does not answer."`
	Peer     string        `placeholder:"COMMAND" help:"Measure whole turns beside another server that this command starts, in turns with it; see docs/performance.md."`
	Pin      bool          `default:"true" negatable:"" help:"Give the server the last processor to itself, and everything else the first."`
	Turns    int           `default:"100000" placeholder:"N" help:"How long the history becomes in the scenario history."`

	ATOTLatency time.Duration `name:"atot-latency" default:"120ms" placeholder:"TIME" help:"Median time of the scripted ATOT until its transcript."`
	TTOTLatency time.Duration `name:"ttot-latency" default:"150ms" placeholder:"TIME" help:"Median time of the scripted TTOT until its first token."`
	TTSLatency  time.Duration `name:"tts-latency" default:"80ms" placeholder:"TIME" help:"Median time of the scripted TTS until its first audio."`
	Spread      float64       `default:"0.25" placeholder:"SIGMA" help:"How far these times spread: sigma of a lognormal distribution; 0 is not at all."`
	TokenEvery  time.Duration `default:"20ms" placeholder:"TIME" help:"Time between two tokens of the scripted TTOT."`
	SpeechSpeed float64       `default:"4" placeholder:"FACTOR" help:"How much faster than real time the scripted TTS speaks."`
	Sentences   int           `default:"2" placeholder:"N" help:"Sentences of a reply."`
}

// options checks the flags.
func (b *benchRunCmd) options(c *console) (bench.Options, error) {
	script := bench.DefaultScript()
	script.ATOT, script.TTOT, script.TTS, script.Sigma = b.ATOTLatency, b.TTOTLatency, b.TTSLatency, b.Spread
	script.Token, script.Speed, script.Sentences = b.TokenEvery, b.SpeechSpeed, b.Sentences
	o := bench.Options{
		Sessions: b.Sessions, Duration: b.Duration, Rounds: b.Rounds, Only: b.Only, Speech: b.Speech,
		Script: script, Turns: b.Turns, Pin: b.Pin, Patience: b.Patience, Profiles: b.Profiles, Peer: b.Peer, Progress: c.err, Key: c.getenv("SORI_KEY"),
	}
	switch {
	case b.Sessions < 0:
		return o, &usageError{"--sessions can't be negative"}
	case b.Duration < 100*time.Millisecond:
		return o, &usageError{"--duration has to be at least 100ms"}
	case b.Patience <= 0:
		return o, &usageError{"--patience has to be more than 0"}
	case b.Rounds < 1 || b.Turns < 10:
		return o, &usageError{"--rounds has to be at least 1, and --turns 10"}
	case script.ATOT < 0 || script.TTOT < 0 || script.TTS < 0 || script.Token < 0 || script.Sigma < 0 || script.Speed <= 0 || script.Sentences < 1:
		return o, &usageError{"the engines' times can't be negative, --speech-speed has to be more than 0, and --sentences at least 1"}
	}
	if b.URL != "" {
		u, err := url.Parse(b.URL)
		if err != nil || u.Host == "" || u.Scheme != "ws" && u.Scheme != "http" {
			return o, &usageError{fmt.Sprintf("--url %q is no address such as ws://127.0.0.1:5000/ws (TLS is not measured)", b.URL)}
		}
		o.URL = u.Host
	}
	var err error
	if o.Program, err = os.Executable(); err != nil {
		return o, fmt.Errorf("sori can't find itself: %w", err)
	}
	return o, nil
}

// Run measures, and tells.
func (b *benchRunCmd) Run(ctx context.Context, c *console) error {
	o, err := b.options(c)
	if err != nil {
		return err
	}
	report, err := bench.Run(ctx, o)
	if len(report.Figures) > 0 || err == nil {
		err = errors.Join(err, b.tell(c, report))
	}
	return err
}

// tell writes the report in all the ways that are asked for.
func (b *benchRunCmd) tell(c *console, r *bench.Report) error {
	err := r.Table(c.out)
	for _, to := range []struct {
		path  string
		write func(io.Writer) error
	}{{b.JSON, r.JSON}, {b.Gobench, r.GoBench}} {
		switch to.path {
		case "":
		case "-":
			err = errors.Join(err, to.write(c.out))
		default:
			err = errors.Join(err, writeFile(to.path, to.write))
		}
	}
	return err
}

func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("the report can't be written: %w", err)
	}
	return errors.Join(write(f), f.Close())
}

// benchFloorCmd is `sori bench floor`.
type benchFloorCmd struct {
	Kind string `arg:"" enum:"tcp,coder" help:"tcp or coder."`
	Addr string `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Where to listen."`
}

// Run serves until ctx ends.
func (f *benchFloorCmd) Run(ctx context.Context, c *console) error {
	return bench.Floor(ctx, f.Kind, f.Addr, c.out)
}

// benchEnginesCmd is `sori bench engines`.
type benchEnginesCmd struct {
	Script string `arg:"" optional:"" help:"The script as JSON. Default: what sori bench does by itself."`
	Addr   string `default:"127.0.0.1:0" placeholder:"HOST:PORT" help:"Where to listen."`
}

// Run serves until ctx ends.
func (e *benchEnginesCmd) Run(ctx context.Context, c *console) error {
	script := bench.DefaultScript()
	if e.Script != "" {
		if err := json.Unmarshal([]byte(e.Script), &script); err != nil {
			return &usageError{fmt.Sprintf("the script is no JSON of one: %v", err)}
		}
	}
	return bench.Engines(ctx, script, e.Addr, c.out)
}
