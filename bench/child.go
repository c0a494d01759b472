package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// startTimeout bounds the start of a child.
const startTimeout = 30 * time.Second

// child is a process that this one started and ends.
type child struct {
	name  string
	cmd   *exec.Cmd
	addr  string // where it listens
	debug string // where its debug server listens, "" without one
	took  time.Duration

	lines  *tail
	output sync.WaitGroup
}

// tail keeps the last lines that a child wrote.
type tail struct {
	mu   sync.Mutex
	last []string
}

func (t *tail) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last = append(t.last, line); len(t.last) > 5 {
		t.last = t.last[1:]
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.last, "\n")
}

// spawn starts a program and waits until it says where it listens. listening
// looks for that in each line that it writes.
func spawn(ctx context.Context, name, program string, args, env []string, listening func(line string, c *child) bool) (*child, error) {
	c := &child{name: name, lines: &tail{}}
	c.cmd = exec.CommandContext(ctx, program, args...)
	c.cmd.Env = append(plainEnv(os.Environ()), env...)
	c.cmd.Cancel = func() error { return c.cmd.Process.Signal(syscall.SIGTERM) }
	c.cmd.WaitDelay = 20 * time.Second
	belong(c.cmd)
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	c.cmd.Stdout, c.cmd.Stderr = w, w
	began := time.Now()
	if err := c.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s can't be started: %w", name, err), r.Close(), w.Close())
	}
	_ = w.Close() // the child has it
	ready := make(chan struct{})
	ended := make(chan struct{})
	c.output.Go(func() {
		defer close(ended)
		defer r.Close()
		s := bufio.NewScanner(r)
		s.Buffer(nil, 1<<20)
		waiting := true
		for s.Scan() {
			c.lines.add(s.Text())
			if waiting && listening(s.Text(), c) {
				waiting = false
				c.took = time.Since(began)
				close(ready)
			}
		}
	})
	select {
	case <-ready:
		return c, nil
	case <-ended:
		err = fmt.Errorf("%s ended at once:\n%s", name, c.lines)
	case <-time.After(startTimeout):
		err = fmt.Errorf("%s is not ready after %s:\n%s", name, startTimeout, c.lines)
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	return nil, errors.Join(err, c.stop())
}

// plainEnv leaves out what would change a sori's settings.
func plainEnv(env []string) []string {
	return slices.DeleteFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "SORI_") && !strings.HasPrefix(kv, "SORI_MODELS=") })
}

// says looks for a line that begins with "listening " and an address.
func says(line string, c *child) bool {
	addr, ok := strings.CutPrefix(line, "listening ")
	if ok {
		c.addr = addr
	}
	return ok
}

// stop ends the child and waits for it. How it ends is of no interest.
func (c *child) stop() error {
	err := c.cmd.Process.Signal(syscall.SIGTERM)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	kill := time.AfterFunc(15*time.Second, func() { _ = c.cmd.Process.Kill() })
	defer kill.Stop()
	_ = c.cmd.Wait() // it was told to end
	c.output.Wait()
	return err
}

// pid is the child's process id.
func (c *child) pid() int { return c.cmd.Process.Pid }

// runtimeStats is what a child tells of its memory.
type runtimeStats struct {
	mallocs    float64
	heap       float64 // bytes
	stacks     float64 // bytes
	goroutines float64
}

// stats asks a child's debug server for its metrics. Without one it tells
// nothing.
func (c *child) stats(ctx context.Context) (runtimeStats, error) {
	if c.debug == "" {
		return runtimeStats{}, nil
	}
	body, err := c.ask(ctx, http.MethodGet, "/metrics", answerTime)
	if err != nil {
		return runtimeStats{}, err
	}
	var s runtimeStats
	for line := range strings.SplitSeq(body, "\n") {
		name, value, _ := strings.Cut(line, " ")
		var to *float64
		switch name {
		case "go_memstats_mallocs_total":
			to = &s.mallocs
		case "go_memstats_heap_alloc_bytes":
			to = &s.heap
		case "go_memstats_stack_inuse_bytes":
			to = &s.stacks
		case "go_goroutines":
			to = &s.goroutines
		default:
			continue
		}
		if *to, err = strconv.ParseFloat(value, 64); err != nil {
			return s, fmt.Errorf("%s tells %q: %w", c.name, line, err)
		}
	}
	return s, nil
}

// trim lets a child collect its garbage and give free memory back, where it has
// a debug server.
func (c *child) trim(ctx context.Context) error {
	if c.debug == "" {
		return nil
	}
	_, err := c.ask(ctx, http.MethodPost, "/debug/free-memory", answerTime)
	return err
}

// answerTime is how long a child may take to tell of itself.
const answerTime = 10 * time.Second

func (c *child) ask(ctx context.Context, method, path string, within time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+c.debug+path, http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("%s does not answer: %w", c.name, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s %s with HTTP %d", c.name, method, path, resp.StatusCode)
	}
	return string(body), err
}

// usage is the CPU time of a span of time.
type usage struct {
	child, foreign float64 // cores
	wall           time.Duration
}

// meter measures the CPU time of one child, and of what belongs to nobody here.
type meter struct {
	of    *child
	ours  []*child
	began time.Time
	at    [3]time.Duration // of the child, of all that is ours, of the machine
}

func measure(of *child, ours ...*child) (*meter, error) {
	m := &meter{of: of, ours: ours}
	var err error
	m.began = time.Now()
	m.at, err = m.read()
	return m, err
}

func (m *meter) read() (at [3]time.Duration, err error) {
	if at[0], err = cpuTime(m.of.pid()); err != nil {
		return at, err
	}
	own, err := cpuTime(os.Getpid())
	if err != nil {
		return at, err
	}
	at[1] = at[0] + own
	for _, c := range m.ours {
		if own, err = cpuTime(c.pid()); err != nil {
			return at, err
		}
		at[1] += own
	}
	at[2], err = busyTime()
	return at, err
}

func (m *meter) end() (usage, error) {
	now, err := m.read()
	wall := time.Since(m.began)
	cores := func(i int) float64 { return (now[i] - m.at[i]).Seconds() / wall.Seconds() }
	return usage{child: cores(0), foreign: max(0, cores(2)-cores(1)), wall: wall}, err
}
