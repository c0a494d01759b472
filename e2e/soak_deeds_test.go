//go:build e2e

package e2e_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket"

	"sori/client"
	"sori/protocol"
)

// kinds are the deeds of a soak's clients. Each leaves nothing behind.
func (k *soak) kinds() map[string]func(context.Context, int) error {
	return map[string]func(context.Context, int) error{
		"talk": k.talk, "interrupt": k.interrupt, "vanish and come back": k.comeBack, "vanish for good": k.vanish,
		"REST": k.rest, "Realtime": k.realtime, "hostile": k.hostile, "do not read": k.deaf,
	}
}

func (k *soak) open(ctx context.Context, who int, resume time.Duration) (*client.Conn, error) {
	conn, err := client.Dial(ctx, k.s.ws(), client.Options{Resume: resume})
	if err != nil {
		return nil, err
	}
	c := format(markedRate)
	c.User = new(fmt.Sprintf("soak-%d", who))
	if _, err := conn.Configure(ctx, c, nil); err != nil {
		return nil, errors.Join(err, conn.CloseNow())
	}
	return conn, nil
}

var errNotDone = errors.New("the turn did not go well")

// talk says two things and says goodbye.
func (k *soak) talk(ctx context.Context, who int) error {
	conn, err := k.open(ctx, who, 0)
	if err != nil {
		return err
	}
	defer conn.CloseNow()
	for n := range 2 {
		a, err := conn.Ask(ctx, client.Turn{PCM: marked(k.speech, who, n, 30), Rate: markedRate, Fast: n == 0}, nil, nil)
		if err != nil {
			return err
		}
		if !a.Done() {
			return errNotDone
		}
	}
	return conn.Close()
}

// interrupt types over the reply, again and again.
func (k *soak) interrupt(ctx context.Context, who int) error {
	conn, err := k.open(ctx, who, 0)
	if err != nil {
		return err
	}
	defer conn.CloseNow()
	for range 4 {
		if err := conn.Send(ctx, protocol.Text{Text: "what can you do"}); err != nil {
			return err
		}
		pause(ctx, 150*time.Millisecond)
	}
	for ended := 0; ended < 4; {
		m, err := conn.Receive(ctx)
		if err != nil {
			return err
		}
		if _, ok := client.Terminal(m.Event); ok {
			ended++
		}
	}
	return conn.Close()
}

// comeBack resumes its session in the middle of a reply, by another connection.
func (k *soak) comeBack(ctx context.Context, who int) error {
	first, ready, err := k.bare(ctx, who)
	if err != nil {
		return err
	}
	if err := first.Write(ctx, websocket.MessageText, []byte(`{"type":"text","text":"what can you do"}`)); err != nil {
		return errors.Join(err, first.CloseNow())
	}
	pause(ctx, 100*time.Millisecond)
	if err := first.CloseNow(); err != nil {
		return err
	}
	ws, resp, err := websocket.Dial(ctx, k.s.ws(), nil)
	if err != nil {
		return err
	}
	if resp.Body != nil {
		_ = resp.Body.Close()
	}
	defer ws.CloseNow()
	ws.SetReadLimit(16 << 20)
	resume, err := protocol.EncodeClient(protocol.Resume{Session: ready.Session, Key: ready.Resume.Key, Seen: 1})
	if err != nil {
		return err
	}
	if err := ws.Write(ctx, websocket.MessageText, resume); err != nil {
		return err
	}
	if err := until(ctx, ws, "turn.done"); err != nil {
		return err
	}
	return ws.Close(websocket.StatusNormalClosure, "")
}

