package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sori/audio"
)

// running is a `sori serve` inside of the test.
type running struct {
	addr  string
	out   *safeBuffer
	stop  context.CancelFunc
	ended chan result
}

// safeBuffer is written by the program and read by the test.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// startServe runs `sori serve` until it is ready.
func startServe(t *testing.T, env []string, args ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &running{out: &safeBuffer{}, stop: stop, ended: make(chan result, 1)}
	args = append([]string{"serve", "--addr", "127.0.0.1:0", "--log-format", "json"}, args...)
	go func() {
		var out bytes.Buffer
		code := run(ctx, args, env, strings.NewReader(""), &out, r.out)
		r.ended <- result{code: code, out: out.String()}
	}()
	t.Cleanup(func() { r.end(t) })
	for range 24_000 { // models load slowly on a machine that is busy
		for line := range strings.Lines(r.out.String()) {
			var l struct{ Msg, Addr string }
			if json.Unmarshal([]byte(line), &l) == nil && l.Msg == "ready" {
				r.addr = l.Addr
				return r
			}
		}
		select {
		case res := <-r.ended:
			r.ended <- res // for end
			t.Fatalf("it ended with %d\n%s%s", res.code, res.out, r.out)
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatalf("it is not ready\n%s", r.out)
	return nil
}

// end ends the server as SIGTERM does and expects exit code 0.
func (r *running) end(t *testing.T) {
	t.Helper()
	r.stop()
	select {
	case res := <-r.ended:
		if res.code != exitDone {
			t.Errorf("it ended with %d\n%s%s", res.code, res.out, r.out)
		}
		r.ended <- res
	case <-time.After(30 * time.Second):
		t.Error("it does not end")
	}
	http.DefaultClient.CloseIdleConnections()
}

// fakeEngines is one server for all three stages, in the seed's dialect.
func fakeEngines(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /run-model", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"user_id":"7","input_wav":"x","atot_text":"hello there"}`)
	})
	mux.HandleFunc("POST /generate", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"user_id":"7","ttot_text":"Good day to you."}`)
	})
	mux.HandleFunc("POST /tts", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "audio/wav")
		pcm := bytes.Repeat([]byte{1, 2}, 1600)
		_, _ = w.Write(append(audio.AppendHeader(nil, 16_000, 1, len(pcm)), pcm...))
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestServeWithRemoteEngines(t *testing.T) {
	t.Parallel()
	url, data := fakeEngines(t), t.TempDir()
	env := []string{"SORI_ATOT=" + url, "SORI_TTOT=" + url, "SORI_TTS=" + url + "?name=voice", "SORI_DATA=" + data, "SORI_MODELS=" + t.TempDir()}
	r := startServe(t, env, "--recordings", "folder", "--keep-turns", "30d")
	if code := statusOf(t, "http://"+r.addr+"/debug/pprof/heap"); code != http.StatusOK { // an admin asks: the machine's own user
		t.Errorf("profiles: HTTP %d", code)
	}
	sori(t, nil, "talk", "--text", "good morning", "--url", "ws://"+r.addr+"/ws", "--user", "7", "--fast").
		expect(t, exitDone, "Good day to you.", "tts voice", "end of speech to first reply audio")
	sori(t, nil, "doctor", "--quick", "--url", "http://"+r.addr).expect(t, exitDone, "ready")
	if code, body := get(t, "http://"+r.addr+"/users/7"); code != http.StatusOK || !strings.Contains(body, "good morning") {
		t.Errorf("GET /users/7: %d %s", code, body)
	}
	if code, body := get(t, "http://"+r.addr+"/metrics"); code != http.StatusOK || !strings.Contains(body, `sori_turns_total{outcome="done",source="text"} 1`) || !strings.Contains(body, "sori_history_waiting_disk 0") {
		t.Errorf("GET /metrics: %d %s", code, body)
	}
	r.end(t)
	if log := r.out.String(); !strings.Contains(log, `"msg":"ready"`) || !strings.Contains(log, "energy (the models are not there") || strings.Contains(log, "good morning") {
		t.Errorf("log:\n%s", log)
	}
	if _, err := os.Stat(filepath.Join(data, "users.db")); err != nil {
		t.Error(err)
	}
	wavs, err := filepath.Glob(filepath.Join(data, "recordings", "*", "*.wav"))
	if err != nil || len(wavs) != 1 {
		t.Errorf("recordings: %v, %v", wavs, err)
	}
}

func TestServeAnnouncesItself(t *testing.T) {
	t.Parallel()
	url := fakeEngines(t)
	ctx, stop := context.WithCancel(t.Context())
	out := &safeBuffer{}
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{
			"serve", "--addr", "127.0.0.1:0", "--data", t.TempDir(), "--models", t.TempDir(),
			"--atot", url + ",local:", "--ttot", url, "--tts", url,
		}, nil, strings.NewReader(""), out, out)
	}()
	select {
	case code := <-ended: // a local engine in the list needs its models
		if code != exitFailed || !strings.Contains(out.String(), "make models") {
			t.Errorf("%d\n%s", code, out)
		}
	case <-time.After(20 * time.Second):
		t.Error("it started without the models")
	}
	stop()

	ctx, stop = context.WithCancel(t.Context())
	defer stop()
	out = &safeBuffer{}
	go func() {
		ended <- run(ctx, []string{
			"serve", "--addr", "127.0.0.1:0", "--data", t.TempDir(), "--models", t.TempDir(),
			"--atot", url + "," + url, "--ttot", url, "--tts", url,
		}, nil, strings.NewReader(""), out, out)
	}()
	for range 2000 {
		if strings.Contains(out.String(), "Try it:") {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	if code := <-ended; code != exitDone {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"is ready after", "sessions  ws://127.0.0.1:", "(1 to fall back on)", "history   SQLite, ", "--url ws://127.0.0.1:"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

// The whole program on the engines that come with it.
func TestServeWithLocalEngines(t *testing.T) {
	t.Parallel()
	env := modelsOr(t)
	r := startServe(t, env, "--data", t.TempDir(), "--ttot", "local:", "--tts", "local:flite")
	url := "ws://" + r.addr + "/ws"
	said := filepath.Join(t.TempDir(), "said.wav")
	// What sori says here is the question of the next turn.
	sori(t, nil, "talk", "--text", "what can you do", "--url", url, "--fast", "--out", said).expect(t, exitDone, "built-in-responder", "flite")
	sori(t, nil, "talk", said, "--url", url, "--fast").expect(t, exitDone, "moonshine-tiny-en", "turn.done")
	r.end(t)
	if !strings.Contains(r.out.String(), `"voice_detector":"Silero"`) {
		t.Errorf("log:\n%s", r.out)
	}
}

func TestServeThatCannotStart(t *testing.T) {
	t.Parallel()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"port in use", []string{"--addr", ln.Addr().String()}, exitFailed, "is in use by another program"},
		{"somebody else's address", []string{"--addr", "203.0.113.1:0"}, exitFailed, "sori can't listen on 203.0.113.1:0"},
		{"no address", []string{"--addr", "5000"}, exitFailed, "is no HOST:PORT"},
		{"folder is a file", []string{"--data", file}, exitFailed, "the data folder can't be made"},
		{"folder can't be written", []string{"--data", "/proc"}, exitFailed, "the data folder /proc can't be written"},
		{"no models", nil, exitFailed, "sori models pull"},
		{"bad engine", []string{"--tts", "ftp://h"}, exitFailed, "--tts: the URL must begin with http://"},
		{"bad store", []string{"--store", "mysql://h"}, exitFailed, "of no kind that sori knows"},
		{"bad window", []string{"--window=-1"}, exitFailed, "--window can't be negative"},
		{"bad utterance", []string{"--max-utterance", "10ms"}, exitFailed, "--max-utterance 10ms is too short"},
		{"no sessions", []string{"--max-sessions", "0"}, exitFailed, "--max-sessions has to be at least 1"},
		{"profiles for everybody", []string{"--debug-addr", "0.0.0.0:6060"}, exitFailed, "not on the loopback interface"},
		{"number is none", []string{"--window", "many"}, exitUsage, "--window"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"serve", "--addr", "127.0.0.1:0", "--data", t.TempDir(), "--models", t.TempDir()}, tt.args...)
			r := sori(t, nil, args...)
			r.expect(t, tt.code, tt.says)
			if strings.Count(r.err, "\n") > 3 {
				t.Errorf("that is more than a sentence:\n%s", r.err)
			}
		})
	}
}

// statusOf is how a server answers GET.
func statusOf(t *testing.T, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
