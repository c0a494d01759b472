package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sori/client"
	"sori/history"
	"sori/protocol"
	"sori/stage"
)

// peer is the server's side of one connection.
type peer struct {
	t   *testing.T
	ws  *websocket.Conn
	seq uint64
}

// serve runs play for each connection and gives the address.
func serve(t *testing.T, play func(p *peer)) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Errorf("accept: %v", err)
			return
		}
		defer ws.CloseNow()
		play(&peer{t: t, ws: ws})
	}))
	t.Cleanup(srv.Close)
	return "ws" + strings.TrimPrefix(srv.URL, "http") + "/ws"
}

func (p *peer) send(turn int, events ...protocol.Event) {
	p.t.Helper()
	for _, e := range events {
		p.seq++
		text, err := protocol.AppendEvent(nil, protocol.Head{Seq: p.seq, Turn: turn}, e)
		if err != nil {
			p.t.Errorf("encode %s: %v", e.Type(), err)
		}
		if err := p.ws.Write(p.t.Context(), websocket.MessageText, text); err != nil {
			return
		}
	}
}

func (p *peer) audio(n int) {
	p.seq++
	_ = p.ws.Write(p.t.Context(), websocket.MessageBinary, make([]byte, n))
}

// hear gives the next message that is no ping, and how much audio came before
// it. Pings are answered.
func (p *peer) hear() (m protocol.ClientMessage, audio int) {
	for {
		kind, data, err := p.ws.Read(p.t.Context())
		if err != nil {
			return nil, audio
		}
		if kind == websocket.MessageBinary {
			audio += len(data)
			continue
		}
		m, err := protocol.DecodeClient(data)
		if err != nil {
			p.t.Errorf("decode: %v", err)
		}
		if ping, ok := m.(protocol.Ping); ok {
			p.send(0, protocol.Pong(ping))
			continue
		}
		return m, audio
	}
}

