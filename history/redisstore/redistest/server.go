// Package redistest runs real redis-server processes for tests: each on a free
// loopback port, in a folder of its own, stopped by its process id when the
// test ends. A Server can be stopped, killed, frozen and started again.
//
// Without redis-server on the machine a test is skipped, or fails where the
// environment says CI=true.
package redistest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a process may take to start or to stop.
const patience = 15 * time.Second

// Server is one redis-server process, or none while it is down. It is used by
// one goroutine at a time.
type Server struct {
	program string
	port    int
	dir     string
	args    []string
	proc    *process // nil while it is down
}

// process is one life of a server.
type process struct {
	cmd    *exec.Cmd
	output lockedBuffer
	done   chan struct{} // closed when the process is gone
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Start runs a server until the test ends. args are added to its command line,
// as in "--maxmemory", "2mb". It keeps an append-only file, so that what it
// acknowledged is there when it is started again.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s := Prepare(t, args...)
	s.Start(t)
	return s
}

// Prepare gives a server that is down, with its address settled.
func Prepare(t testing.TB, args ...string) *Server {
	t.Helper()
	s := &Server{program: program(t), port: freePort(t), dir: t.TempDir(), args: args}
	t.Cleanup(func() { s.down(t, syscall.SIGKILL) })
	return s
}

// program finds redis-server.
func program(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err == nil {
		return path
	}
	const say = "needs redis-server (Debian: apt-get install redis-server)"
	if os.Getenv("CI") == "true" {
		t.Fatal(say)
	}
	t.Skip(say)
	return ""
}

// freePort finds a port that nobody listens on, below the ports that outgoing
// connections take, so that none of them takes it before the server does.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 20_000 + rand.IntN(10_000)
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", loopback(port))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return port
	}
	t.Fatal("redistest: no free port between 20000 and 30000")
	return 0
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// Addr is the server's host and port.
func (s *Server) Addr() string { return loopback(s.port) }

// URL is the server's address as sori's --store takes it.
func (s *Server) URL() string { return "redis://" + s.Addr() + "/0" }

// Start starts the server again where it was, with the data that it had, and
// waits until it serves.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if s.proc != nil {
		t.Fatal("redistest: the server is running already")
	}
	args := append([]string{
		"--bind", "127.0.0.1", "--port", strconv.Itoa(s.port), "--dir", s.dir,
		"--save", "", "--appendonly", "yes", "--loglevel", "warning", "--databases", "4",
	}, s.args...)
	s.launch(t, args)
	if err := s.await(); err != nil {
		t.Fatalf("redistest: %s: %v\n%s", s.Addr(), err, s.proc.output.String())
	}
}

func (s *Server) launch(t testing.TB, args []string) {
	t.Helper()
	p := &process{done: make(chan struct{})}
	p.cmd = exec.Command(s.program, args...) //nolint:noctx // it lives until the test's cleanup, which needs it
	p.cmd.Dir = s.dir
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.SysProcAttr = attributes()
	started := make(chan error)
	go func() {
		// The child dies with the thread that made it: it may not outlive a
		// test binary that is killed. So the thread waits for the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // its end is what the test asked for, or shows as a refused connection
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("redistest: start %s: %v", s.program, err)
	}
	s.proc = p
}

// await asks the server until it answers.
func (s *Server) await() error {
	deadline := time.Now().Add(patience)
	for {
		answer, err := ping(s.Addr())
		if err == nil && strings.HasPrefix(answer, "+PONG") {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("it does not serve after %v: %q, %w", patience, answer, err)
		}
		select {
		case <-s.proc.done:
			return errors.New("it ended at once")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func ping(addr string) (string, error) {
	conn, err := net.DialTimeout("tcp", addr, time.Second) //nolint:noctx // bounded, and used in cleanups
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return "", err
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return "", err
	}
	return bufio.NewReader(conn).ReadString('\n')
}

// Stop ends the server as an operator would; Start brings it back.
func (s *Server) Stop(t testing.TB) { t.Helper(); s.down(t, syscall.SIGTERM) }

// Kill ends the server at once (SIGKILL); Start brings it back.
func (s *Server) Kill(t testing.TB) { t.Helper(); s.down(t, syscall.SIGKILL) }

// Freeze makes the server hang: connections open, and nothing is answered.
func (s *Server) Freeze(t testing.TB) { t.Helper(); s.signal(t, syscall.SIGSTOP) }

// Thaw ends Freeze.
func (s *Server) Thaw(t testing.TB) { t.Helper(); s.signal(t, syscall.SIGCONT) }

func (s *Server) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if s.proc == nil {
		t.Fatal("redistest: the server is not running")
	}
	if err := s.proc.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("redistest: signal %v: %v", sig, err)
	}
}

func (s *Server) down(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if s.proc == nil {
		return
	}
	s.signal(t, sig)
	select {
	case <-s.proc.done:
	case <-time.After(patience):
		s.signal(t, syscall.SIGKILL)
		<-s.proc.done
		t.Errorf("redistest: %s did not end on %v", s.Addr(), sig)
	}
	s.proc = nil
}

// Replica runs a server that copies this one, and waits until it does.
func (s *Server) Replica(t testing.TB) *Server {
	t.Helper()
	r := Start(t, "--replicaof", "127.0.0.1 "+strconv.Itoa(s.port))
	r.awaitInfo(t, "REPLICATION", "master_link_status:up")
	return r
}

// Follow makes the server a copy of another one.
func (s *Server) Follow(t testing.TB, master *Server) {
	t.Helper()
	s.Do(t, "REPLICAOF", "127.0.0.1", master.port)
}

// AwaitMaster waits until the server is a master, as after a failover.
func (s *Server) AwaitMaster(t testing.TB) {
	t.Helper()
	s.awaitInfo(t, "REPLICATION", "role:master")
}

// awaitInfo waits until INFO says that.
func (s *Server) awaitInfo(t testing.TB, section, want string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		info := fmt.Sprint(s.Do(t, "INFO", section))
		if strings.Contains(info, want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("redistest: %s never says %s: %s", s.Addr(), want, info)
		}
	}
}

// Sentinel runs a sentinel that watches the server under the name "main", takes it
// for dead after half a second, and gives its host and port.
func (s *Server) Sentinel(t testing.TB) string {
	t.Helper()
	w := Prepare(t)
	config := filepath.Join(w.dir, "sentinel.conf")
	text := fmt.Sprintf("bind 127.0.0.1\nport %d\ndir %s\nsentinel monitor main 127.0.0.1 %d 1\n"+
		"sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 4000\n", w.port, w.dir, s.port)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.launch(t, []string{config, "--sentinel"})
	if err := w.await(); err != nil {
		t.Fatalf("redistest: sentinel %s: %v\n%s", w.Addr(), err, w.proc.output.String())
	}
	return w.Addr()
}
