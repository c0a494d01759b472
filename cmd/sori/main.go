// Command sori is a self-hosted, real-time voice session server, the client to
// try it with, and the local engines that serve it. `sori --help` tells the rest.
//
// This package only wires: it reads the configuration, opens the stores, starts
// the engines and hands all of it to the server.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the linker.
var version = "dev" // the linker can set nothing but a variable

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal is not caught and ends the process
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
}

// console is what a command has of the world outside.
type console struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
}

// usageError is a command line that can't be right.
type usageError struct{ says string }

func (e *usageError) Error() string { return e.says }

// errSaid is returned by a command that has told already what went wrong.
var errSaid = errors.New("failed")

// run is the whole program. env holds KEY=value as os.Environ gives it.
func run(ctx context.Context, args, env []string, in io.Reader, out, errw io.Writer) int {
	c := &console{in: in, out: out, err: errw, getenv: lookup(env)}
	exited := -1
	cmd := &cli{}
	k, err := newParser(cmd, c, func(code int) { exited = code })
	if err != nil {
		fmt.Fprintf(errw, "sori: %v\n", err)
		return exitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
		_, _ = k.Parse(args) // it prints the help
		return exitUsage
	}
	parsed, err := k.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err == nil {
		parsed.BindTo(ctx, (*context.Context)(nil))
		err = parsed.Run(c, cmd)
	}
	return report(c, err)
}

// report says what went wrong and gives the exit code.
func report(c *console, err error) int {
	if err == nil {
		return exitDone
	}
	if errors.Is(err, errSaid) {
		return exitFailed
	}
	fmt.Fprintf(c.err, "sori: %v\n", err)
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	if wrong, ok := errors.AsType[*kong.ParseError](err); ok {
		fmt.Fprintf(c.err, "`%s --help` shows what there is.\n", commandName(wrong.Context))
		return exitUsage
	}
	return exitFailed
}

// commandName is the command as it is typed, without its arguments.
func commandName(ctx *kong.Context) string {
	if ctx != nil && ctx.Selected() != nil {
		return "sori " + ctx.Selected().Path()
	}
	return "sori"
}
