package server_test

import (
	"context"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sori/protocol"
	"sori/quota"
	"sori/server"
	"sori/session"
	"sori/stage"
)

// A session too many is told so and closed; once another has ended there is a
// place.
func TestSessionsOverTheLimit(t *testing.T) {
	t.Parallel()
	book := quota.New(quota.Options{User: quota.Limits{Sessions: 1}})
	r := start(t, server.Config{Quota: book})
	const hello = `{"type":"session.configure"}`
	first := r.connect(t)
	if e := first.ask(hello); e.Type() != "session.ready" {
		t.Fatalf("%+v", e)
	}
	second := r.connect(t)
	if p, ok := second.ask(hello).(protocol.Problem); !ok || p.Code != protocol.ErrSessionQuota {
		t.Errorf("%+v", p)
	}
	if code, _ := second.closed(); code != protocol.CloseQuota {
		t.Errorf("closed with %v", code)
	}
	_ = first.ws.Close(websocket.StatusNormalClosure, "")
	deadline := time.Now().Add(10 * time.Second)
	for {
		third := r.connect(t)
		e := third.ask(hello)
		_ = third.ws.CloseNow()
		if e.Type() == "session.ready" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the place is not free: %+v", e)
		}
	}
}

// Who comes with a key of one user needs no configuration to be counted: a session
// that is never configured takes a place as well.
func TestASessionCountsFromItsFirstMessage(t *testing.T) {
	t.Parallel()
	book := quota.New(quota.Options{User: quota.Limits{Sessions: 1}})
	r := start(t, server.Config{Quota: book, Auth: newDoors()})
	come := func(caller string) *client { // and not configure
		c, no := r.tryConnect(t, bearer(caller))
		if no != nil {
			t.Fatalf("connect with %s: %+v", caller, no)
		}
		return c
	}
	for _, caller := range []string{"kims", "lees"} {
		if e := come(caller).ask(`{"type":"ping"}`); e.Type() != "pong" { // its place is taken with the first answer
			t.Fatalf("%s: %+v", caller, e)
		}
	}
	second := come("kims")
	second.text(`{"type":"ping"}`)
	code, events := second.closed()
	refused := slices.ContainsFunc(events, func(e protocol.Event) bool {
		p, ok := e.(protocol.Problem)
		return ok && p.Code == protocol.ErrSessionQuota
	})
	if code != protocol.CloseQuota || !refused {
		t.Errorf("closed with %v after %+v", code, events)
	}
}

// A request over the limit gets 429, and every request learns how far it may go.
func TestRequestsOverTheLimit(t *testing.T) {
	t.Parallel()
	book := quota.New(quota.Options{User: quota.Limits{Turns: 1, Sessions: 5}})
	h := handler(t, server.Config{
		Quota:      book,
		Engines:    &server.Engines{TTOT: writer{}},
		NewSession: func(session.Options) server.Session { return newFakeSession() },
	})
	const path, body = "/v1/chat/completions", `{"messages":[{"role":"user","content":"hi"}]}`
	w := ask(t, h, http.MethodPost, path, strings.NewReader(body), "Content-Type: application/json")
	if w.Code != http.StatusOK || w.Header().Get("RateLimit-Limit") != "1" || w.Header().Get("RateLimit-Remaining") != "0" || w.Header().Get("RateLimit-Policy") != `1;w=60;name="turns"` {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	w = ask(t, h, http.MethodPost, path, strings.NewReader(body), "Content-Type: application/json")
	if w.Code != http.StatusTooManyRequests || w.Header().Get("RateLimit-Remaining") != "0" ||
		w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), `"rate_limit_error"`) || !strings.Contains(w.Body.String(), protocol.ErrTurnQuota) {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	w = ask(t, h, http.MethodPost, "/run-full-pipeline", strings.NewReader(`{"text":"hi"}`), "Content-Type: application/json")
	if w.Code != http.StatusTooManyRequests || problemCode(t, w) != protocol.ErrTurnQuota {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// writer is a TTOT that says one word.
type writer struct{}

func (writer) Engine() string { return "writer" }
func (writer) Respond(context.Context, stage.Prompt) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) { yield("Hello.", nil) }
}

