package server_test

import (
	"context"
	"iter"
	"net/http"
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
	if w.Code != http.StatusOK || w.Header().Get("RateLimit-Limit") != "1" || w.Header().Get("RateLimit-Policy") != `1;w=60;name="turns"` {
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
