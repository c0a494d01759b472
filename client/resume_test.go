package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sori/client"
	"sori/protocol"
)

// lives runs another play for each connection that is let in, and gives the
// address. A nil play answers the handshake with the status instead.
func lives(t *testing.T, status int, plays ...func(p *peer, query string)) string {
	t.Helper()
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i := int(n.Add(1)) - 1
		if i >= len(plays) {
			t.Errorf("connection %d: nobody expects it", i+1)
			return
		}
		if plays[i] == nil {
			http.Error(w, "not now", status)
			return
		}
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Errorf("accept: %v", err)
			return
		}
		defer ws.CloseNow()
		plays[i](&peer{t: t, ws: ws}, r.URL.RawQuery)
	}))
	t.Cleanup(srv.Close)
	return "ws" + strings.TrimPrefix(srv.URL, "http") + "/ws?as=before"
}

func ready() protocol.Ready {
	return protocol.Ready{Session: "s 1", Resume: protocol.Resumption{Key: "secret"}}
}

// configured is a client with a session that it may resume.
func configured(t *testing.T, address string) *client.Conn {
	t.Helper()
	c, err := client.Dial(t.Context(), address, client.Options{Resume: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	if _, err := c.Configure(t.Context(), protocol.Configure{}, nil); err != nil {
		t.Fatal(err)
	}
	return c
}

// first opens the session, says two things, and takes so many frames.
func first(frames int, then func(p *peer)) func(*peer, string) {
	return func(p *peer, query string) {
		if query != "as=before" {
			p.t.Errorf("the first handshake says %q", query)
		}
		p.hear()
		p.send(0, ready(), protocol.Pong{ID: "2"}, protocol.Pong{ID: "3"})
		for range frames {
			p.hear()
		}
		then(p)
	}
}

// resumes wants session.resume with this knowledge, and answers it.
func (p *peer) resumes(query string, knows protocol.Resume, with protocol.Event) {
	p.t.Helper()
	if query != "as=before&resume=s+1" {
		p.t.Errorf("the handshake says %q", query)
	}
	knows.Session, knows.Key = "s 1", "secret"
	if m, _ := p.hear(); m != knows {
		p.t.Errorf("it resumes with %+v, want %+v", m, knows)
	}
	p.seq = knows.Seen - 1 // session.resumed takes no number
	p.send(0, with)
	p.seq = knows.Seen
}

// typed gives the texts that the client sends until it stops.
func (p *peer) typed(n int) (texts []string) {
	for range n {
		if m, ok := message(p.hear()).(protocol.Text); ok {
			texts = append(texts, m.Text)
		}
	}
	return texts
}

func message(m protocol.ClientMessage, _ int) protocol.ClientMessage { return m }

func types(t *testing.T, c *client.Conn, from, to int) {
	t.Helper()
	for n := from; n <= to; n++ {
		if err := c.Send(t.Context(), protocol.Text{Text: fmt.Sprint(n)}); err != nil {
			t.Fatal(err)
		}
	}
}

func receive(t *testing.T, c *client.Conn) client.Message {
	t.Helper()
	m, err := c.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// After a connection broke, Receive gives session.resumed, what the server has
// not got is sent again, in order, and numbers go on.
func TestReceiveResumes(t *testing.T) {
	t.Parallel()
	again, later := make(chan []string, 1), make(chan []string, 1)
	c := configured(t, lives(t, http.StatusServiceUnavailable,
		first(4, func(p *peer) { p.send(0, protocol.Ack{Received: 1}) }),
		nil, // busy: tried once more
		func(p *peer, query string) {
			p.resumes(query, protocol.Resume{Seen: 3, Forgotten: 1}, protocol.Resumed{Session: "s 1", Received: 2, Lost: 5})
			again <- p.typed(2)
			p.send(0, protocol.Pong{ID: "4"})
			later <- p.typed(1)
			p.hear()
		},
	))
	for range 2 {
		receive(t, c)
	}
	types(t, c, 1, 4)
	m := receive(t, c) // the ack is not for the caller
	if r, ok := m.Event.(protocol.Resumed); !ok || r.Received != 2 || r.Lost != 5 || m.Outage <= 0 {
		t.Fatalf("got %+v", m)
	}
	if got := <-again; !slices.Equal(got, []string{"3", "4"}) {
		t.Errorf("it says again %q", got)
	}
	if m := receive(t, c); m.Event != (protocol.Pong{ID: "4"}) || m.Head.Seq != 4 {
		t.Errorf("it goes on with %+v", m)
	}
	types(t, c, 5, 5)
	if got := <-later; !slices.Equal(got, []string{"5"}) {
		t.Errorf("then it says %q", got)
	}
}

// A process that knows less of the session than the client does learns which
// numbers were used, and which turn waits for its end.
func TestResumeSaysWhatTheClientKnows(t *testing.T) {
	t.Parallel()
	c := configured(t, lives(t, 0,
		first(2, func(p *peer) {
			p.send(7, protocol.TurnStarted{ID: "seven"})
			p.send(0, protocol.Ack{Received: 1})
		}),
		func(p *peer, query string) {
			p.resumes(query, protocol.Resume{Seen: 4, Forgotten: 1, Turn: 7, Live: "seven"}, protocol.Resumed{Session: "s 1", Received: 1})
			p.hear()
			p.send(7, protocol.TurnDone{})
		},
		func(p *peer, query string) {
			p.resumes(query, protocol.Resume{Seen: 5, Forgotten: 1, Turn: 7}, protocol.Resumed{Session: "s 1", Received: 2})
			p.hear()
		},
	))
	for range 2 {
		receive(t, c)
	}
	types(t, c, 1, 2)
	for resumed := 0; resumed < 2; {
		if _, ok := receive(t, c).Event.(protocol.Resumed); ok {
			resumed++
		}
	}
}

// A server that goes away says when to come back.
func TestResumeComesBackWhenItWasTold(t *testing.T) {
	t.Parallel()
	c := configured(t, lives(t, 0,
		first(0, func(p *peer) {
			p.send(0, protocol.GoingAway{DelayMS: 300, Reason: "a new version"})
			_ = p.ws.Close(websocket.StatusServiceRestart, "")
		}),
		func(p *peer, query string) {
			p.resumes(query, protocol.Resume{Seen: 3}, protocol.Resumed{Session: "s 1"})
			p.hear()
		},
	))
	began := time.Now()
	for {
		m := receive(t, c)
		if _, ok := m.Event.(protocol.Resumed); ok {
			if m.Outage < 300*time.Millisecond || time.Since(began) < m.Outage {
				t.Errorf("it came back after %v", m.Outage)
			}
			return
		}
	}
}

// What can't be mended is told, with the reason.
func TestReceiveGivesUp(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		second func(*peer, string)
		says   string
	}{
		"the session is over": {0, func(p *peer, query string) {
			p.resumes(query, protocol.Resume{Seen: 3}, protocol.Problem{Code: protocol.ErrNoSession, Message: "It is over."})
			p.hear()
		}, "It is over."},
		"the key is refused": {http.StatusUnauthorized, nil, "401"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := configured(t, lives(t, tc.status, first(0, func(*peer) {}), tc.second))
			for range 2 {
				receive(t, c)
			}
			_, err := c.Receive(t.Context())
			if end, ok := errors.AsType[*client.CloseError](err); !ok || !strings.Contains(end.Error(), tc.says) {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("it was taken over", func(t *testing.T) {
		t.Parallel()
		c := configured(t, lives(t, 0, first(0, func(p *peer) { _ = p.ws.Close(websocket.StatusCode(protocol.CloseTaken), "") })))
		for range 2 {
			receive(t, c)
		}
		_, err := c.Receive(t.Context())
		if end, ok := errors.AsType[*client.CloseError](err); !ok || end.Code != protocol.CloseTaken {
			t.Errorf("got %v", err)
		}
	})
}
