package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"sori/auth"
	"sori/protocol"
	"sori/realtime"
)

// Who may do what with events: a caller without a good key gets no connection to
// say anything on (TestWhoMayConnect). One with a good key says every event that
// there is about what is another user's (strangersEvents, strangersRealtime): it
// gets its own, or an error, and the other one notices nothing. One whose key ends
// while it is connected is heard no more (TestEventsOfAKeyThatEnded).

func TestWhoMayConnect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newFuzzWorld(t, 0)
		for _, path := range []string{"/ws", "/v1/realtime"} {
			for caller, want := range map[string]int{
				"": http.StatusUnauthorized, "nobodys": http.StatusUnauthorized, "expired": http.StatusUnauthorized, "revoked": http.StatusUnauthorized,
				"unsure": http.StatusServiceUnavailable,
				"kims":   http.StatusSwitchingProtocols, "lees": http.StatusSwitchingProtocols,
				"backends": http.StatusSwitchingProtocols, "operators": http.StatusSwitchingProtocols,
			} {
				l, status := w.dialLine(t, path, caller)
				if status != want {
					t.Errorf("%s as %q: %d, want %d", path, caller, status, want)
				}
				if l != nil {
					_ = l.ws.CloseNow()
				}
			}
		}
	})
}

// strangersEvents is what another caller says at /ws of kim's session, and what it
// is answered: the type of the event and its code, by the caller. "" is nothing.
func strangersEvents(kims protocol.Ready) map[string]map[string]string {
	everybody := func(answer string) map[string]string {
		return map[string]string{"lees": answer, "backends": answer, "operators": answer}
	}
	resume := fmt.Sprintf(`"session":%q,"key":%q,"seen":0`, kims.Session, kims.Resume.Key)
	return map[string]map[string]string{
		// Whoever speaks for all may begin a session of kim's, of its own. It gets none of kim's.
		`session.configure,"user":"kim"`:       {"lees": "error user_forbidden", "backends": "session.ready kim", "operators": "session.ready kim"},
		"session.resume," + resume:             everybody("error session_unknown"), // also with the right id and key
		`utterance.end`:                        everybody("error utterance_empty"),
		`utterance.clear`:                      everybody("utterance.cleared"),
		`text,"text":" "`:                      everybody("error text_empty"),
		`turn.cancel,"turn":1`:                 everybody(""),
		`playback,"turn":1,"ms":5000`:          everybody(""),
		`tool.result,"id":"kims","output":"y"`: everybody("error unknown_call"),
		`ping,"id":"a"`:                        everybody("pong"),
		`ack,"seen":1000`:                      everybody(""),
	}
}

func TestEventsAboutWhatIsAnothers(t *testing.T) {
	t.Parallel()
	documented := documentedEvents(t)
	synctest.Test(t, func(t *testing.T) {
		w := newFuzzWorld(t, 0)
		kim := w.talking(t, "kims")
		ready, _ := kim.ask(`{"type":"session.configure"}`).(protocol.Ready)
		if ready.User != "kim" {
			t.Fatalf("kim is %+v", ready)
		}
		has := make(map[string]bool)
		for event, answers := range strangersEvents(ready) {
			kind, rest, _ := strings.Cut(event, ",")
			has[kind] = true
			for caller, want := range answers {
				c := w.talking(t, caller)
				if kind != protocol.TypeResume && kind != protocol.TypeConfigure { // those come first
					c.ask(`{"type":"session.configure"}`)
				}
				if rest != "" {
					rest = "," + strings.TrimPrefix(rest, ",")
				}
				sent := make(chan struct{})
				go func() { // the answer to the first is read meanwhile
					defer close(sent)
					c.text(`{"type":"` + kind + `"` + rest + `}`)
					c.text(`{"type":"ping","id":"end"}`)
				}()
				if got := c.before(t, "end"); got != want {
					t.Errorf("%s as %s is answered with %q, want %q", event, caller, got, want)
				}
				<-sent
				_ = c.ws.Close(websocket.StatusNormalClosure, "")
			}
		}
		for _, kind := range documented {
			if !has[kind] {
				t.Errorf("%s has no row: say who may do what with it", kind)
			}
		}
		if head, e := kim.asked(`{"type":"ping","id":"k"}`); e != (protocol.Pong{ID: "k"}) || head.Seq != 2 {
			t.Errorf("kim noticed: %+v %+v", head, e)
		}
	})
}

