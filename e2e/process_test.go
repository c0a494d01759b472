//go:build e2e

package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is what `make build` made.
func binary(t testing.TB) string {
	t.Helper()
	p, err := filepath.Abs("../bin/sori")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(p); err != nil {
		t.Fatalf("bin/sori is missing: run `make build` first (%v)", err)
	}
	return p
}

// sori is a running `sori serve`.
type sori struct {
	t    testing.TB
	cmd  *exec.Cmd
	addr string
	data string
	out  *transcript
	gone chan error
}

// transcript collects what a process writes.
type transcript struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *transcript) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startTime bounds the start of a server: engines load models on a busy machine.
const startTime = time.Minute

// serve starts `sori serve` on a port of its own and waits until it is ready.
// Arguments are added; --data is a folder of the test's unless given.
func serve(t testing.TB, args ...string) *sori {
	t.Helper()
	s, err := tryServe(t, args...)
	if err != nil {
		t.Fatalf("sori serve %s: %v\n%s", strings.Join(args, " "), err, s.out)
	}
	return s
}

// tryServe is serve for a server that may not start.
func tryServe(t testing.TB, args ...string) (*sori, error) {
	t.Helper()
	s := &sori{t: t, out: &transcript{}, gone: make(chan error, 1)}
	all := append([]string{"serve", "--addr", "127.0.0.1:0", "--log-format", "json", "--log-level", "debug"}, args...)
	if !strings.Contains(strings.Join(args, " "), "--data") {
		s.data = t.TempDir()
		all = append(all, "--data", s.data)
	}
	s.cmd = exec.Command(binary(t), all...) //nolint:noctx // it ends with stop, by signal, as a user ends it
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stdout = s.out
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(io.TeeReader(stderr, s.out))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var l struct{ Msg, Addr string }
			if json.Unmarshal(lines.Bytes(), &l) == nil && l.Msg == "ready" {
				ready <- l.Addr
			}
		}
		s.gone <- s.cmd.Wait()
	}()
	t.Cleanup(func() { _ = s.stop() })
	select {
	case s.addr = <-ready:
		return s, nil
	case err := <-s.gone:
		s.gone <- err
		return s, errors.Join(errors.New("it ended before it was ready"), err)
	case <-time.After(startTime):
		return s, errors.New("it is not ready after " + startTime.String())
	}
}

func (s *sori) url() string { return "http://" + s.addr }
func (s *sori) ws() string  { return "ws://" + s.addr + "/ws" }

// stop ends the server as an operator does and waits for it.
func (s *sori) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.gone:
		s.gone <- err
		return err
	case <-time.After(30 * time.Second):
		_ = s.cmd.Process.Kill()
		s.t.Errorf("sori did not end within 30 s of SIGTERM:\n%s", tail(s.out.String()))
		return <-s.gone
	}
}

// kill ends it as a power cut does.
func (s *sori) kill() {
	_ = s.cmd.Process.Kill()
	s.gone <- <-s.gone
}

func tail(s string) string {
	if len(s) > 4000 {
		return "…" + s[len(s)-4000:]
	}
	return s
}

// get fetches a path and decodes its JSON.
func (s *sori) get(path string, into any) int {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url()+path, http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(body, into); err != nil {
			s.t.Fatalf("GET %s: %d %q: %v", path, resp.StatusCode, tail(string(body)), err)
		}
	}
	return resp.StatusCode
}

// run runs a command of sori to its end.
func run(t testing.TB, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary(t), args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}
