package server_test

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sori/protocol"
)

// client is a WebSocket client under a test's control.
type client struct {
	t  *testing.T
	ws *websocket.Conn
}

func (r *running) http(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{DialContext: r.memory.dial, DisableKeepAlives: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (r *running) connect(t *testing.T) *client {
	t.Helper()
	c, refused := r.tryConnect(t, nil)
	if refused != nil {
		t.Fatalf("connect: %+v", refused)
	}
	return c
}

// refusal is how a handshake was refused.
type refusal struct {
	status int
	header http.Header
	err    error
}

// tryConnect gives a client, or how it was refused.
func (r *running) tryConnect(t *testing.T, header http.Header) (*client, *refusal) {
	t.Helper()
	return r.tryConnectTo(t, "", header)
}

// tryConnectTo is tryConnect with a query behind the path.
func (r *running) tryConnectTo(t *testing.T, query string, header http.Header) (*client, *refusal) {
	t.Helper()
	ws, resp, err := websocket.Dial(t.Context(), "ws://sori.test/ws"+query, &websocket.DialOptions{HTTPClient: r.http(t), HTTPHeader: header})
	if err != nil {
		no := &refusal{err: err}
		if resp != nil {
			no.status, no.header = resp.StatusCode, resp.Header
		}
		return nil, no
	}
	ws.SetReadLimit(1 << 20)
	t.Cleanup(func() { ws.CloseNow() })
	return &client{t, ws}, nil
}

func (c *client) text(s string) {
	c.t.Helper()
	if err := c.ws.Write(c.t.Context(), websocket.MessageText, []byte(s)); err != nil {
		c.t.Fatalf("write text: %v", err)
	}
}

func (c *client) binary(n int) {
	c.t.Helper()
	if err := c.ws.Write(c.t.Context(), websocket.MessageBinary, make([]byte, n)); err != nil {
		c.t.Fatalf("write binary: %v", err)
	}
}

// event reads the next event.
func (c *client) event() (protocol.Head, protocol.Event) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	kind, data, err := c.ws.Read(ctx)
	if err != nil || kind != websocket.MessageText {
		c.t.Fatalf("read an event: %v, %v", kind, err)
	}
	head, e, err := protocol.DecodeEvent(data)
	if err != nil {
		c.t.Fatalf("%s: %v", data, err)
	}
	return head, e
}

// ask says s and gives the event that answers it.
func (c *client) ask(s string) protocol.Event {
	c.t.Helper()
	c.text(s)
	_, e := c.event()
	return e
}

// closed reads until the connection is closed and gives the close code, -1 when
// it was cut without one, and the events before it.
func (c *client) closed() (protocol.CloseCode, []protocol.Event) {
	c.t.Helper()
	var before []protocol.Event
	for {
		kind, data, err := c.ws.Read(c.t.Context())
		if err != nil {
			return protocol.CloseCode(websocket.CloseStatus(err)), before
		}
		if kind != websocket.MessageText {
			continue
		}
		if _, e, err := protocol.DecodeEvent(data); err == nil {
			before = append(before, e)
		}
	}
}

const handshake = "GET /ws HTTP/1.1\r\nHost: sori.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"

// raw shakes hands and gives the bare connection, for what no library sends.
func (r *running) raw(t testing.TB) net.Conn {
	t.Helper()
	conn, err := r.memory.dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	shake(t, conn)
	return conn
}

// shake makes a WebSocket connection of a bare one.
func shake(t testing.TB, conn net.Conn) {
	t.Helper()
	write(t, conn, []byte(handshake))
	var head []byte
	for b := make([]byte, 1); !strings.HasSuffix(string(head), "\r\n\r\n"); head = append(head, b[0]) {
		if _, err := conn.Read(b); err != nil {
			t.Fatalf("handshake: %v after %q", err, head)
		}
	}
	if !strings.Contains(string(head), " 101 ") {
		t.Fatalf("handshake: %q", head)
	}
}

func write(t testing.TB, conn net.Conn, p []byte) {
	t.Helper()
	if _, err := conn.Write(p); err != nil {
		t.Fatal(err)
	}
}

// frame gives a masked WebSocket frame with n bytes of payload.
func frame(fin bool, opcode byte, payload []byte) []byte {
	head := []byte{opcode, 0x80}
	if fin {
		head[0] |= 0x80
	}
	switch n := len(payload); {
	case n > 0xffff:
		head[1] |= 127
		head = binary.BigEndian.AppendUint64(head, uint64(n))
	case n > 125:
		head[1] |= 126
		head = binary.BigEndian.AppendUint16(head, uint16(n))
	default:
		head[1] |= byte(n)
	}
	var key [4]byte
	rand.Read(key[:])
	head = append(head, key[:]...)
	for i, b := range payload {
		head = append(head, b^key[i%4])
	}
	return head
}
