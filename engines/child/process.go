package child

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// process is one life of the child.
type process struct {
	cmd     *exec.Cmd
	words   *lastWords
	release func() // closes the parent's end of its standard input
}

// start starts the process, on the goroutine whose thread stays.
func (c *Child) start(ctx context.Context) (*process, error) {
	in, hold, err := os.Pipe() // the process reads in for as long as the parent holds the other end
	if err != nil {
		return &process{words: &lastWords{}}, fmt.Errorf("child: make a pipe: %w", err)
	}
	defer in.Close()                                                         // the process has its own copy
	p := &process{words: &lastWords{}, release: func() { _ = hold.Close() }} // it may be closed already
	cmd := exec.CommandContext(ctx, c.o.Path, c.o.Args...)
	cmd.Env = c.o.Env
	cmd.Stdin = in
	cmd.Stdout = &lines{to: c.printed(ctx, "stdout", nil)}
	cmd.Stderr = &lines{to: c.printed(ctx, "stderr", p.words)}
	cmd.ExtraFiles = []*os.File{c.socket.file}
	cmd.SysProcAttr = attributes()
	cmd.Cancel = func() error { return errors.Join(hold.Close(), cmd.Process.Signal(syscall.SIGTERM)) }
	cmd.WaitDelay = c.o.Grace
	p.cmd = cmd
	if err := cmd.Start(); err != nil {
		p.release()
		return p, fmt.Errorf("child: start %s: %w", c.o.Path, err)
	}
	pid := cmd.Process.Pid
	c.note(func(s *Status) { s.PID, s.StartedAt, s.NextStart = pid, time.Now(), time.Time{} })
	c.o.Log.DebugContext(ctx, "the engine process started", "pid", pid)
	return p, nil
}

// giveWay gives up priority, once the process is ready: while it loads, everybody
// waits for it. It leads a process group of its own, all of whose threads give way.
func (c *Child) giveWay(ctx context.Context, p *process) {
	pid := p.cmd.Process.Pid
	if err := syscall.Setpriority(syscall.PRIO_PGRP, pid, c.o.Nice); err != nil {
		c.o.Log.WarnContext(ctx, "the engine process keeps the server's priority", "pid", pid, "error", err)
	}
}

// wait waits for the end of the process and of all that it prints.
func (p *process) wait() error {
	defer p.release()
	return p.cmd.Wait()
}

// failure is nil when the process ended as it was asked to.
func (p *process) failure(err error) error {
	if p.cmd == nil || p.cmd.ProcessState == nil {
		return nil
	}
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
		return fmt.Errorf("child: the engine process did not end when it was asked to, and was killed: %w", err)
	}
	return nil
}

// exit says how the process ended.
func (p *process) exit(err error) string {
	how := "exit status 0"
	if err != nil {
		how = err.Error()
	}
	if said := p.words.String(); said != "" {
		how += ": " + said
	}
	return how
}

// printed gives a func that takes the lines that the process prints.
func (c *Child) printed(ctx context.Context, stream string, words *lastWords) func(string) {
	ctx = context.WithoutCancel(ctx)
	return func(line string) {
		if words != nil {
			words.add(line)
		}
		c.o.Log.InfoContext(ctx, "the engine process says", "stream", stream, "line", line)
	}
}
