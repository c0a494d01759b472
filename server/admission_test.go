package server_test

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"sori/protocol"
	"sori/server"
)

func well(context.Context) error { return nil }

// loaded is a server one stage of which has to do what load says.
func loaded(t *testing.T, a server.Admission, load *atomic.Pointer[server.Load]) http.Handler {
	t.Helper()
	load.Store(&server.Load{Engines: 1})
	return handler(t, server.Config{Admission: a, Checks: []server.Check{
		{Name: "ttot", Required: true, Check: well, Load: func() server.Load { return *load.Load() }},
	}})
}

// New work is turned away before the upgrade while the engines are behind, and
// let in again when they are not.
func TestEnginesThatAreBehindTurnNewWorkAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var load atomic.Pointer[server.Load]
		h := loaded(t, server.Admission{MaxWaiting: 10, MaxFirst: 5 * time.Second}, &load)
		for _, step := range []struct {
			name string
			load server.Load
			busy bool
		}{
			{"nothing to do", server.Load{}, false},
			{"nine wait", server.Load{Waiting: 9}, false},
			{"ten wait", server.Load{Waiting: 10}, true},
			{"quick", server.Load{First: 4 * time.Second}, false},
			{"slow", server.Load{First: 5 * time.Second}, true},
			{"very slow", server.Load{First: time.Hour}, true},
			{"quick again", server.Load{Waiting: 1, First: time.Second}, false},
		} {
			time.Sleep(time.Second)
			load.Store(&step.load)
			for _, r := range []struct {
				method, path string
				let          int
			}{{http.MethodPost, "/process-audio", 0}, {http.MethodGet, "/users", http.StatusOK}} {
				w := ask(t, h, r.method, r.path, nil)
				busy := w.Code == http.StatusServiceUnavailable && problemCode(t, w) == "engines_busy"
				if want := step.busy && r.let == 0; busy != want {
					t.Errorf("%s: %s is answered with %d %s", step.name, r.path, w.Code, w.Body)
				}
				if !busy {
					continue
				}
				if n, err := strconv.Atoi(w.Header().Get("Retry-After")); err != nil || n < 2 || n > 60 {
					t.Errorf("%s: Retry-After %q", step.name, w.Header().Get("Retry-After"))
				}
			}
		}
	})
}

func TestMemoryThatIsFullTurnsNewWorkAway(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		limit int64
		full  bool
	}{{1 << 20, true}, {1 << 50, false}, {-1, false}} {
		w := ask(t, handler(t, server.Config{Admission: server.Admission{MaxMemory: tc.limit}}), http.MethodPost, "/run-full-pipeline", nil)
		if full := w.Code == http.StatusServiceUnavailable && problemCode(t, w) == "memory_full"; full != tc.full {
			t.Errorf("a limit of %d: %d %s", tc.limit, w.Code, w.Body)
		}
	}
}

func TestReadinessKnowsTheLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var load atomic.Pointer[server.Load]
		h := loaded(t, server.Admission{}, &load)
		for _, step := range []struct {
			load  server.Load
			ready bool
		}{
			{server.Load{Engines: 2, Serves: "one"}, true},
			{server.Load{Engines: 2, Resting: []string{"one"}, Serves: "two"}, true},
			{server.Load{Engines: 2, Resting: []string{"one", "two"}, Serves: "one"}, false},
		} {
			load.Store(&step.load)
			code, r := readyz(t, h)
			if r.Ready != step.ready || (code == http.StatusOK) != step.ready {
				t.Errorf("%+v: %d %+v", step.load, code, r)
			}
			if l := r.Parts[0].Load; l.Serves != step.load.Serves || !slices.Equal(l.Resting, step.load.Resting) {
				t.Errorf("%+v: told %+v", step.load, l)
			}
		}
	})
}

func TestNotReadyUntilEverythingHasLoaded(t *testing.T) {
	t.Parallel()
	started := make(chan struct{})
	h := handler(t, server.Config{Started: started})
	if code, r := readyz(t, h); code != http.StatusServiceUnavailable || r.Ready || !r.Starting {
		t.Errorf("%d %+v", code, r)
	}
	close(started)
	if code, r := readyz(t, h); code != http.StatusOK || !r.Ready || r.Starting {
		t.Errorf("%d %+v", code, r)
	}
}

