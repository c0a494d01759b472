package enginehttp_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"sori/engines/enginehttp"
	"sori/stage"
)

// serve serves a handler over loopback and gives its URL.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestTooManyRequests(t *testing.T) {
	t.Parallel()
	working, goOn := make(chan struct{}, 10), make(chan struct{})
	slow := ear{func(ctx context.Context, _ stage.Utterance, yield func(stage.Transcript, error) bool) {
		working <- struct{}{}
		select {
		case <-goOn:
		case <-ctx.Done():
		}
		yield(stage.Transcript{Text: "x", Final: true}, nil)
	}}
	s := start(t, enginehttp.Config{ATOT: slow, Recognizers: 1, Waiting: 2})
	var g sync.WaitGroup
	statuses := make(chan int, 3)
	for range 3 {
		g.Go(func() { statuses <- upload(t, s.URL+"/run-model", wav(16_000, 0.1)).status })
	}
	<-working
	for !strings.Contains(get(t, s.URL+"/health").body, `"load":{"active":1,"waiting":2,"capacity":1}`) {
		time.Sleep(time.Millisecond)
	}
	a := upload(t, s.URL+"/run-model", wav(16_000, 0.1))
	wantError(t, "one too many", a, 503, stage.CodeBusy, "Try again")
	if a.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After: %q", a.header.Get("Retry-After"))
	}
	close(goOn)
	g.Wait()
	for range 3 {
		if status := <-statuses; status != 200 {
			t.Errorf("a request that waited: %d", status)
		}
	}
}

func TestUploadsInFlightAreBounded(t *testing.T) {
	t.Parallel()
	working, goOn := make(chan struct{}, 1), make(chan struct{})
	slow := ear{func(_ context.Context, _ stage.Utterance, yield func(stage.Transcript, error) bool) {
		working <- struct{}{}
		<-goOn
		yield(stage.Transcript{Text: "x", Final: true}, nil)
	}}
	s := start(t, enginehttp.Config{ATOT: slow, MaxBody: 100_000, MaxInFlight: 100_000})
	var g sync.WaitGroup
	g.Go(func() {
		if a := upload(t, s.URL+"/run-model", wav(16_000, 2)); a.status != 200 {
			t.Errorf("the first: %d %s", a.status, a.body)
		}
	})
	<-working
	wantError(t, "the second", upload(t, s.URL+"/run-model", wav(16_000, 2)), 503, stage.CodeBusy, "")
	close(goOn)
	g.Wait()
	go func() { <-working }()
	if a := upload(t, s.URL+"/run-model", wav(16_000, 2)); a.status != 200 {
		t.Errorf("afterwards: %d %s", a.status, a.body)
	}
}

// A body over the limit is refused before it is sent.
func TestLargeBodyIsRefusedUnread(t *testing.T) {
	t.Parallel()
	s := start(t, enginehttp.Config{ATOT: hears("x"), TTOT: echoes()})
	for _, path := range []string{"/run-model", "/v1/audio/transcriptions", "/generate"} {
		c := dial(t, s)
		if _, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: audio/wav\r\nContent-Length: 209715200\r\n\r\n", path); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		want := 413
		if path == "/generate" {
			want = 415 // and it is no JSON either
		}
		if resp.StatusCode != want {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
		_ = resp.Body.Close()
	}
}

func dial(t *testing.T, s *httptest.Server) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSlowUploadIsGivenUp(t *testing.T) {
	t.Parallel()
	s := start(t, enginehttp.Config{ATOT: hears("x"), BodyTimeout: 100 * time.Millisecond})
	c := dial(t, s)
	if _, err := io.WriteString(c, "POST /run-model HTTP/1.1\r\nHost: x\r\nContent-Type: audio/wav\r\nContent-Length: 5000\r\n\r\nRIFF"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestTimeout {
		t.Errorf("got %d", resp.StatusCode)
	}
}

func TestEngineThatHangs(t *testing.T) {
	t.Parallel()
	hang := mouth{func(ctx context.Context, _ stage.Speech, yield func(stage.Chunk, error) bool) {
		<-ctx.Done()
		yield(stage.Chunk{}, stage.AsError(stage.TTS, context.Cause(ctx)))
	}}
	s := start(t, enginehttp.Config{TTS: hang, Timeout: 50 * time.Millisecond})
	wantError(t, "hangs", post(t, s.URL+"/tts", `{"text":"x"}`), 504, stage.CodeTimeout, "in time")
}

// A client that leaves stops the engine, in every service.
func TestClientThatLeaves(t *testing.T) {
	t.Parallel()
	began, ended := make(chan struct{}), make(chan error)
	wait := func(ctx context.Context) error {
		began <- struct{}{}
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}
	s := start(t, enginehttp.Config{
		ATOT: ear{func(ctx context.Context, _ stage.Utterance, yield func(stage.Transcript, error) bool) {
			yield(stage.Transcript{}, wait(ctx))
		}},
		TTOT: mind{func(ctx context.Context, _ stage.Prompt, yield func(string, error) bool) {
			if yield("a", nil) {
				yield("", wait(ctx))
			}
		}},
		TTS: mouth{func(ctx context.Context, _ stage.Speech, yield func(stage.Chunk, error) bool) {
			if yield(stage.Chunk{PCM: tone(160, 16_000), Rate: 16_000}, nil) {
				yield(stage.Chunk{}, wait(ctx))
			}
		}},
	})
	kind, body := form(t, wav(16_000, 0.1))
	for path, c := range map[string]struct{ kind, body string }{
		"/run-model":               {kind, body.String()},
		"/v1/audio/transcriptions": {kind, body.String()},
		"/generate":                {"application/json", `{"text":"x"}`},
		"/v1/chat/completions":     {"application/json", `{"stream":true,"messages":[{"role":"user","content":"x"}]}`},
		"/tts":                     {"application/json", `{"text":"x"}`},
		"/v1/audio/speech":         {"application/json", `{"input":"x","response_format":"pcm"}`},
	} {
		ctx, leave := context.WithCancel(t.Context())
		var g sync.WaitGroup
		g.Go(func() { ask(t, ctx, http.MethodPost, s.URL+path, c.kind, strings.NewReader(c.body)) })
		<-began
		leave()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", path, err)
		}
		g.Wait()
	}
}

func TestServeStopsGracefully(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		grace  time.Duration
		finish bool
	}{"finishes": {10 * time.Second, true}, "is ended": {50 * time.Millisecond, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began, goOn := make(chan struct{}), make(chan struct{})
			m := mind{func(ctx context.Context, _ stage.Prompt, yield func(string, error) bool) {
				close(began)
				select {
				case <-goOn:
					yield("done", nil)
				case <-ctx.Done():
					yield("", ctx.Err())
				}
			}}
			l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			served := make(chan error, 1)
			go func() {
				served <- enginehttp.Serve(ctx, l, enginehttp.NewHandler(enginehttp.Config{TTOT: m}), c.grace, slogDiscard())
			}()
			var a answer
			var g sync.WaitGroup
			g.Go(func() { a = post(t, "http://"+l.Addr().String()+"/generate", `{"text":"x"}`) })
			<-began
			stop()
			if c.finish {
				close(goOn)
			}
			if err := <-served; err != nil {
				t.Errorf("Serve: %v", err)
			}
			g.Wait()
			if ok := a.status == 200; ok != c.finish {
				t.Errorf("the request that ran: %d %s %v", a.status, a.body, a.err)
			}
		})
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if err := enginehttp.Serve(t.Context(), l, http.NotFoundHandler(), time.Second, slogDiscard()); err == nil {
		t.Error("a closed listener is served")
	}
}
