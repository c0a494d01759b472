package server_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"sori/protocol"
	"sori/server"
	"sori/session"
)

// opened is a client whose session is configured, and what resumes it.
func (r *running) opened(t *testing.T) (*client, protocol.Ready) {
	t.Helper()
	c := r.connect(t)
	ready, ok := c.ask(`{"type":"session.configure"}`).(protocol.Ready)
	if !ok || ready.Resume.Key == "" {
		t.Fatalf("got %+v", ready)
	}
	return c, ready
}

func resuming(ready protocol.Ready, seen uint64) string {
	return fmt.Sprintf(`{"type":"session.resume","session":%q,"key":%q,"seen":%d}`, ready.Session, ready.Resume.Key, seen)
}

// cut breaks the connection without a word.
func (c *client) cut() {
	c.ws.CloseNow()
	synctest.Wait()
}

func TestAClientComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		presence := make(chan session.Input, 4)
		r := start(t, server.Config{NewSession: func(o session.Options) server.Session {
			f := newFakeSession()
			f.key, f.presence = o.ResumeKey, presence
			return f
		}})
		c, ready := r.opened(t)
		for i := range 5 {
			c.ask(fmt.Sprintf(`{"type":"ping","id":"%d"}`, i))
		}
		c.cut()
		if in := <-presence; in.Presence != session.Left || r.Sessions() != 1 {
			t.Fatalf("got %+v with %d sessions", in, r.Sessions())
		}
		time.Sleep(time.Minute)
		c = r.connect(t)
		c.text(resuming(ready, 4))
		head, e := c.event()
		if e != (protocol.Resumed{Session: ready.Session, Received: 5}) || head.Seq != 4 {
			t.Fatalf("resumed with %+v, %+v", head, e)
		}
		for seq := uint64(5); seq <= 6; seq++ {
			if head, e := c.event(); head.Seq != seq || e != (protocol.Pong{ID: fmt.Sprint(seq - 2)}) {
				t.Errorf("number %d is %d, %+v", seq, head.Seq, e)
			}
		}
		if in := <-presence; in.Presence != session.Back {
			t.Errorf("got %+v", in)
		}
		c.text(`{"type":"ping","id":"on"}`)
		if head, e := c.event(); head.Seq != 7 || e != (protocol.Pong{ID: "on"}) {
			t.Errorf("goes on with %+v, %+v", head, e)
		}
	})
}

func TestASessionWaitsForItsClientAndEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{ResumeWait: 2 * time.Minute})
		c, ready := r.opened(t)
		c.cut()
		time.Sleep(2*time.Minute - time.Second)
		c = r.connect(t)
		c.ask(resuming(ready, 1))
		c.cut()
		time.Sleep(2*time.Minute + time.Second)
		synctest.Wait()
		if n := r.Sessions(); n != 0 {
			t.Errorf("%d sessions", n)
		}
		c = r.connect(t)
		if e, _ := c.ask(resuming(ready, 1)).(protocol.Problem); e.Code != protocol.ErrNoSession {
			t.Errorf("got %+v", e)
		}
		if _, ok := c.ask(`{"type":"session.configure"}`).(protocol.Ready); !ok {
			t.Error("the connection takes no new session")
		}
	})
}

func TestWhoMayNotResume(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{})
		c, ready := r.opened(t)
		thief := r.connect(t)
		for name, tc := range map[string]protocol.Ready{
			"a wrong key":         {Session: ready.Session, Resume: protocol.Resumption{Key: strings.Repeat("x", 22)}},
			"an unknown session":  {Session: "none", Resume: ready.Resume},
			"no key but a prefix": {Session: ready.Session, Resume: protocol.Resumption{Key: ready.Resume.Key[:5]}},
		} {
			thief.text(resuming(tc, 0))
			head, e := thief.event()
			if p, _ := e.(protocol.Problem); p.Code != protocol.ErrNoSession || head.Seq != 0 {
				t.Errorf("%s: got %+v, %+v", name, head, e)
			}
		}
		if e := c.ask(`{"type":"ping"}`); e != (protocol.Pong{}) {
			t.Errorf("the session says %+v", e)
		}
		if e, _ := c.ask(resuming(ready, 1)).(protocol.Problem); e.Code != protocol.ErrSessionOpen {
			t.Errorf("within a session: %+v", e)
		}
		if n := r.Sessions(); n != 2 { // the session, and the connection that has none
			t.Errorf("%d sessions", n)
		}
	})
}

func TestASecondConnectionTakesTheSessionOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{})
		first, ready := r.opened(t)
		second := r.connect(t)
		second.ask(resuming(ready, 1))
		if code, events := first.closed(); code != protocol.CloseTaken || len(events) != 0 {
			t.Errorf("the first one was closed with %d after %v", code, events)
		}
		second.text(`{"type":"ping","id":"mine"}`)
		if head, e := second.event(); head.Seq != 2 || e != (protocol.Pong{ID: "mine"}) {
			t.Errorf("got %+v, %+v", head, e)
		}
		if n := r.Sessions(); n != 1 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestAGoodbyeEndsTheSession(t *testing.T) {
	t.Parallel()
	for code, left := range map[websocket.StatusCode]int{websocket.StatusNormalClosure: 0, websocket.StatusGoingAway: 1} {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, server.Config{})
			c, _ := r.opened(t)
			c.ws.Close(code, "") //nolint:errcheck,gosec // seen by what follows
			synctest.Wait()
			if n := r.Sessions(); n != left {
				t.Errorf("closed with %d: %d sessions", code, n)
			}
		})
	}
}

func TestWhatIsHeldForAClientIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{ReplayBytes: 1250})
		c, ready := r.opened(t)
		for range 30 {
			c.ask(`{"type":"ping","id":"` + strings.Repeat("x", 100) + `"}`) // ten answers fit
		}
		c.cut()
		c = r.connect(t)
		c.text(resuming(ready, 3))
		head, e := c.event()
		if e != (protocol.Resumed{Session: ready.Session, Received: 30, Lost: 18}) || head.Seq != 21 {
			t.Fatalf("resumed with %+v, %+v", head, e)
		}
		for seq := head.Seq + 1; seq <= 31; seq++ {
			if head, _ := c.event(); head.Seq != seq {
				t.Errorf("number %d is %d", seq, head.Seq)
			}
		}
		c.text(`{"type":"ack","seen":30}`)
		c.ask(`{"type":"ping"}`)
		c.cut()
		c = r.connect(t)
		c.text(resuming(ready, 25)) // it said itself that it has seen 30
		if head, e := c.event(); head.Seq != 30 || e != (protocol.Resumed{Session: ready.Session, Received: 32, Lost: 5}) {
			t.Errorf("resumed with %+v, %+v", head, e)
		}
	})
}

func TestWhatAPongProvesIsForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{PingEvery: 20 * time.Second})
		c, ready := r.opened(t)
		go func() { // reads, and so answers pings
			for {
				if _, _, err := c.ws.Read(t.Context()); err != nil {
					return
				}
			}
		}()
		time.Sleep(30 * time.Second)
		c.cut()
		c = r.connect(t)
		c.text(resuming(ready, 0))
		if head, e := c.event(); head.Seq != 1 || e.(protocol.Resumed).Lost != 1 { //nolint:forcetypeassert // a test
			t.Errorf("resumed with %+v, %+v", head, e)
		}
	})
}

func TestASlowReaderMayComeBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{WriteTimeout: 5 * time.Second})
		raw := r.raw(t)
		write(t, raw, frame(true, 1, []byte(`{"type":"session.configure"}`)))
		time.Sleep(6 * time.Second)
		if n := r.Sessions(); n != 1 {
			t.Errorf("%d sessions", n)
		}
	})
}
