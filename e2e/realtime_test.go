//go:build e2e

package e2e_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// rt is a plain client of the OpenAI Realtime API, without any library of
// OpenAI's.
type rt struct {
	t    *testing.T
	ws   *websocket.Conn
	mu   sync.Mutex
	got  []rtEvent
	more chan struct{} // something came
	over chan error    // why the connection ended
}

// rtEvent is what the tests look at in a server event.
type rtEvent struct {
	Type       string  `json:"type"`
	EventID    string  `json:"event_id"`
	ItemID     string  `json:"item_id"`
	ResponseID string  `json:"response_id"`
	Delta      string  `json:"delta"`
	Transcript string  `json:"transcript"`
	Text       string  `json:"text"`
	Arguments  string  `json:"arguments"`
	Previous   *string `json:"previous_item_id"`
	Item       struct {
		ID, Type, Status, Role string
		CallID                 string `json:"call_id"`
		Content                []struct{ Audio []byte }
	} `json:"item"`
	Response struct {
		ID, Status string
		Details    struct{ Reason string } `json:"status_details"`
		Output     []json.RawMessage
		Usage      struct {
			Total int `json:"total_tokens"`
		}
	} `json:"response"`
	Error struct {
		Code    string
		EventID *string `json:"event_id"`
	} `json:"error"`
	Session map[string]json.RawMessage `json:"session"`
}

// dialRealtime connects and waits for session.created.
func dialRealtime(t *testing.T, s *sori, query string) *rt {
	t.Helper()
	ws, _, err := websocket.Dial(t.Context(), "ws://"+s.addr+"/v1/realtime"+query, &websocket.DialOptions{Subprotocols: []string{"realtime", "openai-insecure-api-key.ek_secret"}})
	if err != nil {
		t.Fatal(err)
	}
	if ws.Subprotocol() != "realtime" {
		t.Errorf("subprotocol %q", ws.Subprotocol())
	}
	ws.SetReadLimit(16 << 20)
	r := &rt{t: t, ws: ws, more: make(chan struct{}, 1), over: make(chan error, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { r.listen(ctx) })
	t.Cleanup(func() {
		cancel()
		_ = ws.CloseNow()
		wg.Wait()
	})
	r.until("session.created")
	return r
}

func (r *rt) listen(ctx context.Context) {
	for {
		_, frame, err := r.ws.Read(ctx)
		if err != nil {
			r.over <- err
			return
		}
		var e rtEvent
		if err := json.Unmarshal(frame, &e); err != nil {
			r.t.Errorf("%s: %v", frame, err)
		}
		r.mu.Lock()
		r.got = append(r.got, e)
		r.mu.Unlock()
		select {
		case r.more <- struct{}{}:
		default:
		}
	}
}

func (r *rt) send(event string) {
	r.t.Helper()
	if err := r.ws.Write(r.t.Context(), websocket.MessageText, []byte(event)); err != nil {
		r.t.Fatal(err)
	}
}

// say appends sound in pieces of 100 ms, as fast as it goes.
func (r *rt) say(pcm []byte, rate int) {
	r.t.Helper()
	for piece := range slices.Chunk(pcm, rate/10*2) {
		r.send(`{"type":"input_audio_buffer.append","audio":"` + base64.StdEncoding.EncodeToString(piece) + `"}`)
	}
}

var errLate = errors.New("it did not come in time")

// await waits until a number of events of a type came, and gives the last.
func (r *rt) await(kind string, n int) (rtEvent, error) {
	limit := time.After(40 * time.Second)
	for {
		r.mu.Lock()
		seen := 0
		for _, e := range r.got {
			if e.Type == kind {
				if seen++; seen == n {
					r.mu.Unlock()
					return e, nil
				}
			}
		}
		r.mu.Unlock()
		select {
		case <-r.more:
		case <-limit:
			return rtEvent{}, errLate
		}
	}
}

func (r *rt) until(kind string) rtEvent { r.t.Helper(); return r.nth(kind, 1) }

func (r *rt) nth(kind string, n int) rtEvent {
	r.t.Helper()
	e, err := r.await(kind, n)
	if err != nil {
		r.t.Fatalf("%s: %v; what came: %s", kind, err, strings.Join(r.kinds(), " "))
	}
	return e
}

// kinds are the types of what came, repeats written once.
func (r *rt) kinds() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ks []string
	for _, e := range r.got {
		ks = append(ks, e.Type)
	}
	return slices.Compact(ks)
}

// sound is all the audio that came, as it came.
func (r *rt) sound() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	var pcm []byte
	for _, e := range r.got {
		if e.Type == "response.output_audio.delta" || e.Type == "response.audio.delta" {
			b, err := base64.StdEncoding.DecodeString(e.Delta)
			if err != nil {
				r.t.Error(err)
			}
			pcm = append(pcm, b...)
		}
	}
	return pcm
}
