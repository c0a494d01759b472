package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"go.uber.org/goleak"
)

// The test binary is the processes too that sori starts: `sori serve` an engine,
// `sori bench` servers and engines, all of them the program that it is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && slices.Contains([]string{"engine", "serve", "bench"}, os.Args[1]) {
		os.Exit(run(context.Background(), os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"))
}

// result is what a run of the program left.
type result struct {
	code     int
	out, err string
}

// sori runs the program with an environment of its own.
func sori(t *testing.T, env []string, args ...string) result {
	t.Helper()
	return soriIn(t.Context(), strings.NewReader(""), env, args...)
}

func soriIn(ctx context.Context, in io.Reader, env []string, args ...string) result {
	var out, errs bytes.Buffer
	code := run(ctx, args, env, in, &out, &errs)
	return result{code: code, out: out.String(), err: errs.String()}
}

// expect holds a result against an exit code and parts of what was said.
func (r result) expect(t *testing.T, code int, says ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d", r.code, code)
	}
	for _, s := range says {
		if !strings.Contains(r.out+r.err, s) {
			t.Errorf("%q is not in the output", s)
		}
	}
	if t.Failed() {
		t.Logf("stdout:\n%s\nstderr:\n%s", r.out, r.err)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"nothing", nil, exitUsage, "The usual way:"},
		{"help", []string{"--help"}, exitDone, "sori talk hello.wav"},
		{"help of a command", []string{"serve", "--help"}, exitDone, "$SORI_ADDR"},
		{"version", []string{"version"}, exitDone, "sori dev"},
		{"unknown command", []string{"tlak"}, exitUsage, `did you mean "talk"?`},
		{"unknown flag", []string{"models", "list", "--addr", "x"}, exitUsage, "`sori models list --help`"},
		{"wrong level", []string{"version", "--log-level", "loud"}, exitUsage, "--log-level must be one of"},
		{"wrong duration", []string{"talk", "--timeout", "soon"}, exitUsage, "--timeout"},
		{"nothing to say", []string{"talk"}, exitUsage, "there is nothing to say"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sori(t, nil, tt.args...).expect(t, tt.code, tt.says)
		})
	}
}

// Every flag and command says what it is for, and every setting names its
// environment variable.
func TestHelpIsComplete(t *testing.T) {
	t.Parallel()
	k, err := newParser(&cli{}, &console{out: io.Discard, err: io.Discard, getenv: lookup(nil)}, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	var walk func(n *kong.Node)
	walk = func(n *kong.Node) {
		if n.Type == kong.CommandNode && n.Help == "" {
			t.Errorf("%s has no help", n.FullPath())
		}
		for _, v := range n.Positional {
			if v.Help == "" {
				t.Errorf("%s: the argument %s has no help", n.FullPath(), v.Name)
			}
		}
		for _, f := range n.Flags {
			switch {
			case f.Help == "":
				t.Errorf("%s: --%s has no help", n.FullPath(), f.Name)
			case !f.IsBool() && f.PlaceHolder == "":
				t.Errorf("%s: --%s does not say what it takes", n.FullPath(), f.Name)
			case f.Tag.Has("setting") && !strings.Contains(formatHelp(f.Value), "($SORI_"):
				t.Errorf("%s: --%s does not name its variable", n.FullPath(), f.Name)
			case f.Name != "help" && !strings.HasSuffix(f.Help, "."):
				t.Errorf("%s: the help of --%s is no sentence", n.FullPath(), f.Name)
			}
		}
		for _, child := range n.Children {
			walk(child)
		}
	}
	walk(k.Model.Node)
}
