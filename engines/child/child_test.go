package child_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sori/engines/child"
)

// role is the environment variable that makes the test program play a part.
const role = "SORI_CHILD_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "":
		goleak.VerifyTestMain(m)
	case "engine":
		os.Exit(engine(false))
	case "deaf":
		os.Exit(engine(true))
	case "broken":
		fmt.Fprintln(os.Stderr, "starting up")
		fmt.Fprintln(os.Stderr, "the model is missing")
		os.Exit(3)
	case "parent":
		os.Exit(parent())
	}
	os.Exit(99)
}

// engine is a child that serves a few pages. A deaf one ends for nobody.
func engine(deaf bool) int {
	l, err := child.Listener(3)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx := context.Background()
	if deaf {
		signal.Ignore(syscall.SIGTERM)
	} else {
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, syscall.SIGTERM)
		defer stop()
		ctx, stop = child.WithParent(ctx, os.Stdin)
		defer stop()
	}
	fmt.Println("hello from the child")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /pid", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, os.Getpid()) })
	mux.HandleFunc("GET /nice", func(w http.ResponseWriter, _ *http.Request) {
		n, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
		fmt.Fprint(w, n, err)
	})
	mux.HandleFunc("POST /crash", func(http.ResponseWriter, *http.Request) {
		fmt.Fprintln(os.Stderr, "panic: out of cheese")
		fmt.Fprintln(os.Stderr, "goroutine 1 [running]:")
		os.Exit(2)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }()
	<-ctx.Done()
	if err := server.Shutdown(context.Background()); err != nil {
		return 1
	}
	return 0
}

// parent starts a child, prints its pid, and waits to be killed.
func parent() int {
	c, err := child.Start(context.Background(), options("engine", nil))
	if err == nil {
		err = c.Ready(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(c.Status().PID)
	select {}
}

// options are those of a child that plays a part.
func options(part string, log *slog.Logger) child.Options {
	env := slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, role+"=") })
	return child.Options{Args: []string{"engine"}, Env: append(env, role+"="+part), Pause: 10 * time.Millisecond, MaxPause: 40 * time.Millisecond, Log: log}
}

func start(t *testing.T, o child.Options) *child.Child {
	t.Helper()
	c, err := child.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func ready(t *testing.T, c *child.Child) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	if err := c.Ready(ctx); err != nil {
		t.Fatal(err)
	}
}

func call(t *testing.T, c *child.Child, method, path string) (string, error) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+c.Host()+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Client().Do(req)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(resp.Body)
	return string(b), errors.Join(err, resp.Body.Close())
}

// journal is a log that a test reads.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

func TestServes(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			var j journal
			o := options("engine", j.logger())
			o.Network, o.Nice = network, 7
			c := start(t, o)
			ready(t, c)
			s := c.Status()
			if pid, err := call(t, c, http.MethodGet, "/pid"); err != nil || pid != strconv.Itoa(s.PID) || s.PID == os.Getpid() || s.PID == 0 {
				t.Errorf("pid %q, %v, status %+v", pid, err, s)
			}
			if s.Restarts != 0 || s.LastExit != "" || s.StartedAt.IsZero() {
				t.Errorf("status %+v", s)
			}
			// It gives way soon after it is ready. The system call gives 20 less the
			// niceness on Linux.
			given := func() bool {
				nice, err := call(t, c, http.MethodGet, "/nice")
				return err == nil && (nice == "13 <nil>" || nice == "7 <nil>")
			}
			for begin := time.Now(); !given(); time.Sleep(20 * time.Millisecond) {
				if time.Since(begin) > time.Minute {
					t.Fatal("it keeps the server's priority")
				}
			}
			if !strings.Contains(j.String(), `line="hello from the child"`) {
				t.Errorf("its words are not in the log: %s", j.String())
			}
		})
	}
}

// A crash costs the request that caused it; the next ones wait in the backlog.
func TestCrash(t *testing.T) {
	t.Parallel()
	c := start(t, options("engine", nil))
	ready(t, c)
	first := c.Status().PID
	if _, err := call(t, c, http.MethodPost, "/crash"); err == nil {
		t.Error("the request that crashed it has an answer")
	}
	var g sync.WaitGroup
	for range 8 {
		g.Go(func() {
			if pid, err := call(t, c, http.MethodGet, "/pid"); err != nil || pid == strconv.Itoa(first) {
				t.Errorf("after the crash: %q, %v", pid, err)
			}
		})
	}
	g.Wait()
	s := c.Status()
	if s.Restarts != 1 || s.LastExit != "exit status 2: panic: out of cheese" || s.PID == first || s.LastExitAt.IsZero() || !s.NextStart.IsZero() {
		t.Errorf("status %+v", s)
	}
}

func TestCrashLoop(t *testing.T) {
	t.Parallel()
	var j journal
	began := time.Now()
	c := start(t, options("broken", j.logger()))
	err := c.Ready(t.Context())
	if err == nil || !strings.Contains(err.Error(), "in a row") || !strings.Contains(err.Error(), "exit status 3: the model is missing") {
		t.Errorf("Ready: %v", err)
	}
	for c.Status().Restarts < 5 {
		time.Sleep(time.Millisecond)
	}
	if d := time.Since(began); d < (10+20+40+40)*time.Millisecond {
		t.Errorf("5 starts within %v: it does not back off", d)
	}
	if log := j.String(); !strings.Contains(log, "pause=20ms") || !strings.Contains(log, "pause=40ms") || strings.Contains(log, "pause=80ms") {
		t.Errorf("log: %s", log)
	}
}

