//go:build e2e

package e2e_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sori/protocol"
)

// limited is a session of a user whose use is limited.
type limited struct {
	*wire

	left map[string]int64 // what quota.updated said last
}

// enterAs opens a session and gives the code that it was refused with, "" for none.
func enterAs(t *testing.T, s *sori, user string) (*limited, string) {
	t.Helper()
	l := &limited{dialRaw(t, s), make(map[string]int64)}
	l.text(`{"type":"session.configure","user":"` + user + `"}`)
	for {
		switch e := l.event(); e.Type {
		case "session.ready":
			return l, ""
		case "error", "closed":
			return l, e.Code
		}
	}
}

// limitedEvent is what these tests read of an event.
type limitedEvent struct {
	Type, Code string
	Quotas     []protocol.Quota
}

func (l *limited) event() (e limitedEvent) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 10*time.Second)
	defer cancel()
	for {
		kind, data, err := l.conn.Read(ctx)
		if err != nil {
			return limitedEvent{Type: "closed", Code: strconv.Itoa(int(websocket.CloseStatus(err)))}
		}
		if kind != websocket.MessageText {
			continue
		}
		if err := json.Unmarshal(data, &e); err != nil {
			l.t.Fatal(err)
		}
		for _, q := range e.Quotas {
			l.left[q.Name] = q.Remaining
		}
		return e
	}
}

// turn has something answered, and gives turn.done or the code of the refusal.
func (l *limited) turn(send func()) string {
	l.t.Helper()
	send()
	for {
		switch e := l.event(); e.Type {
		case "error", "closed":
			return e.Code
		case "turn.done", "turn.failed":
			return e.Type
		}
	}
}

func (l *limited) ask() { l.text(`{"type":"text","text":"hello"}`) }

// What a user may use is told, held, and another user's is another's.
func TestQuotas(t *testing.T) {
	t.Parallel()
	s := serve(t, append(scriptedArgs(scripted(t)), "--user-sessions", "2", "--user-turns", "3")...)
	one, code := enterAs(t, s, "q")
	if code != "" {
		t.Fatal(code)
	}
	two, code := enterAs(t, s, "q")
	if code != "" {
		t.Fatal(code)
	}
	third, code := enterAs(t, s, "q")
	if code != protocol.ErrSessionQuota {
		t.Errorf("a third session: %q", code)
	}
	if e := third.event(); e.Type != "closed" || e.Code != "4002" {
		t.Errorf("after it: %+v", e)
	}
	for range 3 {
		if got := one.turn(one.ask); got != "turn.done" {
			t.Fatal(got)
		}
	}
	if left, told := one.left["turns"]; !told || left != 0 {
		t.Errorf("told: %v", one.left)
	}
	if got := two.turn(two.ask); got != protocol.ErrTurnQuota {
		t.Errorf("a fourth turn: %s", got)
	}
	status, header, body := post(t, s, "/run-full-pipeline", `{"user_id":"q","text":"hello"}`)
	if status != http.StatusTooManyRequests || !strings.Contains(body, protocol.ErrTurnQuota) {
		t.Errorf("a call: %d %s", status, body)
	}
	for name, want := range map[string]string{"RateLimit-Limit": "3", "RateLimit-Remaining": "0"} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if after, err := strconv.Atoi(header.Get("Retry-After")); err != nil || after < 1 || after > 60 {
		t.Errorf("Retry-After: %q", header.Get("Retry-After"))
	}
	other, code := enterAs(t, s, "r")
	if code != "" || other.turn(other.ask) != "turn.done" {
		t.Errorf("another user is refused: %s", code)
	}
	// One that is dropped keeps its place for who may resume it.
	_ = two.conn.Close(websocket.StatusNormalClosure, "")
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) { // polled
		if _, code = enterAs(t, s, "q"); code == "" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the place of a session that ended: %s", code)
		}
	}
}

// The speech of a day, and what is kept; both are counted of what was really
// heard, spoken and written.
func TestQuotasOfAudio(t *testing.T) {
	t.Parallel()
	// A reply is 0.6 s, an utterance 0.5 s, and a recording of either some 20 kB.
	s := serve(t, append(scriptedArgs(scripted(t)), "--user-audio", "2s", "--recordings", "folder", "--user-bytes", "30kB")...)
	say := func(l *limited) func() {
		return func() {
			for range 25 {
				l.send(websocket.MessageBinary, make([]byte, 640))
			}
			l.text(`{"type":"utterance.end"}`)
		}
	}
	l, code := enterAs(t, s, "q")
	if code != "" {
		t.Fatal(code)
	}
	for range 2 {
		if got := l.turn(l.ask); got != "turn.done" {
			t.Fatal(got)
		}
	}
	if got := l.turn(say(l)); got == protocol.ErrAudioQuota {
		t.Fatal("0.8 s are left, and it is refused")
	}
	for range 3 { // the reply of the turn before may still be counted
		if code = l.turn(say(l)); code == protocol.ErrAudioQuota {
			break
		}
	}
	if code != protocol.ErrAudioQuota {
		t.Errorf("the day is used up: %s", code)
	}
	if left := l.left["stored_bytes"]; left >= 30_000 || left < 0 {
		t.Errorf("of 30 kB %d are left", left)
	}
	if code = erase(t, s, "q"); code != "204 No Content" && code != "200 OK" {
		t.Fatal(code)
	}
	again, code := enterAs(t, s, "q")
	if code != "" {
		t.Fatal(code)
	}
	if e := again.event(); e.Type != "quota.updated" || again.left["stored_bytes"] != 30_000 {
		t.Errorf("after the user was deleted: %+v", e)
	}
	if got := again.turn(say(again)); got != protocol.ErrAudioQuota {
		t.Errorf("deleting a user gives a new day: %s", got)
	}
}

func post(t *testing.T, s *sori, path, body string) (status int, header http.Header, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(text)
}

func erase(t *testing.T, s *sori, user string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, s.url()+"/users/"+user, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.Status
}