// bare opens a session without the client library.
func (k *soak) bare(ctx context.Context, who int) (*websocket.Conn, protocol.Ready, error) {
	ws, resp, err := websocket.Dial(ctx, k.s.ws(), nil)
	if err != nil {
		return nil, protocol.Ready{}, err
	}
	if resp.Body != nil {
		_ = resp.Body.Close()
	}
	ws.SetReadLimit(16 << 20)
	err = ws.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"type":"session.configure","user":"soak-%d"}`, who))
	if err != nil {
		return nil, protocol.Ready{}, errors.Join(err, ws.CloseNow())
	}
	_, data, err := ws.Read(ctx)
	if err != nil {
		return nil, protocol.Ready{}, errors.Join(err, ws.CloseNow())
	}
	_, e, err := protocol.DecodeEvent(data)
	ready, ok := e.(protocol.Ready)
	if err != nil || !ok {
		return nil, ready, errors.Join(fmt.Errorf("%.200q is no session.ready", data), err, ws.CloseNow())
	}
	return ws, ready, nil
}

// until reads to an event.
func until(ctx context.Context, ws *websocket.Conn, kind string) error {
	for {
		typ, data, err := ws.Read(ctx)
		if err != nil {
			return fmt.Errorf("before %s: %w", kind, err)
		}
		var e struct{ Type string }
		if typ == websocket.MessageText && json.Unmarshal(data, &e) == nil && e.Type == kind {
			return nil
		}
	}
}

// vanish leaves in the middle of a reply.
func (k *soak) vanish(ctx context.Context, who int) error {
	ws, _, err := k.bare(ctx, who)
	if err != nil {
		return err
	}
	err = ws.Write(ctx, websocket.MessageText, []byte(`{"type":"text","text":"what can you do"}`))
	pause(ctx, 80*time.Millisecond)
	return errors.Join(err, ws.CloseNow())
}

// rest asks for a run, and for what is kept.
func (k *soak) rest(ctx context.Context, who int) error {
	call := func(method, path, body string, want int) error {
		req, err := http.NewRequestWithContext(ctx, method, k.s.url()+path, strings.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return err
		}
		if resp.StatusCode != want {
			return fmt.Errorf("%s %s: %d", method, path, resp.StatusCode)
		}
		return nil
	}
	user := fmt.Sprintf("soak-%d", who)
	return errors.Join(
		call(http.MethodPost, "/run-full-pipeline", `{"text":"hello","user_id":"`+user+`"}`, http.StatusOK),
		call(http.MethodGet, "/users/"+user+"/turns?limit=20", "", http.StatusOK),
		call(http.MethodPost, "/run-full-pipeline", `{"text":`, http.StatusBadRequest),
		call(http.MethodPost, "/v1/chat/completions", `{"model":"x","messages":[{"role":"user","content":"hello"}]}`, http.StatusOK),
	)
}

// realtime speaks, is answered, and asks for one more response.
func (k *soak) realtime(ctx context.Context, who int) error {
	ws, resp, err := websocket.Dial(ctx, "ws://"+k.s.addr+"/v1/realtime?user=soak-"+fmt.Sprint(who), nil)
	if err != nil {
		return err
	}
	if resp.Body != nil {
		_ = resp.Body.Close()
	}
	defer ws.CloseNow()
	ws.SetReadLimit(16 << 20)
	send := func(text string) { err = errors.Join(err, ws.Write(ctx, websocket.MessageText, []byte(text))) }
	send(`{"type":"session.update","session":{"type":"realtime","audio":{"input":{"format":{"type":"audio/pcm","rate":16000},"turn_detection":null}}}}`)
	for piece := range slices.Chunk(marked(k.speech, who, 0, 30), 6400) {
		send(`{"type":"input_audio_buffer.append","audio":"` + base64.StdEncoding.EncodeToString(piece) + `"}`)
	}
	send(`{"type":"input_audio_buffer.commit"}`)
	send(`{"type":"response.create"}`)
	send(`{"type":"make.coffee"}`)
	if err != nil {
		return err
	}
	if err := until(ctx, ws, "response.done"); err != nil {
		return err
	}
	send(`{"type":"response.create"}`)
	pause(ctx, 50*time.Millisecond)
	return errors.Join(err, ws.Close(websocket.StatusNormalClosure, ""))
}

// hostile sends what nobody should.
func (k *soak) hostile(ctx context.Context, who int) error {
	for i, end := range []string{"ping", "large", "many"} {
		ws, _, err := k.bare(ctx, who)
		if err != nil {
			return err
		}
		for _, bad := range []string{`{"type":`, `[1]`, `{"type":"make.coffee"}`, strings.Repeat("[", 1000), `{"type":"text","text":""}`} {
			err = errors.Join(err, ws.Write(ctx, websocket.MessageText, []byte(bad)))
		}
		err = errors.Join(err, ws.Write(ctx, websocket.MessageBinary, make([]byte, 641)))
		if err != nil {
			return errors.Join(err, ws.CloseNow())
		}
		switch end {
		case "ping":
			err = errors.Join(ws.Write(ctx, websocket.MessageText, []byte(`{"type":"ping"}`)), until(ctx, ws, "pong"))
		case "large":
			_ = ws.Write(ctx, websocket.MessageBinary, make([]byte, protocol.MaxMessage+1))
		case "many":
			for range 150 {
				_ = ws.Write(ctx, websocket.MessageText, []byte(`{`))
			}
		}
		_ = ws.CloseNow()
		if err != nil {
			return fmt.Errorf("%d: %w", i, err)
		}
	}
	return nil
}

// deaf asks for a reply and does not read it.
func (k *soak) deaf(ctx context.Context, who int) error {
	ws, _, err := k.bare(ctx, who)
	if err != nil {
		return err
	}
	for range 5 {
		err = errors.Join(err, ws.Write(ctx, websocket.MessageText, []byte(`{"type":"text","text":"what can you do"}`)))
	}
	pause(ctx, 3*time.Second)
	return errors.Join(err, ws.CloseNow())
}