// A Realtime session too many is refused before the handshake.
func TestRealtimeSessionsOverTheLimit(t *testing.T) {
	t.Parallel()
	_, addr := loopback(t, server.Config{Quota: quota.New(quota.Options{User: quota.Limits{Sessions: 1}})})
	for _, want := range []int{http.StatusSwitchingProtocols, http.StatusTooManyRequests} {
		ws, resp, err := websocket.Dial(t.Context(), "ws://"+addr+"/v1/realtime?model=x", nil)
		if resp == nil {
			t.Fatal(err)
		}
		if resp.Body != nil {
			_ = resp.Body.Close()
		}
		if resp.StatusCode != want {
			t.Errorf("answered with %d, want %d", resp.StatusCode, want)
		}
		if ws != nil {
			t.Cleanup(func() { _ = ws.CloseNow() })
		}
	}
}

// Every way to have something heard, written or spoken counts what it used, and
// is refused when nothing is left.
func TestEveryCallIsMetered(t *testing.T) {
	t.Parallel()
	const asJSON = "Content-Type: application/json"
	wav := wavOf(16_000, 1, 3000)
	for _, c := range []struct {
		name    string
		first   []string // calls before it, of no account
		method  string
		path    string
		body    func(t *testing.T) (io.Reader, string)
		seconds int64 // of speech that it uses, rounded down
	}{
		{"a step that speaks", []string{"/atot", "/ttot"}, http.MethodPost, "/process-audio", nothing, 2},
		{"the whole run of the services", nil, http.MethodPost, "/run-full-pipeline", nothing, 2},
		{"a recording is transcribed", nil, http.MethodPost, "/v1/audio/transcriptions", func(t *testing.T) (io.Reader, string) {
			t.Helper()
			return form(t, wav)
		}, 3},
		{"a text is spoken", nil, http.MethodPost, "/v1/audio/speech", func(t *testing.T) (io.Reader, string) {
			t.Helper()
			return strings.NewReader(`{"input":"hello"}`), asJSON
		}, 2},
		{"a question", nil, http.MethodPost, "/v1/chat/completions", func(t *testing.T) (io.Reader, string) {
			t.Helper()
			return strings.NewReader(`{"messages":[{"role":"user","content":"hi"}]}`), asJSON
		}, 0},
	} {
		for limit, code := range map[quota.Limits]string{
			{Turns: 1, Sessions: 9}:                    protocol.ErrTurnQuota,
			{Turns: 9, Audio: 1500 * time.Millisecond}: protocol.ErrAudioQuota,
		} {
			if code == protocol.ErrAudioQuota && c.seconds == 0 {
				continue
			}
			t.Run(c.name+" "+code, func(t *testing.T) {
				t.Parallel()
				f := &engineFakes{}
				f.store = &fakeStore{}
				f.speak = func(stage.Speech) iter.Seq2[stage.Chunk, error] {
					return func(yield func(stage.Chunk, error) bool) {
						yield(stage.Chunk{PCM: make([]byte, 2*48_000), Rate: 24_000}, nil)
					}
				}
				book := quota.New(quota.Options{User: limit})
				h := handler(t, server.Config{Quota: book, Store: f.store, Steps: f.steps(), Engines: f.engines()})
				call := func() *httptest.ResponseRecorder {
					body, kind := c.body(t)
					return ask(t, h, c.method, c.path, body, kind)
				}
				for _, path := range c.first {
					if w := get(t, h, path); w.Code != http.StatusOK || w.Header().Get("RateLimit-Limit") == "" {
						t.Fatalf("%s: %d %v", path, w.Code, w.Header())
					}
				}
				if w := call(); w.Code != http.StatusOK {
					t.Fatalf("%d %s", w.Code, w.Body)
				}
				grant, err := book.Look(t.Context(), "10", "")
				if err != nil {
					t.Fatal(err)
				}
				defer grant.Close()
				for _, st := range grant.States() {
					if st.Name == quota.Turns && st.Remaining != st.Limit-1 || st.Name == quota.Audio && st.Remaining != 0 {
						t.Errorf("left: %+v", st)
					}
				}
				w := call()
				if w.Code != http.StatusTooManyRequests || !strings.Contains(w.Body.String(), code) || w.Header().Get("Retry-After") == "" || w.Header().Get("RateLimit-Remaining") != "0" {
					t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
				}
				if strings.HasPrefix(c.path, "/v1/") != strings.Contains(w.Body.String(), `"rate_limit_error"`) {
					t.Errorf("%s", w.Body)
				}
				for _, path := range c.first { // nor does another run begin
					if w := get(t, h, path); w.Code != http.StatusTooManyRequests {
						t.Errorf("%s: %d", path, w.Code)
					}
				}
			})
		}
	}
}

