//go:build e2e

package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sori/client"
	"sori/protocol"
)

// wire is a WebSocket on which a test may send what no client would.
type wire struct {
	t    *testing.T
	conn *websocket.Conn
}

func dialRaw(t *testing.T, s *sori) *wire {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, resp, err := websocket.Dial(ctx, s.ws(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body != nil {
		resp.Body.Close()
	}
	conn.SetReadLimit(16 << 20)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &wire{t, conn}
}

func (w *wire) send(kind websocket.MessageType, data []byte) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	if err := w.conn.Write(ctx, kind, data); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) text(s string) { w.t.Helper(); w.send(websocket.MessageText, []byte(s)) }

// bits sends a message in frames of a byte each.
func (w *wire) bits(s string) {
	w.t.Helper()
	message, err := w.conn.Writer(w.t.Context(), websocket.MessageText)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range len(s) {
		if _, err := message.Write([]byte{s[i]}); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := message.Close(); err != nil {
		w.t.Fatal(err)
	}
}

// next gives the next event.
func (w *wire) next() (kind, code string, err error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	for {
		typ, data, err := w.conn.Read(ctx)
		if err != nil {
			return "", "", err
		}
		if typ != websocket.MessageText {
			continue
		}
		var e struct{ Type, Code, Message string }
		if err := json.Unmarshal(data, &e); err != nil {
			w.t.Fatalf("%q: %v", data, err)
		}
		if e.Type == "ack" {
			continue // what may be forgotten, whenever that is
		}
		if e.Type == "error" && len(e.Message) < 15 {
			w.t.Errorf("%s has no sentence: %q", e.Code, e.Message)
		}
		return e.Type, e.Code, nil
	}
}

const hello = `{"type":"session.configure"}`

// rubbishMessage is one thing that no client of /ws should send.
type rubbishMessage struct {
	unready bool // it is the first message
	send    func(*wire)
	code    string // of the error that answers it
}

// rubbishOverWebSocket has what is sent to /ws, and what answers it.
func rubbishOverWebSocket() map[string]rubbishMessage {
	binary := func(n int) func(*wire) {
		return func(w *wire) { w.send(websocket.MessageBinary, make([]byte, n)) }
	}
	text := func(msg string) func(*wire) { return func(w *wire) { w.text(msg) } }
	bits := func(msg string) func(*wire) { return func(w *wire) { w.bits(msg) } }
	return map[string]rubbishMessage{
		"audio before configure":  {true, binary(640), protocol.ErrNotConfigured},
		"commit before configure": {true, text(`{"type":"utterance.end"}`), protocol.ErrNotConfigured},
		"text before configure":   {true, text(`{"type":"text","text":"hi"}`), protocol.ErrNotConfigured},
		"broken JSON":             {false, text(`{"type":`), protocol.ErrBadJSON},
		"no object":               {false, text(`[1,2]`), protocol.ErrBadJSON},
		"nothing":                 {false, text(``), protocol.ErrBadJSON},
		"10,000 deep":             {false, text(`{"type":"ping","x":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`), protocol.ErrBadJSON},
		"unknown type":            {false, text(`{"type":"make.coffee"}`), protocol.ErrUnknownType},
		"no type":                 {false, text(`{}`), protocol.ErrBadMessage},
		"type is a number":        {false, text(`{"type":7}`), protocol.ErrBadMessage},
		"rate is silly":           {false, text(`{"type":"session.configure","input":{"encoding":"pcm_s16le","rate":1}}`), protocol.ErrBadMessage},
		"encoding unknown":        {false, text(`{"type":"session.configure","input":{"encoding":"mp3","rate":16000}}`), protocol.ErrBadMessage},
		"another user":            {false, text(`{"type":"session.configure","user":"somebody"}`), protocol.ErrUserSet},
		"text is too long":        {false, text(`{"type":"text","text":"` + strings.Repeat("a", 20_000) + `"}`), protocol.ErrBadMessage},
		"text is empty":           {false, text(`{"type":"text","text":"  "}`), protocol.ErrTextEmpty},
		"odd frame":               {false, binary(641), protocol.ErrOddFrame},
		"frame over the limit":    {false, binary(protocol.MaxAudioFrame + 2), protocol.ErrFrameTooLarge},
		"text over the limit":     {false, text(`{"type":"ping","x":"` + strings.Repeat("a", protocol.MaxTextFrame) + `"}`), protocol.ErrFrameTooLarge},
		"empty utterance":         {false, text(`{"type":"utterance.end"}`), protocol.ErrNothingSaid},
		"unknown profile":         {false, text(`{"type":"session.configure","profile":"nobody"}`), protocol.ErrNoProfile},
		"resume of nothing":       {true, text(`{"type":"session.resume","session":"x","key":"y","seen":0}`), protocol.ErrNoSession},
		"resume in the middle":    {false, text(`{"type":"session.resume","session":"x","key":"y","seen":0}`), protocol.ErrSessionOpen},
		"resume without a key":    {true, text(`{"type":"session.resume"}`), protocol.ErrBadMessage},
		"negative rate":           {false, text(`{"type":"session.configure","input":{"encoding":"pcm_s16le","rate":-16000}}`), protocol.ErrBadMessage},
		"rate is text":            {false, text(`{"type":"session.configure","input":{"encoding":"pcm_s16le","rate":"fast"}}`), protocol.ErrBadMessage},
		"user is empty":           {true, text(`{"type":"session.configure","user":""}`), protocol.ErrBadMessage},
		"user is a list":          {true, text(`{"type":"session.configure","user":["10"]}`), protocol.ErrBadMessage},
		"user with a zero byte":   {true, text(`{"type":"session.configure","user":"a\u0000b"}`), protocol.ErrBadMessage},
		"mode unknown":            {false, text(`{"type":"session.configure","turn_detection":{"mode":"psychic"}}`), protocol.ErrBadMessage},
		"cancel of text":          {false, text(`{"type":"turn.cancel","turn":"all"}`), protocol.ErrBadMessage},
		"text is a number":        {false, text(`{"type":"text","text":5}`), protocol.ErrBadMessage},
		"two objects":             {false, text(`{"type":"ping"}{"type":"ping"}`), protocol.ErrBadJSON},
		"a million brackets":      {false, text(strings.Repeat("[", protocol.MaxTextFrame)), protocol.ErrBadJSON},
		"number without end":      {false, text(`{"type":"turn.cancel","turn":` + strings.Repeat("9", 1000) + `}`), protocol.ErrBadMessage},
		"one byte of audio":       {false, binary(1), protocol.ErrOddFrame},
		"type twice":              {false, text(`{"type":"ping","type":"utterance.end"}`), protocol.ErrBadMessage},
		"type in capitals":        {false, text(`{"TYPE":"ping"}`), protocol.ErrBadMessage},
		"text in a thousand bits": {false, bits(`{"type":"utterance.end","x":"` + strings.Repeat("y", 970) + `"}`), protocol.ErrNothingSaid},
		"text that is no UTF-8":   {false, text("{\"type\":\"text\",\"text\":\"\xff\xfe\"}"), protocol.ErrBadJSON},
		"half an emoji":           {false, text(`{"type":"text","text":"\ud83d"}` + "x"), protocol.ErrBadJSON},
		"a user's path":           {true, text(`{"type":"session.configure","user":"../../etc/passwd\n"}`), protocol.ErrBadMessage},
		"a profile's path":        {false, text(`{"type":"session.configure","profile":"../../secrets"}`), protocol.ErrNoProfile},
		"result of no call":       {false, text(`{"type":"tool.result","id":"x","output":"y"}`), protocol.ErrNoCall},
	}
}

// Rubbish gets an error with a code that a client can act on; the session that
// sent it and the one beside it go on.
func TestRubbish(t *testing.T) {
	t.Parallel()
	s := serve(t, scriptedArgs(scripted(t))...)
	for name, c := range rubbishOverWebSocket() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := dialRaw(t, s)
			if !c.unready {
				w.text(hello)
				if kind, _, err := w.next(); kind != "session.ready" {
					t.Fatalf("%s %v", kind, err)
				}
			}
			c.send(w)
			if kind, code, err := w.next(); kind != "error" || code != c.code {
				t.Fatalf("answered with %s %s %v, want error %s", kind, code, err, c.code)
			}
			w.text(`{"type":"ping"}`) // the session goes on
			if kind, _, err := w.next(); kind != "pong" {
				t.Errorf("after it: %s %v", kind, err)
			}
		})
	}
	t.Run("a healthy session beside them", func(t *testing.T) {
		t.Parallel()
		healthy(t, s)
	})
}