// talking connects as a caller.
func (w *fuzzWorld) talking(t *testing.T, caller string) *client {
	t.Helper()
	c, no := w.tryConnect(t, bearer(caller))
	if no != nil {
		t.Fatalf("connect as %s: %+v", caller, no)
	}
	return c
}

func (c *client) asked(s string) (protocol.Head, protocol.Event) {
	c.t.Helper()
	c.text(s)
	return c.event()
}

// before gives what came before the pong of an id, or before the refusal of its
// ping, in short: the last type, with its code, or whose session it is.
func (c *client) before(t *testing.T, id string) (short string) {
	t.Helper()
	for {
		_, e := c.event()
		switch e := e.(type) {
		case protocol.Pong:
			if e.ID == id {
				return short
			}
			short = e.Type()
		case protocol.Problem:
			if e.Code == protocol.ErrNotConfigured {
				return short
			}
			short = e.Type() + " " + e.Code
		case protocol.Ready:
			short = e.Type() + " " + e.User
		case protocol.Ack:
		default:
			short = e.Type()
		}
	}
}

// documentedEvents are the types of what a client can say, by docs/protocol.md,
// which other tests hold against the code.
func documentedEvents(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(text), "\n## What the client says\n")
	part, _, _ = strings.Cut(part, "\n## ")
	var all []string
	for _, m := range regexp.MustCompile("(?m)^### `(.+)`$").FindAllStringSubmatch(part, -1) {
		all = append(all, m[1])
	}
	if len(all) < 10 {
		t.Fatalf("only %v", all)
	}
	return all
}

// strangersRealtime is what lee says at /v1/realtime of kim's item and response,
// and the code of the error, or the type of the event, that answers it.
func strangersRealtime() map[string]string {
	return map[string]string{
		`session.update,"session":{"type":"realtime","instructions":"be lee's"}`: "session.updated",
		`input_audio_buffer.append,"audio":"AAAA"`:                               "",
		`input_audio_buffer.commit`:                                              realtime.CodeCommitEmpty,
		`input_audio_buffer.clear`:                                               "input_audio_buffer.cleared",
		`output_audio_buffer.clear`:                                              "output_audio_buffer.cleared",
		`conversation.item.create,"previous_item_id":"kims","item":{"type":"message","role":"user","content":[]}`: realtime.CodePreviousItem,
		`conversation.item.retrieve,"item_id":"kims"`:                                                             realtime.CodeRetrieveItem,
		`conversation.item.delete,"item_id":"kims"`:                                                               realtime.CodeDeleteItem,
		`conversation.item.truncate,"item_id":"kims","content_index":0,"audio_end_ms":0`:                          realtime.CodeTruncateItem,
		`response.create,"response":{"input":[{"type":"item_reference","id":"kims"}]}`:                            realtime.CodeRetrieveItem,
		`response.cancel,"response_id":"resp_of_kim"`:                                                             realtime.CodeNothingToCancel,
	}
}

func TestRealtimeEventsAboutWhatIsAnothers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newFuzzWorld(t, 0)
		kim := w.calling(t, "kims", "")
		kim.say(`{"type":"conversation.item.create","item":{"id":"kims","type":"message","role":"user","content":[{"type":"input_text","text":"a secret"}]}}`)
		kim.heard(t)
		has := make(map[string]bool)
		for _, caller := range []string{"lees", "backends", "operators"} {
			for event, want := range strangersRealtime() {
				kind, rest, found := strings.Cut(event, ",")
				has[kind] = true
				if found {
					rest = "," + rest
				}
				query := "?user=kim"
				if caller == "lees" { // it may not even ask
					if l, status := w.dialLine(t, "/v1/realtime"+query, caller); l != nil || status != http.StatusForbidden {
						t.Errorf("as kim with lee's key: %d", status)
					}
					query = ""
				}
				c := w.calling(t, caller, query)
				c.say(`{"type":"` + kind + `"` + rest + `}`)
				if got := strings.Join(c.heard(t), " "); got != want {
					t.Errorf("%s as %s is answered with %q, want %q", event, caller, got, want)
				}
				_ = c.ws.CloseNow()
			}
		}
		for _, kind := range realtime.ClientTypes() {
			if !has[kind] {
				t.Errorf("%s has no row: say who may do what with it", kind)
			}
		}
		kim.say(`{"type":"conversation.item.retrieve","item_id":"kims"}`)
		if got := kim.heard(t); !slices.Equal(got, []string{"conversation.item.retrieved"}) {
			t.Errorf("kim noticed: %v", got)
		}
	})
}