// What comes through a trusted proxy counts for its client, what anybody else
// says of where it comes from does not.
func TestConnectionsOfOneAddress(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		trusted []string
		from    []string
		want    []int
	}{
		{"one client", []string{"127.0.0.1"}, []string{"198.51.100.7", "198.51.100.7", "198.51.100.7"}, []int{101, 101, 429}},
		{"several", []string{"127.0.0.1"}, []string{"198.51.100.7", "198.51.100.7", "198.51.100.8"}, []int{101, 101, 101}},
		{"one network of IPv6", []string{"127.0.0.1"}, []string{"2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"}, []int{101, 101, 429, 101}},
		{"nobody is trusted", nil, []string{"198.51.100.7", "198.51.100.7", "198.51.100.7"}, []int{101, 101, 101}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, addr := loopback(t, server.Config{TrustedProxies: tc.trusted, Admission: server.Admission{MaxPerAddress: 2}})
			dial := func(from string) (*websocket.Conn, int) {
				conn, resp, err := websocket.Dial(t.Context(), "ws://"+addr+"/ws", &websocket.DialOptions{HTTPHeader: http.Header{"X-Forwarded-For": {from}}})
				if resp == nil {
					t.Fatal(err)
				}
				if resp.Body != nil {
					_ = resp.Body.Close()
				}
				return conn, resp.StatusCode
			}
			var first *websocket.Conn
			for i, from := range tc.from {
				conn, got := dial(from)
				if got != tc.want[i] {
					t.Errorf("connection %d is answered with %d, want %d", i+1, got, tc.want[i])
				}
				if first == nil {
					first = conn
				} else if conn != nil {
					t.Cleanup(func() { _ = conn.CloseNow() })
				}
			}
			_ = first.CloseNow()
			if tc.want[2] != http.StatusTooManyRequests {
				return
			}
			deadline := time.Now().Add(5 * time.Second)
			for {
				conn, got := dial(tc.from[0])
				if got == http.StatusSwitchingProtocols {
					_ = conn.CloseNow()
					return
				}
				if time.Now().After(deadline) {
					t.Fatal("a place that was given back is not free")
				}
			}
		})
	}
}

// strange is a listener whose connections seem to come from elsewhere.
type strange struct{ net.Listener }

func (l strange) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return from{c}, err
}

type from struct{ net.Conn }

func (from) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(198, 51, 100, 7), Port: 4000}
}

// Connections that never say anything are counted as well.
func TestSocketsOfOneAddress(t *testing.T) {
	t.Parallel()
	for trusted, most := range map[string]int{"10.0.0.0/8": 3, "198.51.100.0/24": 5} {
		ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv, ok := handler(t, server.Config{TrustedProxies: []string{trusted}, Admission: server.Admission{MaxPerAddress: 3}}).(*server.Server)
		if !ok {
			t.Fatal("it is no server")
		}
		ctx, stop := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- srv.Serve(ctx, strange{ln}) }()
		alive := 0
		for range 5 {
			c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = c.Close() })
			if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
				t.Fatal(err)
			}
			_, _ = c.Write([]byte("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"))
			if n, _ := c.Read(make([]byte, 12)); n > 0 {
				alive++
			}
		}
		if alive != most {
			t.Errorf("with %s trusted, %d of 5 connections live, want %d", trusted, alive, most)
		}
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
}

// Whoever comes to resume a session is let in while new work is turned away, and
// gets no new session by saying so.
func TestASessionIsResumedWhileNewWorkIsTurnedAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var waiting atomic.Int64
		r := start(t, server.Config{Admission: server.Admission{MaxWaiting: 10}, Checks: []server.Check{
			{Name: "ttot", Check: well, Load: func() server.Load { return server.Load{Waiting: int(waiting.Load())} }},
		}})
		c, ready := r.opened(t)
		c.cut()
		waiting.Store(10)
		time.Sleep(time.Second)
		for _, hint := range []string{"", "?resume=", "?resume=another"} {
			if _, no := r.tryConnectTo(t, hint, nil); no == nil || no.status != http.StatusServiceUnavailable {
				t.Errorf("%q: %+v", hint, no)
			}
		}
		c, no := r.tryConnectTo(t, "?resume="+ready.Session, nil)
		if no != nil {
			t.Fatalf("%+v", no)
		}
		if e, ok := c.ask(resuming(ready, 1)).(protocol.Resumed); !ok || e.Session != ready.Session {
			t.Errorf("got %+v", e)
		}
		c.cut()
		c, no = r.tryConnectTo(t, "?resume="+ready.Session, nil)
		if no != nil {
			t.Fatalf("%+v", no)
		}
		c.text(`{"type":"session.configure"}`)
		if code, events := c.closed(); code != protocol.CloseTryLater || len(events) != 0 {
			t.Errorf("a new session by the way: %d, %v", code, events)
		}
		waiting.Store(0)
		time.Sleep(time.Second)
		c, _ = r.tryConnectTo(t, "?resume="+ready.Session, nil)
		if _, ok := c.ask(`{"type":"session.configure"}`).(protocol.Ready); !ok {
			t.Error("no new session when there is room")
		}
	})
}