func TestAMessageThatIsMuchTooLargeEndsTheConnection(t *testing.T) {
	t.Parallel()
	s := serve(t)
	w := dialRaw(t, s)
	w.text(hello)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_ = w.conn.Write(ctx, websocket.MessageBinary, make([]byte, protocol.MaxMessage+1))
	for {
		if _, _, err := w.next(); err != nil {
			if got := websocket.CloseStatus(err); got != websocket.StatusMessageTooBig {
				t.Errorf("closed with %v (%v), want %v", got, err, websocket.StatusMessageTooBig)
			}
			return
		}
	}
}

// An utterance over the limit is ended and answered, not lost.
func TestAnUtteranceOverTheLimit(t *testing.T) {
	t.Parallel()
	s := serve(t, "--max-utterance", "2s")
	w := dialRaw(t, s)
	w.text(hello)
	for range 30 {
		w.send(websocket.MessageBinary, make([]byte, 3200))
	}
	var kinds []string
	for {
		kind, code, err := w.next()
		if err != nil {
			t.Fatalf("%v; %v", err, kinds)
		}
		kinds = append(kinds, kind+" "+code)
		if kind == "turn.failed" { // silence: but it was taken, asked about and recorded
			break
		}
	}
	if !strings.Contains(strings.Join(kinds, ","), "warning "+protocol.WarnUtteranceLimit) {
		t.Errorf("no warning: %v", kinds)
	}
	turnsOf(t, s, "10", 1)
}

