package server_test

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"sori/protocol"
	"sori/server"
)

func TestAClientThatVanishes(t *testing.T) {
	t.Parallel()
	for name, last := range map[string][]byte{
		"between frames": nil,
		"in a header":    frame(true, 2, make([]byte, 3000))[:3],
		"after a header": frame(true, 2, make([]byte, 3000))[:8],
		"in a payload":   frame(true, 2, make([]byte, 3000))[:1500],
		"in a text":      frame(true, 1, []byte(`{"type":"ping"}`))[:12],
		"in a fragment":  frame(false, 2, make([]byte, 3000)),
		"with nonsense":  {0xff, 0xff, 0xff, 0xff},
		"unmasked":       {0x82, 0x01, 0x00},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, server.Config{})
			raw := r.raw(t)
			go io.Copy(io.Discard, raw) //nolint:errcheck // until it is closed
			write(t, raw, last)
			synctest.Wait()
			raw.Close()
			synctest.Wait()
			if n := r.Sessions(); n != 0 {
				t.Errorf("%s: %d sessions", name, n)
			}
		})
	}
}

func TestASilentClientIsNoticed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{FirstTimeout: time.Hour, PingEvery: 20 * time.Second, PongTimeout: 15 * time.Second})
		raw := r.raw(t)
		go io.Copy(io.Discard, raw) //nolint:errcheck // reads, but answers no ping
		time.Sleep(34 * time.Second)
		if n := r.Sessions(); n != 1 {
			t.Errorf("%d sessions before the timeout", n)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if n := r.Sessions(); n != 0 {
			t.Errorf("%d sessions after the timeout", n)
		}
	})
}

func TestAnIdleClientIsEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{IdleTimeout: 5 * time.Minute})
		c := r.connect(t)
		c.ask(`{"type":"ping"}`)
		go func() {
			for range 4 { // pings of its own keep a session
				time.Sleep(4 * time.Minute)
				if err := c.ws.Write(t.Context(), websocket.MessageText, []byte(`{"type":"ping"}`)); err != nil {
					t.Error(err)
				}
			}
		}()
		began := time.Now()
		code, events := c.closed() // answers the server's pings meanwhile
		if took := time.Since(began); code != protocol.CloseIdle || took < 21*time.Minute || took > 21*time.Minute+3*time.Second {
			t.Errorf("closed with %d after %v", code, took)
		}
		if len(events) != 4 {
			t.Errorf("before it came %v", events)
		}
	})
}

func TestADrippingClientIsIdle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{IdleTimeout: time.Minute, PingEvery: time.Hour})
		raw := r.raw(t)
		go io.Copy(io.Discard, raw) //nolint:errcheck // until it is closed
		began := time.Now()
		for _, b := range frame(true, 2, make([]byte, 1000)) {
			if _, err := raw.Write([]byte{b}); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(began); took > 80*time.Second {
			t.Errorf("cut after %v", took)
		}
		synctest.Wait()
		if n := r.Sessions(); n != 0 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestSlowHandshakesAreCut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{HandshakeTimeout: 10 * time.Second})
		conn, err := r.memory.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		go io.Copy(io.Discard, conn) //nolint:errcheck // until it is closed
		began := time.Now()
		for _, b := range []byte("GET /ws HTTP/1.1\r\nHost: sori.test\r\nX-Slow: yes\r\n") {
			if _, err := conn.Write([]byte{b}); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(began); took > 12*time.Second {
			t.Errorf("cut after %v", took)
		}
	})
}

func TestAFullServerSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{MaxSessions: 2})
		a, b := r.connect(t), r.connect(t)
		_, refused := r.tryConnect(t, nil)
		if refused == nil || refused.status != http.StatusServiceUnavailable || refused.header.Get("Retry-After") == "" {
			t.Fatalf("got %+v", refused)
		}
		b.ask(`{"type":"ping"}`)
		a.ws.Close(websocket.StatusNormalClosure, "") //nolint:errcheck,gosec // the next line sees it
		synctest.Wait()
		r.connect(t).ask(`{"type":"ping"}`)
	})
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	for origin, allowed := range map[string]bool{
		"":                           true,
		"http://sori.test":           true,
		"https://SORI.test":          true,
		"https://app.example.com":    true,
		"http://app.example.com":     false,
		"http://localhost:3000":      true,
		"http://localhost":           false,
		"https://evil.com":           false,
		"https://sori.test.evil":     false,
		"null":                       false,
		"http://[::1":                false,
		"https://evil.com/sori.test": false,
	} {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, server.Config{Origins: []string{"https://app.example.com", "localhost:*"}})
			_, refused := r.tryConnect(t, http.Header{"Origin": {origin}})
			if allowed != (refused == nil) || !allowed && refused.status != http.StatusForbidden {
				t.Errorf("%q: got %+v", origin, refused)
			}
		})
	}
	if _, err := server.New(server.Config{
		NewSession: withSession(nil), Store: &fakeStore{}, Origins: []string{"[a"},
	}); err == nil {
		t.Error("a broken pattern was accepted")
	}
}

