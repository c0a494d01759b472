package server_test

import (
	"errors"
	"io"
	"iter"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sori/protocol"
	"sori/server"
	"sori/stage"
)

// dialled opens a bare connection and sends what a client says at once.
func (r *running) dialled(t *testing.T, says string) net.Conn {
	t.Helper()
	conn, err := r.memory.dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	write(t, conn, []byte(says))
	return conn
}

// dripped sends a byte a second until the connection is cut, and says after how
// long that was.
func dripped(conn net.Conn) time.Duration {
	go func() { _, _ = io.Copy(io.Discard, conn) }() // until it is closed
	began := time.Now()
	for {
		if _, err := conn.Write([]byte(" ")); err != nil {
			return time.Since(began)
		}
		time.Sleep(time.Second)
	}
}

// silence says how long a connection is kept on which the client says nothing.
func silence(conn net.Conn) time.Duration {
	began := time.Now()
	_, _ = io.Copy(io.Discard, conn) // until it is closed
	return time.Since(began)
}

// Who sends too slowly, or nothing, is cut off in the time that
// docs/architecture.md tells.
func TestSlowAndSilentClientsAreCut(t *testing.T) {
	t.Parallel()
	const form = "multipart/form-data; boundary=x"
	post := func(path, kind string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: sori.test\r\nContent-Type: " + kind + "\r\nContent-Length: 100000\r\n\r\n"
	}
	for name, c := range map[string]struct {
		says  string
		drips bool
		after time.Duration
	}{
		"nothing at all":           {"", false, 10 * time.Second},
		"half of a header":         {"GET /healthz HTTP/1.1\r\nHost: so", false, 10 * time.Second},
		"a slow header":            {"GET /healthz HTTP/1.1\r\nX-Slow: ", true, 10 * time.Second},
		"a question, and no more":  {"GET /healthz HTTP/1.1\r\nHost: sori.test\r\n\r\n", false, 120 * time.Second},
		"a slow question":          {post("/v1/chat/completions", "application/json") + "{", true, 60 * time.Second},
		"a slow text to speak":     {post("/v1/audio/speech", "application/json") + "{", true, 60 * time.Second},
		"a slow recording":         {post("/v1/audio/transcriptions", form) + "--x", true, 60 * time.Second},
		"a slow run":               {post("/run-full-pipeline", "application/json") + "{", true, 60 * time.Second},
		"a slow last step":         {post("/process-audio", "application/json") + "{", true, 60 * time.Second},
		"a recording that is late": {post("/v1/audio/transcriptions", form) + "--x", false, 60 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := &engineFakes{}
				r := start(t, server.Config{Engines: f.engines()})
				conn := r.dialled(t, c.says)
				var took time.Duration
				if c.drips {
					took = dripped(conn)
				} else {
					took = silence(conn)
				}
				if took < c.after-time.Second || took > c.after+3*time.Second {
					t.Errorf("cut after %v, want %v", took, c.after)
				}
			})
		})
	}
}

// Who does not read the answer holds nothing up: neither the connection nor the
// engine.
func TestAnswersThatNobodyReads(t *testing.T) {
	t.Parallel()
	t.Run("a page", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := start(t, server.Config{})
			conn := r.dialled(t, "GET /openapi.json HTTP/1.1\r\nHost: sori.test\r\n\r\n")
			time.Sleep(121 * time.Second)
			if n, err := conn.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
				t.Errorf("after two minutes there is still something to read: %d, %v", n, err)
			}
		})
	})
	t.Run("speech as it is made", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			stopped := make(chan time.Duration, 1)
			f := &engineFakes{}
			f.speak = func(stage.Speech) iter.Seq2[stage.Chunk, error] {
				return func(yield func(stage.Chunk, error) bool) {
					began := time.Now()
					for yield(stage.Chunk{PCM: make([]byte, 4800), Rate: 24_000}, nil) {
					}
					stopped <- time.Since(began)
				}
			}
			r := start(t, server.Config{Engines: f.engines(), MaxSessions: 1})
			const body = `{"input":"hello"}`
			says := "POST /v1/audio/speech HTTP/1.1\r\nHost: sori.test\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n" + body
			r.dialled(t, says)
			if took := <-stopped; took != 10*time.Second {
				t.Errorf("the engine was held for %v", took)
			}
			time.Sleep(time.Second)
			resp, err := r.http(t).Get("http://sori.test/healthz") //nolint:noctx // of a bubble
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if n := r.Sessions(); n != 0 {
				t.Errorf("%d places are taken", n)
			}
		})
	})
}

// The same holds for clients of the Realtime API.
func TestRealtimeClientsThatAreSlowOrSilent(t *testing.T) {
	t.Parallel()
	t.Run("silent", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := start(t, genuine(server.Config{}))
			c := r.realtime(t, "", nil)
			began := time.Now()
			code, _ := c.closed() // answers the server's pings meanwhile
			if took := time.Since(began); code != protocol.CloseIdle || took < 10*time.Minute || took > 10*time.Minute+3*time.Second {
				t.Errorf("closed with %d after %v", code, took)
			}
		})
	})
	t.Run("does not read", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := start(t, genuine(server.Config{MaxSessions: 1}))
			conn := r.dialled(t, strings.Replace(handshake, "/ws", "/v1/realtime", 1))
			readHead(t, conn)
			time.Sleep(6 * time.Second)
			if n, err := conn.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
				t.Errorf("after six seconds there is still something to read: %d, %v", n, err)
			}
			synctest.Wait()
			r.realtime(t, "", nil).until("session.created") // there is a place again
		})
	})
	t.Run("does not answer", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := start(t, genuine(server.Config{}))
			conn := r.dialled(t, strings.Replace(handshake, "/ws", "/v1/realtime", 1))
			readHead(t, conn)
			if took := silence(conn); took < 34*time.Second || took > 38*time.Second { // 20 s to the ping, 15 s for its answer
				t.Errorf("cut after %v", took)
			}
		})
	})
}

// readHead reads the answer to a handshake.
func readHead(t *testing.T, conn net.Conn) {
	t.Helper()
	var head []byte
	for b := make([]byte, 1); !strings.HasSuffix(string(head), "\r\n\r\n"); head = append(head, b[0]) {
		if _, err := conn.Read(b); err != nil {
			t.Fatalf("handshake: %v after %q", err, head)
		}
	}
	if !strings.Contains(string(head), http.StatusText(http.StatusSwitchingProtocols)) {
		t.Fatalf("handshake: %q", head)
	}
}
