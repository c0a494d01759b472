package main

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestEngineStages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want, port string }{
		{"all", "atot ttot tts", "8000"},
		{"atot", "atot", "8000"},
		{"ttot", "ttot", "8002"},
		{"tts", "tts", "8004"},
		{"tts atot tts", "tts atot", "8000"},
	} {
		e := engineCmd{Stages: strings.Fields(tt.in)}
		got, err := e.wanted()
		if err != nil || strings.Join(names(got), " ") != tt.want || seedPort(got) != tt.port {
			t.Errorf("%q: %v at %s, %v", tt.in, got, seedPort(got), err)
		}
	}
	sori(t, nil, "engine", "stt").expect(t, exitUsage, `there is no engine "stt"`)
	sori(t, nil, "engine", "ttot", "--addr", "nowhere").expect(t, exitFailed, "is no HOST:PORT")
	sori(t, nil, "engine", "atot", "--addr", "127.0.0.1:0", "--models", t.TempDir()).expect(t, exitFailed, "sori models pull")
}

// While the engines load, requests wait; only the health page answers.
func TestWarming(t *testing.T) {
	t.Parallel()
	w := newWarming()
	srv := httptest.NewServer(w)
	t.Cleanup(srv.Close)
	if code, _ := get(t, srv.URL+"/health"); code != http.StatusServiceUnavailable {
		t.Errorf("health while loading: %d", code)
	}
	waited := make(chan int, 1)
	go func() {
		code, _ := get(t, srv.URL+"/work")
		waited <- code
	}()
	select {
	case code := <-waited:
		t.Fatalf("a request was answered with %d before the engines were there", code)
	case <-time.After(30 * time.Millisecond):
	}
	w.ready(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusTeapot) }))
	if code := <-waited; code != http.StatusTeapot {
		t.Errorf("the request that waited: %d", code)
	}
	if code, _ := get(t, srv.URL+"/health"); code != http.StatusTeapot {
		t.Errorf("health afterwards: %d", code)
	}
}

func get(t *testing.T, url string) (code int, body string) {
	t.Helper()
	return ask(t, http.MethodGet, url, "", nil)
}

func ask(t *testing.T, method, url, contentType string, body io.Reader) (code int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(data)
}

// modelsOr skips a test where the models are not there, or fails it in CI.
func modelsOr(t *testing.T) []string {
	t.Helper()
	env := os.Environ()
	if _, _, err := findModels(&modelsPlace{}, &console{getenv: lookup(env)}); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return env
}

// The built-in engines take the listener of their parent, and end with it.
func TestEngineOnAnInheritedSocket(t *testing.T) {
	t.Parallel()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Dup(int(f.Fd())) // the engine closes it
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	_, _ = ln.Close(), f.Close()
	in, parent := io.Pipe()
	ended := make(chan result, 1)
	go func() {
		ended <- soriIn(t.Context(), in, nil, "engine", "ttot", "--fd", strconv.Itoa(fd))
	}()
	code, answer := ask(t, http.MethodPost, "http://"+addr+"/generate", "application/json", strings.NewReader(`{"user_id":"7","text":"what is two plus three?"}`))
	if code != http.StatusOK || !strings.Contains(answer, "five") && !strings.Contains(answer, "5") {
		t.Errorf("%d %s", code, answer)
	}
	http.DefaultClient.CloseIdleConnections()
	_ = parent.Close()
	select {
	case r := <-ended:
		if r.code != exitDone || r.out != "" {
			t.Errorf("%+v", r)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the engine outlived its parent")
	}
}

// flite speaks and Moonshine hears, through HTTP.
func TestEnginesUnderstandEachOther(t *testing.T) {
	t.Parallel()
	env := modelsOr(t)
	ctx, stop := context.WithCancel(t.Context())
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	_ = ln.Close()
	ended := make(chan result, 1)
	go func() {
		ended <- soriIn(ctx, strings.NewReader(""), env, "engine", "all", "--addr", addr, "--cache", t.TempDir())
	}()
	for range 400 { // until it listens
		if conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr); err == nil {
			_ = conn.Close()
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	code, wav := ask(t, http.MethodPost, "http://"+addr+"/tts", "application/json", strings.NewReader(`{"user_id":"7","text":"The train leaves at noon."}`))
	if code != http.StatusOK || !strings.HasPrefix(wav, "RIFF") {
		t.Fatalf("tts: %d %.200q", code, wav)
	}
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	part, err := m.CreateFormFile("file", "a.wav")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write([]byte(wav))
	_ = m.WriteField("user_id", "7")
	_ = m.Close()
	code, text := ask(t, http.MethodPost, "http://"+addr+"/run-model", m.FormDataContentType(), &form)
	if code != http.StatusOK || !strings.Contains(strings.ToLower(text), "leaves at noon") {
		t.Errorf("atot: %d %s", code, text)
	}
	http.DefaultClient.CloseIdleConnections()
	stop()
	if r := <-ended; r.code != exitDone || !strings.Contains(r.out, "atot, ttot, tts at http://"+addr) {
		t.Errorf("%+v", r)
	}
}