// A client that vanishes, in the middle of a frame or of the reply: its turn is
// recorded, and nothing is left of its session.
func TestClientsThatVanish(t *testing.T) {
	t.Parallel()
	s := serve(t, "--resume-wait", "1s") // then nobody comes back
	t.Run("in mid-reply", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		conn, err := client.Dial(ctx, s.ws(), client.Options{})
		if err != nil {
			t.Fatal(err)
		}
		user := "vanished"
		if _, err := conn.Configure(ctx, protocol.Configure{User: &user}, nil); err != nil {
			t.Fatal(err)
		}
		if err := conn.Send(ctx, protocol.Text{Text: "what can you do"}); err != nil {
			t.Fatal(err)
		}
		for {
			m, err := conn.Receive(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if m.Audio != nil {
				break
			}
		}
		_ = conn.CloseNow()
		if got := turnsOf(t, s, user, 1); got[0] != "what can you do" {
			t.Errorf("recorded %q", got)
		}
	})
	t.Run("in mid-frame", func(t *testing.T) {
		conn, err := net.Dial("tcp", s.addr) //nolint:noctx // a raw socket
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", s.addr)
		if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "101") {
			t.Fatalf("%q %v", line, err)
		}
		_, _ = conn.Write([]byte{0x82, 0xfe, 0x0c, 0x80, 1, 2, 3, 4, 0, 0, 0})
		conn.Close()
	})
	deadline := time.Now().Add(10 * time.Second)
	for {
		h := struct{ Sessions int }{-1}
		s.get("/readyz", &h)
		if h.Sessions == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d sessions are left of clients that have gone", h.Sessions)
		}
		time.Sleep(50 * time.Millisecond) // polled
	}
}
