package server_test

import (
	"context"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sori/protocol"
	"sori/server"
	"sori/session"
)

// loopback serves cfg on a real port of this machine and gives its address.
func loopback(t testing.TB, cfg server.Config) (s *server.Server, addr string) {
	t.Helper()
	if cfg.NewSession == nil {
		cfg.NewSession = func(session.Options) server.Session { return newFakeSession() }
	}
	cfg.Store = &fakeStore{}
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- s.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-over; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s, ln.Addr().String()
}

// TestAThousandComeAndGo has a thousand clients connect, talk, and leave in
// every way there is. TestMain finds the goroutines that they leave behind.
func TestAThousandComeAndGo(t *testing.T) {
	t.Parallel()
	s, addr := loopback(t, server.Config{CloseTimeout: time.Second, ResumeWait: time.Second})
	transport := &http.Transport{DisableKeepAlives: true}
	var wg sync.WaitGroup
	slots := make(chan struct{}, 50)
	for i := range 1000 {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			ws, _, err := websocket.Dial(t.Context(), "ws://"+addr+"/ws", &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
			if err != nil {
				t.Error(err)
				return
			}
			defer ws.CloseNow()
			c := &client{t, ws}
			switch i % 4 {
			case 0: // says goodbye
				c.ask(`{"type":"ping"}`)
				ws.Close(websocket.StatusNormalClosure, "") //nolint:errcheck,gosec // the server may be faster
			case 1: // leaves at once
			case 2: // leaves with an answer under way
				c.text(`{"type":"ping"}`)
			case 3: // leaves after audio
				c.binary(640)
				c.binary(30_000)
			}
		})
	}
	wg.Wait()
	deadline := time.Now().Add(10 * time.Second)
	for s.Sessions() > 0 && time.Now().Before(deadline) {
		runtime.Gosched()
		time.Sleep(time.Millisecond)
	}
	if n := s.Sessions(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// TestStalledClientsAreGivenUp has sessions flood clients that never read from a
// real socket.
func TestStalledClientsAreGivenUp(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{}, 4)
	_, addr := loopback(t, server.Config{WriteTimeout: 200 * time.Millisecond, ResumeWait: -1, NewSession: withSession(func(ctx context.Context, f *fakeSession) error {
		defer close(f.out)
		for ctx.Err() == nil {
			f.say(protocol.Warning{Code: "c", Message: strings.Repeat("m", 10_000)})
		}
		ended <- struct{}{}
		return nil
	})})
	for range 4 {
		ws, _, err := websocket.Dial(t.Context(), "ws://"+addr+"/ws", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ws.CloseNow() })
		(&client{t, ws}).text(`{"type":"session.configure"}`)
	}
	for range 4 {
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Fatal("a stalled client was not given up")
		}
	}
}