func dial(t *testing.T, address string) *client.Conn {
	t.Helper()
	c, err := client.Dial(t.Context(), address, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	return c
}

func TestAskSpeech(t *testing.T) {
	t.Parallel()
	heard := make(chan int, 1)
	c := dial(t, serve(t, func(p *peer) {
		p.hear()
		p.send(0, protocol.Ready{Session: "s", User: "u"})
		_, n := p.hear()
		heard <- n
		p.send(1, protocol.TurnStarted{ID: "t1", Source: protocol.FromSpeech})
		p.send(1, protocol.StageDone{Stage: stage.ATOT, Text: "hi"}, protocol.AudioBegin{})
		p.audio(640)
		p.audio(320)
		p.send(1, protocol.AudioEnd{Bytes: 960}, protocol.TurnDone{Record: history.Turn{ID: "t1", ATOTText: "hi"}})
		p.hear()
	}))
	ready, err := c.Configure(t.Context(), protocol.Configure{}, nil)
	if err != nil || ready.Session != "s" {
		t.Fatalf("ready %+v, %v", ready, err)
	}
	var seen []string
	began, said := time.Now(), false
	a, err := c.Ask(t.Context(), client.Turn{PCM: make([]byte, 4_810), Rate: 16_000}, func(m client.Message) {
		if m.Audio != nil {
			seen = append(seen, "audio")
		} else {
			seen = append(seen, m.Event.Type())
		}
		if want := uint64(len(seen)) + 1; m.Head.Seq != want {
			t.Errorf("message %d has number %d", want, m.Head.Seq)
		}
	}, func() { said = true })
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(seen, " "); got != "turn.started atot.done audio.begin audio audio audio.end turn.done" {
		t.Errorf("saw %s", got)
	}
	if n := <-heard; n != 4_810 {
		t.Errorf("the server heard %d bytes", n)
	}
	if d, ok := a.Delay(); !ok || d < 0 || !said || !a.Done() || a.Record.ID != "t1" || len(a.Audio) != 960 || a.Problem != nil {
		t.Errorf("record %+v, problem %+v, %d bytes of audio, delay %v %t, said %t", a.Record, a.Problem, len(a.Audio), d, ok, said)
	}
	if d := a.Said.Sub(began); d < 150*time.Millisecond {
		t.Errorf("150 ms of speech were said in %v", d)
	}
	if err := c.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestAskTextAndRefusal(t *testing.T) {
	t.Parallel()
	c := dial(t, serve(t, func(p *peer) {
		p.hear()
		p.send(0, protocol.Problem{Code: protocol.ErrTextEmpty, Message: "Say something."})
		m, _ := p.hear()
		p.send(1, protocol.TurnStarted{}, protocol.TurnFailed{Code: "x", Record: history.Turn{ATOTText: m.(protocol.Text).Text}})
		p.hear()
	}))
	a, err := c.Ask(t.Context(), client.Turn{Text: "a"}, nil, nil)
	if err != nil || a.Problem == nil || a.Problem.Code != protocol.ErrTextEmpty || a.Done() || a.Message.Event != nil {
		t.Errorf("answer %+v, %v", a, err)
	}
	a, err = c.Ask(t.Context(), client.Turn{Text: "b"}, nil, nil)
	if err != nil || a.Problem != nil || a.Done() || a.Record.ATOTText != "b" {
		t.Errorf("answer %+v, %v", a, err)
	}
}

// Speech over the server's limit makes a turn while the user still speaks. The
// answer is that of the last turn.
func TestAskOverTheLimit(t *testing.T) {
	t.Parallel()
	c := dial(t, serve(t, func(p *peer) {
		for n := 0; n < 3_200; { // the first tenth of a second
			_, data, err := p.ws.Read(p.t.Context())
			if err != nil {
				return
			}
			n += len(data)
		}
		p.send(1, protocol.TurnStarted{}, protocol.TurnDone{Record: history.Turn{Number: 1}})
		p.hear()
		p.send(2, protocol.TurnStarted{}, protocol.TurnDone{Record: history.Turn{Number: 2}})
		p.hear()
	}))
	a, err := c.Ask(t.Context(), client.Turn{PCM: make([]byte, 9_600), Rate: 16_000}, nil, nil)
	if err != nil || a.Record.Number != 2 {
		t.Errorf("answer %+v, %v", a, err)
	}
}

func TestAskOnABrokenConnection(t *testing.T) {
	t.Parallel()
	c := dial(t, serve(t, func(p *peer) {
		_, _, _ = p.ws.Read(p.t.Context())
		_ = p.ws.Close(websocket.StatusCode(protocol.CloseSlowReader), "read faster")
	}))
	_, err := c.Ask(t.Context(), client.Turn{PCM: make([]byte, 320_000), Rate: 16_000}, nil, nil)
	if end, ok := errors.AsType[*client.CloseError](err); !ok || end.Code != protocol.CloseSlowReader || end.Reason != "read faster" {
		t.Errorf("error %v", err)
	}
}

func TestAskTimeout(t *testing.T) {
	t.Parallel()
	c := dial(t, serve(t, func(p *peer) { p.hear(); p.send(1, protocol.TurnStarted{}); p.hear() }))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Ask(ctx, client.Turn{Text: "a"}, nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestUnknownEventsAreSeen(t *testing.T) {
	t.Parallel()
	c := dial(t, serve(t, func(p *peer) {
		_ = p.ws.Write(p.t.Context(), websocket.MessageText, []byte(`{"type":"new.thing","seq":7,"turn":0,"ms":1}`))
		_ = p.ws.Write(p.t.Context(), websocket.MessageText, []byte(`nonsense`))
		p.hear()
	}))
	m, err := c.Receive(t.Context())
	if err != nil || m.Event != nil || m.Head.Seq != 7 || len(m.Text) == 0 {
		t.Errorf("message %+v, %v", m, err)
	}
	if m, err = c.Receive(t.Context()); err == nil {
		t.Errorf("nonsense was taken for %+v", m)
	}
}

func TestDialErrors(t *testing.T) {
	t.Parallel()
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "too many sessions", http.StatusServiceUnavailable)
	}))
	t.Cleanup(busy.Close)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, tt := range []struct{ name, address, want string }{
		{"no address", "127.0.0.1:5000", "looks like ws://"},
		{"wrong scheme", "http://127.0.0.1:5000/ws", "looks like ws://"},
		{"refused", "ws" + strings.TrimPrefix(busy.URL, "http"), "503 Service Unavailable instead of opening a session. It says: too many sessions"},
		{"nobody", "ws" + strings.TrimPrefix(gone.URL, "http"), "Is `sori serve` running there?"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := client.Dial(t.Context(), tt.address, client.Options{})
			if wrong, ok := errors.AsType[*client.DialError](err); !ok || !strings.Contains(wrong.Message, tt.want) {
				t.Errorf("error %v, want %q in it", err, tt.want)
			}
		})
	}
}
