package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// doctorCmd is `sori doctor`.
type doctorCmd struct {
	URL        string `placeholder:"URL" help:"Ask the server that runs at this http:// address how it is, instead of looking at this machine."`
	Quick      bool   `help:"Only ask a running server whether it is ready: for health checks. Without --url it is the one at --addr."`
	JSON       bool   `name:"json" help:"Print one JSON object with all findings."`
	listenAt   `embed:""`
	storage    `embed:""`
	engineURLs `embed:""`
}

// Help goes on from the command's one line.
func (*doctorCmd) Help() string {
	return `Looks at what "sori serve" with the same settings would need: the data folder, the store, the models and the library that runs them, the engines (each is given a little real work), and the address. ` +
		`What is not as it should be comes with what to do about it.

Examples:

  sori doctor
  sori doctor --store redis://127.0.0.1:6379/0 --ttot openai+http://127.0.0.1:11434
  sori doctor --quick --url http://127.0.0.1:5000     the health check of a container

It exits with 1 when something would keep sori from working.`
}

// state says how a part is.
type state string

const (
	fine state = "ok"
	warn state = "warn" // sori works, but not as well as it could
	bad  state = "fail"
)

// finding is what was found about one part.
type finding struct {
	Name   string  `json:"name"`
	State  state   `json:"state"`
	Says   string  `json:"says"`
	Do     string  `json:"do,omitempty"` // what to do about it
	TookMS float64 `json:"took_ms"`
}

// examination is one thing to look at.
type examination struct {
	name string
	look func(ctx context.Context) finding // fills State, Says and Do
}

// examinationTime bounds one examination.
const examinationTime = time.Minute

// Run looks at everything.
func (d *doctorCmd) Run(ctx context.Context, c *console, root *cli) error {
	if d.Quick || d.URL != "" {
		return d.askServer(ctx, c)
	}
	if err := d.listenAt.check(); err != nil {
		return err
	}
	if err := d.engineURLs.check(c.getenv); err != nil {
		return err
	}
	surgery := &surgery{doctorCmd: d, console: c, log: root.logger(c)}
	defer surgery.close()
	return printFindings(ctx, c.out, d.JSON, surgery.examinations())
}

// printFindings makes the examinations one after the other and prints what they find.
func printFindings(ctx context.Context, out io.Writer, asJSON bool, all []examination) error {
	var findings []finding
	ok := true
	for _, e := range all {
		f := examine(ctx, e)
		findings = append(findings, f)
		ok = ok && f.State != bad
		if !asJSON {
			printFinding(out, f)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	if asJSON {
		text, err := json.MarshalIndent(map[string]any{"ok": ok, "version": version, "findings": findings}, "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n", text)
	}
	if !ok {
		return errSaid
	}
	return nil
}

func examine(ctx context.Context, e examination) finding {
	ctx, stop := context.WithTimeout(ctx, examinationTime)
	defer stop()
	began := time.Now()
	f := e.look(ctx)
	f.Name = e.name
	f.TookMS = float64(time.Since(began).Microseconds()) / 1000
	return f
}

// printFinding prints a finding for people.
func printFinding(out io.Writer, f finding) {
	fmt.Fprintf(out, "%-4s  %-9s  %s\n", f.State, f.Name, f.Says)
	for line := range strings.Lines(f.Do) {
		fmt.Fprintf(out, "%17s%s\n", "", strings.TrimSuffix(line, "\n"))
	}
}

func found(s state, do, format string, args ...any) finding {
	return finding{State: s, Says: fmt.Sprintf(format, args...), Do: do}
}