func nothing(t *testing.T) (io.Reader, string) {
	t.Helper()
	return nil, korean
}

// A backend's key names its users as late as it likes. Its sessions count from their
// first message on, each once.
func TestSessionsWithoutAUserCountForTheirKey(t *testing.T) {
	t.Parallel()
	book := quota.New(quota.Options{User: quota.Limits{Sessions: 1}, Key: quota.Limits{Sessions: 2}})
	r := start(t, server.Config{Quota: book, Auth: newDoors()})
	come := func() *client {
		c, no := r.tryConnect(t, bearer("backends"))
		if no != nil {
			t.Fatalf("connect: %+v", no)
		}
		return c
	}
	refused := func(c *client) bool {
		code, events := c.closed()
		return code == protocol.CloseQuota && slices.ContainsFunc(events, func(e protocol.Event) bool {
			p, ok := e.(protocol.Problem)
			return ok && p.Code == protocol.ErrSessionQuota
		})
	}
	first, second := come(), come()
	for _, c := range []*client{first, second} {
		for range 3 {
			if e := c.ask(`{"type":"ping"}`); e.Type() != "pong" {
				t.Fatalf("%+v", e)
			}
		}
	}
	third := come()
	third.text(`{"type":"ping"}`)
	if !refused(third) {
		t.Error("a third session of the key goes on")
	}
	if e := first.ask(`{"type":"session.configure","user":"kim"}`); e.Type() != "session.ready" { // it has its place already
		t.Errorf("%+v", e)
	}
	second.text(`{"type":"session.configure","user":"kim"}`)
	if !refused(second) {
		t.Error("a second session of one user goes on")
	}
	deadline := time.Now().Add(10 * time.Second)
	for { // its place is free again
		c := come()
		e := c.ask(`{"type":"session.configure","user":"lee"}`)
		if e.Type() == "session.ready" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the place is not free: %+v", e)
		}
	}
}

// A step that is done again is another turn: nobody has engines work for nothing by
// leaving the last step out.
func TestStepsThatAreDoneAgainCount(t *testing.T) {
	t.Parallel()
	f := &engineFakes{}
	f.store = &fakeStore{}
	book := quota.New(quota.Options{User: quota.Limits{Turns: 4}})
	h := handler(t, server.Config{Quota: book, Store: f.store, Steps: f.steps()})
	for i, c := range []struct{ path, left string }{
		{"/atot", "3"}, {"/ttot", "3"}, // one run
		{"/ttot", "2"}, // another answer
		{"/atot", "1"}, // another run
		{"/atot", "0"}, // and one more
		{"/ttot", "0"}, // which may go on
		{"/ttot", ""},  // but not again
		{"/atot", ""},  // nor does another one begin
	} {
		w := get(t, h, c.path)
		want := http.StatusOK
		if c.left == "" {
			want, c.left = http.StatusTooManyRequests, "0"
		}
		if w.Code != want || w.Header().Get("RateLimit-Remaining") != c.left {
			t.Errorf("call %d, %s: %d with %q left, want %d with %s", i+1, c.path, w.Code, w.Header().Get("RateLimit-Remaining"), want, c.left)
		}
	}
}
