package endpoint_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sori/clients/endpoint"
	"sori/stage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newCaller gives a caller of the seed's ATOT at a server's URL.
func newCaller(t *testing.T, url string, o endpoint.Options) *endpoint.Caller {
	t.Helper()
	list, err := endpoint.Parse(stage.ATOT, url, env("SORI_ATOT_KEY", "hunter2"))
	if err != nil {
		t.Fatal(err)
	}
	c := endpoint.NewCaller(list[0], o)
	t.Cleanup(c.Close)
	return c
}

// serve serves h and counts the connections.
func serve(t *testing.T, h http.HandlerFunc) (url string, connections *atomic.Int32) {
	t.Helper()
	connections = &atomic.Int32{}
	s := httptest.NewUnstartedServer(h)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s.URL, connections
}

func post(c *endpoint.Caller, body string) endpoint.Request {
	return endpoint.Request{
		Method: http.MethodPost, URL: c.Call(), Type: "text/plain", MaxAnswer: 1 << 20,
		Body: func() (io.ReadCloser, int64) { return io.NopCloser(strings.NewReader(body)), int64(len(body)) },
	}
}

// ask makes a call and reads the answer.
func ask(ctx context.Context, c *endpoint.Caller) (string, error) {
	a, err := c.Do(ctx, post(c, "hello"))
	if err != nil {
		return "", err
	}
	defer a.Close()
	all, err := io.ReadAll(a)
	return string(all), err
}

func wantCode(t *testing.T, err error, code, says string) {
	t.Helper()
	e, ok := errors.AsType[*stage.Error](err)
	if !ok {
		t.Fatalf("error %v is no *stage.Error", err)
	}
	if e.Code != code || !strings.Contains(e.Message, says) {
		t.Errorf("%s: %s; want %s: %s", e.Code, e.Message, code, says)
	}
	if strings.Contains(e.Message+e.Error(), "hunter2") {
		t.Errorf("the key is told: %s %v", e.Message, e)
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		read func(a *endpoint.Answer)
		want int32
	}{
		{"read to the end", func(a *endpoint.Answer) { _, _ = io.Copy(io.Discard, a) }, 1},
		{"finished before the end", func(a *endpoint.Answer) { a.Finish() }, 1},
		{"left in the middle", func(*endpoint.Answer) {}, 5},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			url, connections := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(w, r.Body)
			})
			c := newCaller(t, url, endpoint.Options{})
			for range 5 {
				a, err := c.Do(t.Context(), post(c, "hello"))
				if err != nil {
					t.Fatal(err)
				}
				tc.read(a)
				a.Close()
			}
			if n := connections.Load(); n != tc.want {
				t.Errorf("%d connections, want %d", n, tc.want)
			}
		})
	}
}

func TestConnectionOfARefusalIsUsedAgain(t *testing.T) {
	t.Parallel()
	url, connections := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) })
	c := newCaller(t, url, endpoint.Options{})
	for range 5 {
		_, err := ask(t.Context(), c)
		wantCode(t, err, stage.CodeStatus, "failed with HTTP 418.")
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestManyAtOnceKeepTheirConnections(t *testing.T) {
	t.Parallel()
	const n = 50
	var together sync.WaitGroup
	url, connections := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		together.Done()
		together.Wait()
	})
	c := newCaller(t, url, endpoint.Options{})
	for range 2 {
		together.Add(n)
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				if _, err := ask(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	if got := connections.Load(); got != n {
		t.Errorf("%d connections for %d calls at a time", got, n)
	}
}

// A server that restarts closes connections which its clients still keep.
func TestCallOnAConnectionThatDiedIsMadeAgain(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	var bodies atomic.Int32
	url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "hello" {
			t.Errorf("call %d has the body %q, %v", calls.Load(), body, err)
		}
		if calls.Add(1) == 2 {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_ = conn.Close()
			return
		}
		_, _ = io.WriteString(w, "ok")
	})
	c := newCaller(t, url, endpoint.Options{})
	for range 2 {
		r := post(c, "hello")
		body := r.Body
		r.Body = func() (io.ReadCloser, int64) {
			bodies.Add(1)
			return body()
		}
		a, err := c.Do(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(a)
		if err != nil || string(got) != "ok" {
			t.Errorf("answer %q, %v", got, err)
		}
		a.Close()
	}
	if calls.Load() != 3 || bodies.Load() != 3 {
		t.Errorf("%d calls with %d bodies, want 3: one that died, and again", calls.Load(), bodies.Load())
	}
}

func TestCallOnAFreshConnectionIsNotMadeAgain(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		calls.Add(1)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.Close()
	})
	c := newCaller(t, url, endpoint.Options{})
	_, err := ask(t.Context(), c)
	wantCode(t, err, stage.CodeUnreachable, "closed the connection before it answered.")
	if calls.Load() != 1 {
		t.Errorf("%d calls", calls.Load())
	}
}