// A process that hangs is killed and started again.
func TestHang(t *testing.T) {
	t.Parallel()
	var j journal
	o := options("engine", j.logger())
	o.Hung = 400 * time.Millisecond
	c := start(t, o)
	ready(t, c)
	first := c.Status().PID
	if err := syscall.Kill(first, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for begin := time.Now(); c.Status().Restarts == 0; time.Sleep(5 * time.Millisecond) {
		if time.Since(begin) > time.Minute {
			t.Fatal("it hangs on")
		}
	}
	ready(t, c)
	if s := c.Status(); s.PID == first || s.Restarts == 0 || !strings.Contains(s.LastExit, "killed") || !strings.Contains(j.String(), "answers nobody") {
		t.Errorf("status %+v, log %s", s, j.String())
	}
}

func TestReadyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c := start(t, options("engine", nil))
	ready(t, c)
	if err := syscall.Kill(c.Status().PID, syscall.SIGSTOP); err != nil { // it hangs
		t.Fatal(err)
	}
	// The signal takes effect when the kernel gets to it: until then it answers.
	var err error
	for range 100 {
		ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err = c.Ready(ctx)
		stop()
		if err != nil {
			break
		}
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := syscall.Kill(c.Status().PID, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}

func TestCloseEndsTheProcess(t *testing.T) {
	t.Parallel()
	c, err := child.Start(t.Context(), options("engine", nil))
	if err != nil {
		t.Fatal(err)
	}
	ready(t, c)
	pid := c.Status().PID
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is still there: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("a second Close: %v", err)
	}
	if err := c.Ready(t.Context()); err == nil {
		t.Error("a closed child is ready")
	}
}

func TestCloseKillsOneThatHangs(t *testing.T) {
	t.Parallel()
	o := options("deaf", nil)
	o.Grace = 100 * time.Millisecond
	c, err := child.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ready(t, c)
	pid := c.Status().PID
	if err := c.Close(); err == nil || !strings.Contains(err.Error(), "was killed") {
		t.Errorf("Close: %v", err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is still there: %v", err)
	}
}

// Even a parent that is killed takes its child with it.
func TestParentIsKilled(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), role+"=parent", "TMPDIR="+t.TempDir())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the parent ended well")
	}
	deadline := time.Now().Add(10 * time.Second)
	for alive(pid) {
		if time.Now().After(deadline) {
			t.Fatalf("the child %d outlives its parent", pid)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// alive says whether a process runs; one that nobody waited for does not.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return syscall.Kill(pid, 0) == nil && !os.IsNotExist(err)
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for says, o := range map[string]child.Options{
		"no arguments":     {},
		"unix or tcp":      {Args: []string{"x"}, Network: "udp"},
		"no/such/program:": {Args: []string{"x"}, Path: "/no/such/program"},
	} {
		if c, err := child.Start(t.Context(), o); err == nil || c != nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
	if _, err := child.Listener(987); err == nil || !strings.Contains(err.Error(), "987") {
		t.Errorf("Listener: %v", err)
	}
}

func TestDialElsewhere(t *testing.T) {
	t.Parallel()
	c := start(t, options("engine", nil))
	ready(t, c)
	for _, address := range []string{c.Host(), c.Host() + ":80"} {
		conn, err := c.Dial(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if conn.RemoteAddr().Network() != "unix" {
			t.Errorf("%s leads to %v", address, conn.RemoteAddr())
		}
		_ = conn.Close()
	}
	if conn, err := c.Dial(t.Context(), "tcp", "127.0.0.1:1"); err == nil {
		_ = conn.Close()
		t.Error("another address leads to the child")
	}
}

func TestWithParent(t *testing.T) {
	t.Parallel()
	in, hold := io.Pipe()
	ctx, stop := child.WithParent(t.Context(), in)
	defer stop()
	if ctx.Err() != nil {
		t.Fatal("over before the parent ended")
	}
	_ = hold.Close()
	<-ctx.Done()
	if !errors.Is(context.Cause(ctx), child.ErrParent) {
		t.Errorf("cause %v", context.Cause(ctx))
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", child.MaxLine+5)
	for _, c := range []struct{ in, want []string }{
		{[]string{"one\ntwo\n"}, []string{"one", "two"}},
		{[]string{"o", "ne\nt", "wo", "\n"}, []string{"one", "two"}},
		{[]string{"\n\n  \nx\r\n"}, []string{"x"}},
		{[]string{long + "\nnext\n"}, []string{long[:child.MaxLine], "next"}},
		{[]string{long, long, "\nnext\n"}, []string{long[:child.MaxLine], "next"}},
		{[]string{long[:child.MaxLine], "\nnext\n"}, []string{long[:child.MaxLine], "next"}},
		{[]string{"bad \xff byte\n"}, []string{"bad  byte"}},
		{[]string{"unfinished"}, nil},
	} {
		if got := child.Lines(c.in...); !slices.Equal(got, c.want) {
			t.Errorf("%.60q: got %d lines %.60q", c.in, len(got), got)
		}
	}
}
