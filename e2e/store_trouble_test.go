//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sori/client"
	"sori/protocol"
)

func killProcess(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// redis is a redis-server of the test's own.
type redis struct {
	t    *testing.T
	dir  string
	port int
	cmd  *exec.Cmd
}

func newRedis(t *testing.T) *redis {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("redis-server is not installed")
		}
		t.Skip("redis-server is not installed")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a free port, nothing more
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	r := &redis{t: t, dir: t.TempDir(), port: port}
	t.Cleanup(r.stop)
	return r
}

func (r *redis) url() string { return fmt.Sprintf("redis://127.0.0.1:%d/0", r.port) }

func (r *redis) start() {
	r.t.Helper()
	r.cmd = exec.Command("redis-server", "--port", fmt.Sprint(r.port), "--bind", "127.0.0.1", "--dir", r.dir, //nolint:noctx // stop ends it
		"--appendonly", "yes", "--appendfsync", "always", "--save", "", "--loglevel", "warning")
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", r.port)) //nolint:noctx // polled
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatal("redis-server does not start")
		}
	}
}

func (r *redis) stop() {
	if r.cmd != nil {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
		r.cmd = nil
	}
}

// turnsOf waits until the user has n turns in the store and gives their texts.
func turnsOf(t *testing.T, s *sori, user string, n int) []string {
	t.Helper()
	var u struct {
		ATOT []string `json:"atot_text_list"`
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		u.ATOT = nil
		if s.get("/users/"+user, &u) == 200 && len(u.ATOT) >= n {
			return u.ATOT
		}
		if time.Now().After(deadline) {
			t.Fatalf("after 30 s the store has %q, want %d turns", u.ATOT, n)
		}
	}
}

// Redis is down at start, comes, goes away in mid-conversation and comes back:
// conversations go on, the client is warned, no turn is lost, none is twice.
func TestRedisComesAndGoes(t *testing.T) {
	t.Parallel()
	r := newRedis(t)
	s := serve(t, "--store", r.url())
	user := "7"
	c := format(16000)
	c.User = &user
	conn := dial(t, s, c)
	var want []string
	warned := 0
	say := func(text string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		a, err := conn.Ask(ctx, client.Turn{Text: text}, func(m client.Message) {
			if w, ok := m.Event.(protocol.Warning); ok && w.Code == protocol.WarnHistoryDelayed {
				warned++
			}
		}, nil)
		if err != nil || !a.Done() {
			t.Fatalf("%q: %v, %+v", text, err, a)
		}
		want = append(want, text)
	}
	say("redis is down at start")
	if warned != 1 {
		t.Errorf("%d warnings, want 1", warned)
	}
	r.start()
	say("redis is there")
	turnsOf(t, s, user, 2)
	r.stop()
	say("redis is gone")
	say("still gone")
	r.start()
	say("and back")
	if got := turnsOf(t, s, user, len(want)); !slices.Equal(got, want) {
		t.Errorf("the store has %q, want %q", got, want)
	}
	// What waits on the disk outlives the process.
	r.stop()
	say("gone once more")
	s.kill()
	r.start()
	if got := turnsOf(t, serve(t, "--store", r.url(), "--data", s.data), user, len(want)); !slices.Equal(got, want) {
		t.Errorf("after a kill the store has %q, want %q", got, want)
	}
}

// What can't work is said in a sentence, at once.
func TestStartsThatCannotWork(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "users.db"), []byte(strings.Repeat("this is no database. ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // an occupied port
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() }) // after the parallel tests below
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"data is a file":       {[]string{"--data", file}, file},
		"no database":          {[]string{"--data", broken}, "users.db"},
		"store unknown":        {[]string{"--store", "mysql://x"}, "mysql"},
		"engine URL unknown":   {[]string{"--atot", "ftp://x"}, "openai+http://"},
		"port in use":          {[]string{"--addr", ln.Addr().String()}, "in use"},
		"no models":            {[]string{"--models", t.TempDir()}, "models pull"},
		"unknown flag":         {[]string{"--nonsense"}, "nonsense"},
		"missing file":         {[]string{"--config", "/no/such/file.yaml"}, "/no/such/file.yaml"},
		"number is no number":  {[]string{"--window", "many"}, "window"},
		"a password in a URL":  {[]string{"--ttot", "openai+http://me:secret@127.0.0.1:1/v1"}, "key_env"},
		"an address of nobody": {[]string{"--addr", "203.0.113.1:5000"}, "203.0.113.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := c.args
			if !slices.Contains(args, "--addr") {
				args = append(args, "--addr", "127.0.0.1:0")
			}
			if !slices.Contains(args, "--data") {
				args = append(args, "--data", t.TempDir())
			}
			out, errs, code := run(t, append([]string{"serve"}, args...)...)
			if code == 0 || !strings.Contains(errs, c.says) {
				t.Errorf("exit %d, want another than 0 and %q:\n%s%s", code, c.says, out, errs)
			}
			if strings.Contains(errs, "goroutine ") || strings.Contains(errs, "secret") || strings.Count(errs, "\n") > 12 {
				t.Errorf("that is no sentence:\n%s", errs)
			}
		})
	}
}