func TestWhyNobodyAnswers(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	plain, _ := serve(t, func(http.ResponseWriter, *http.Request) {})
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	dial := func(err error) endpoint.Options {
		return endpoint.Options{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, err }}
	}
	for _, tc := range []struct {
		name, url string
		o         endpoint.Options
		says      string
	}{
		{"nobody listens", nobody, endpoint.Options{}, "The ATOT engine at " + strings.TrimPrefix(nobody, "http://") + " is not running: start it, or check --atot."},
		{"no such host", "http://nowhere.invalid", dial(&net.DNSError{Err: "no such host", IsNotFound: true}), "no such host"},
		{"names can't be looked up", "http://nowhere.invalid", dial(&net.DNSError{Err: "server misbehaving"}), "can't be looked up"},
		{"no route", "http://10.0.0.1", dial(&net.OpError{Op: "dial", Err: errors.New("no route to host")}), "can't be reached"},
		{"no TLS", strings.Replace(plain, "http:", "https:", 1), endpoint.Options{}, "does not speak TLS"},
		{"unknown certificate", secure.URL, endpoint.Options{}, "certificate"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := newCaller(t, tc.url, tc.o)
			_, err := ask(t.Context(), c)
			wantCode(t, err, stage.CodeUnreachable, tc.says)
			wantCode(t, c.Health(t.Context()), stage.CodeUnreachable, tc.says)
		})
	}
}

func TestKeyAndClientOfTheCaller(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/run-model" {
			http.Redirect(w, r, "/v2/run-model", http.StatusPermanentRedirect)
			return
		}
		_, _ = io.WriteString(w, r.URL.Path+" "+r.Header.Get("Authorization")+" ")
		_, _ = io.Copy(w, r.Body)
	}))
	t.Cleanup(s.Close)
	ours := s.Client()
	ours.Timeout = time.Nanosecond // must not cut streams
	c := newCaller(t, s.URL, endpoint.Options{HTTP: ours})
	got, err := ask(t.Context(), c)
	if err != nil || got != "/v2/run-model Bearer hunter2 hello" {
		t.Errorf("%q, %v", got, err)
	}
	if ours.CheckRedirect != nil || ours.Timeout != time.Nanosecond {
		t.Error("the caller's client was changed")
	}
	if _, ok := ours.Transport.(*http.Transport); !ok {
		t.Error("the caller's transport was changed")
	}
}

func TestBigUploadThatIsRefusedEarly(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		_, _ = io.WriteString(w, "at most 1 MB")
	})
	c := newCaller(t, url, endpoint.Options{})
	big := bytes.Repeat([]byte("x"), 8<<20)
	r := post(c, string(big))
	_, err := c.Do(t.Context(), r)
	wantCode(t, err, stage.CodeRejected, "at most 1 MB")
}

func TestHealth(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		status int
		code   string // "" is healthy
	}{
		{200, ""},
		{204, ""},
		{404, ""},
		{405, ""},
		{501, ""},
		{401, stage.CodeUnauthorized},
		{403, stage.CodeUnauthorized},
		{429, stage.CodeBusy},
		{503, stage.CodeBusy},
		{500, stage.CodeStatus},
	} {
		for _, prefix := range []string{"", "openai+"} {
			want := "/health"
			if prefix != "" {
				want = "/v1/models"
			}
			url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != want || r.Method != http.MethodGet {
					t.Errorf("asked %s %s", r.Method, r.URL.Path)
				}
				w.WriteHeader(tc.status)
			})
			check := newCaller(t, prefix+url, endpoint.Options{}).Check(t.Context())
			if tc.code == "" && check.Err != nil {
				t.Errorf("%d: %v", tc.status, check.Err)
			} else if tc.code != "" {
				wantCode(t, check.Err, tc.code, "The ATOT engine at "+strings.TrimPrefix(url, "http://"))
			}
		}
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	for _, tc := range []struct {
		checks []endpoint.Check
		ok     bool
	}{
		{[]endpoint.Check{{Err: down}, {}}, true},
		{[]endpoint.Check{{}, {Err: down}}, true},
		{[]endpoint.Check{{Err: down}, {Err: down}}, false},
	} {
		if err := endpoint.Summary(tc.checks); (err == nil) != tc.ok {
			t.Errorf("%v: %v", tc.checks, err)
		}
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("가", 300)
	for in, want := range map[string]string{
		"":                "",
		"<html>":          "",
		"[1]":             "",
		"at most 25 MB\n": "at most 25 MB",
		`{"error":"no"}`:  "no",
		`{"error":{"message":"no\n such\tmodel"}}`:                              "no such model",
		`{"error":{"type":"x"},"message":"no"}`:                                 "no",
		`{"detail":"Not Found"}`:                                                "Not Found",
		`{"detail":[{"loc":["body","n",0],"msg":"is wrong","input":"SECRET"}]}`: "0: is wrong",
		`{"detail":[{"msg":"is wrong"}]}`:                                       "is wrong",
		`{"text":"SECRET"}`:                                                     "",
		`{`:                                                                     "",
		"a\x00b\xff":                                                            "a b",
		long:                                                                    long[:600] + "…",
	} {
		if got := endpoint.Reason([]byte(in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
