package main

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"sori/bench"
)

// A short run measures a server, engines and floors, all of them processes of
// their own, and tells of them in three ways.
func TestBenchMeasures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := sori(t, os.Environ(), "bench", "--only", "turns", "--sessions", "4", "--duration", "1500ms", "--rounds", "1", "--no-pin",
		"--sentences", "1", "--json", filepath.Join(dir, "out.json"), "--gobench", filepath.Join(dir, "out.txt"))
	r.expect(t, exitDone, "medians of 1 rounds", "[1/1] turns", "processors are shared")
	text, err := os.ReadFile(filepath.Join(dir, "out.json"))
	if err != nil {
		t.Fatal(err)
	}
	var report bench.Report
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	got := map[string]bench.Figure{}
	for _, f := range report.Figures {
		got[f.Name] = f
	}
	for _, name := range []string{"turn overhead p99", "time to first audio p50", "CPU per turn"} {
		if f := got[name]; f.Sessions != 4 || len(f.Rounds) != 1 {
			t.Errorf("%q was not measured: %+v", name, f)
		}
	}
	if f := got["turns"]; f.Value < 1 || got["turns that failed"].Value != 0 || got["turn overhead p50"].Floor <= 0 {
		t.Errorf("turns %v, failed %v, floor %v", f.Value, got["turns that failed"].Value, got["turn overhead p50"].Floor)
	}
	if lines, err := os.ReadFile(filepath.Join(dir, "out.txt")); err != nil || !strings.Contains(string(lines), "BenchmarkTurns/turn-overhead-p99/sessions=4 1 ") {
		t.Errorf("Go benchmark lines: %v\n%s", err, lines)
	}
}

// Ended in the middle, a run prints what it has.
func TestBenchIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out safeBuffer
	var errs stopAt
	errs.mark, errs.stop = "round 1 of 50", cancel
	code := run(ctx, []string{"bench", "--only", "listen", "--sessions", "2", "--duration", "100ms", "--rounds", "50", "--no-pin"}, os.Environ(), strings.NewReader(""), &out, &errs)
	if code != exitFailed || !strings.Contains(out.String(), "bare coder/websocket") || strings.Contains(out.String(), "energy detector") || !strings.Contains(out.String(), "The run was interrupted") {
		t.Errorf("exit code %d, and\n%s", code, out.String())
	}
}

// stopAt stops a run when the second line with a mark is written.
type stopAt struct {
	mark string
	stop func()
	seen atomic.Int32
}

func (s *stopAt) Write(p []byte) (int, error) {
	if strings.Contains(string(p), s.mark) && s.seen.Add(1) == 2 {
		s.stop()
	}
	return len(p), nil
}

func TestBenchBadInput(t *testing.T) {
	t.Parallel()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	slow := "ws://" + ln.Addr().String() + "/ws"
	for _, tt := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"nobody answers", []string{"--url", "ws://127.0.0.1:1/ws"}, exitFailed, "is the server running?"},
		{"slow", []string{"--url", slow, "--patience", "100ms", "--sessions", "2"}, exitFailed, "more than 100ms for a handshake"},
		{"no address", []string{"--url", "sori"}, exitUsage, "is no address such as"},
		{"TLS", []string{"--url", "wss://127.0.0.1:1/ws"}, exitUsage, "TLS is not measured"},
		{"unknown scenario", []string{"--only", "everything"}, exitFailed, "there are listen, idle"},
		{"too many", []string{"--only", "idle", "--sessions", "1000000000"}, exitFailed, "raise the limit"},
		{"a peer that is not there", []string{"--peer", "/nowhere/peer", "--no-pin"}, exitFailed, "the peer can't be started"},
		{"less than none", []string{"--sessions=-1"}, exitUsage, "--sessions"},
		{"no time", []string{"--duration", "1ms"}, exitUsage, "--duration"},
		{"no speech", []string{"--speech", "bench_internal_test.go", "--only", "idle"}, exitFailed, "the speech"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sori(t, os.Environ(), append([]string{"bench"}, tt.args...)...).expect(t, tt.code, tt.says)
		})
	}
}