func TestShutdownSaysGoodbyeAfterTheLastEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{AwaySpread: time.Second})
		clients := []*client{r.connect(t), r.connect(t), r.connect(t)}
		for _, c := range clients[1:] {
			c.ask(`{"type":"session.configure"}`)
		}
		r.stop(nil)
		if code, events := clients[0].closed(); code != protocol.CloseGoingAway || len(events) != 0 {
			t.Errorf("without a session: closed with %d after %v", code, events)
		}
		for _, c := range clients[1:] {
			code, events := c.closed()
			if code != protocol.CloseRestart || len(events) != 2 || events[1].Type() != "turn.cancelled" {
				t.Fatalf("closed with %d after %v", code, events)
			}
			if e, ok := events[0].(protocol.GoingAway); !ok || e.DelayMS >= 1000 {
				t.Errorf("first comes %+v", events[0])
			}
		}
		if err := <-r.ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

func TestShutdownWaitsForRecordsUpToItsDeadline(t *testing.T) {
	t.Parallel()
	for record, ok := range map[time.Duration]bool{19 * time.Second: true, 21 * time.Second: false} {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, server.Config{ShutdownTimeout: 20 * time.Second, NewSession: withSession(func(ctx context.Context, f *fakeSession) error {
				defer close(f.out)
				<-ctx.Done()
				time.Sleep(record) // the store is slow
				return nil
			})})
			c := r.connect(t)
			c.text(`{"type":"session.configure"}`)
			synctest.Wait()
			r.stop(nil)
			c.closed()
			err := <-r.ended
			if ok != (err == nil) {
				t.Errorf("Serve: %v", err)
			}
			time.Sleep(time.Minute) // lets the late session end
		})
	}
}

func TestAClientThatDoesNotSayGoodbyeHoldsNothingUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{CloseTimeout: 10 * time.Second})
		raw := r.raw(t)
		go io.Copy(io.Discard, raw) //nolint:errcheck // reads the close frame and does not answer it
		began := time.Now()
		r.stop(nil)
		if err := <-r.ended; err != nil || time.Since(began) > 11*time.Second {
			t.Errorf("Serve: %v after %v", err, time.Since(began))
		}
	})
}

func TestNewNeedsItsParts(t *testing.T) {
	t.Parallel()
	if _, err := server.New(server.Config{}); err == nil {
		t.Error("a server without sessions and store was made")
	}
}

func TestFramesRightBehindTheHandshake(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		got := make(chan string, 3)
		r := start(t, server.Config{NewSession: withSession(func(ctx context.Context, f *fakeSession) error {
			defer close(f.out)
			for {
				select {
				case in := <-f.in:
					if in.Audio != nil {
						got <- strconv.Itoa(len(in.Audio.Data))
						in.Audio.Free()
						continue
					}
					got <- in.Message.(protocol.Ping).ID //nolint:forcetypeassert // a test
				case <-ctx.Done():
					return nil
				}
			}
		})})
		conn, err := r.memory.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		go io.Copy(io.Discard, conn) //nolint:errcheck // until it is closed
		early := []byte(handshake)
		early = append(early, frame(true, 1, []byte(`{"type":"ping","id":"a"}`))...)
		early = append(early, frame(true, 2, make([]byte, 3000))...)
		early = append(early, frame(true, 2, make([]byte, 5))...)
		write(t, conn, early)
		for _, want := range []string{"a", "3000", "5"} {
			if s := <-got; s != want {
				t.Errorf("got %s, want %s", s, want)
			}
		}
	})
}