// calling is a connection to /v1/realtime whose session is created.
type calling struct {
	t  *testing.T
	ws *websocket.Conn
}

func (w *fuzzWorld) calling(t *testing.T, caller, query string) *calling {
	t.Helper()
	l, status := w.dialLine(t, "/v1/realtime"+query, caller)
	if l == nil {
		t.Fatalf("as %s: %d", caller, status)
	}
	t.Cleanup(func() { _ = l.ws.CloseNow() })
	c := &calling{t, l.ws}
	if _, data, err := l.ws.Read(t.Context()); err != nil || !strings.Contains(string(data), "session.created") {
		t.Fatalf("%s, %v", data, err)
	}
	return c
}

func (c *calling) say(s string) {
	c.t.Helper()
	if err := c.ws.Write(c.t.Context(), websocket.MessageText, []byte(s)); err != nil {
		c.t.Fatal(err)
	}
}

// heard gives what came so far: types, and of errors the codes.
func (c *calling) heard(t *testing.T) (all []string) {
	t.Helper()
	synctest.Wait()
	c.say(`{"type":"end"}`)
	for {
		_, data, err := c.ws.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var e struct {
			Type  string
			Error struct{ Code string }
		}
		if err := json.Unmarshal(data, &e); err != nil {
			t.Fatal(err)
		}
		switch {
		case e.Error.Code == realtime.CodeUnknownEvent:
			return all
		case e.Type == "error":
			all = append(all, e.Error.Code)
		default:
			all = append(all, e.Type)
		}
	}
}

// Whoever's key is revoked, or expires, while it is connected, is let go with the
// code for it within about three seconds, and what it says then is not done.
func TestEventsOfAKeyThatEnded(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/ws", "/v1/realtime"} {
		for caller, why := range map[string]error{"kims": auth.ErrExpired, "lees": auth.ErrRevoked, "backends": auth.ErrRevoked, "operators": auth.ErrExpired} {
			synctest.Test(t, func(t *testing.T) {
				w := newFuzzWorld(t, 0)
				l, status := w.dialLine(t, path, caller)
				if l == nil {
					t.Fatalf("%s as %s: %d", path, caller, status)
				}
				defer l.ws.CloseNow()
				if path == "/ws" {
					l.say(t, websocket.MessageText, []byte(`{"type":"session.configure"}`))
				}
				if _, _, err := l.ws.Read(t.Context()); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				w.doors.close(caller, why)
				began := time.Now()
				var err error
				for err == nil {
					_, _, err = l.ws.Read(t.Context())
				}
				if code := websocket.CloseStatus(err); code != websocket.StatusCode(protocol.CloseRevoked) || time.Since(began) > 3*time.Second {
					t.Errorf("%s as %s: closed with %d after %v", path, caller, code, time.Since(began))
				}
				if err := l.ws.Write(t.Context(), websocket.MessageText, []byte(`{"type":"text","text":"one more"}`)); err == nil {
					t.Errorf("%s as %s: it may go on", path, caller)
				}
				if again, status := w.dialLine(t, path, caller); again != nil || status != http.StatusUnauthorized {
					t.Errorf("%s as %s, again: %d", path, caller, status)
				}
				time.Sleep(time.Second)
				if len(w.kept) != 0 {
					t.Errorf("%s as %s: what was said with a revoked key was done", path, caller)
				}
			})
		}
	}
}
