package server

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"sori/audio"
)

// bufferBytes is the size of a connection's own two buffers, the least that the
// head of a frame fits into. What is larger goes past them: to read, there is what
// [ahead] borrows, and to write, a frame is borrowed.
const bufferBytes = 16

// hijacker takes a connection over from net/http and keeps hold of it, so that
// it can be closed from outside whatever the WebSocket library is doing.
type hijacker struct {
	http.ResponseWriter
	writeTimeout time.Duration
	observer     Observer
	rooms        *sync.Pool
	conn         *deadlineConn // filled by Hijack
}

// hijack makes a hijacker for a request that asks for a WebSocket connection.
func (s *Server) hijack(w http.ResponseWriter) *hijacker {
	return &hijacker{ResponseWriter: w, writeTimeout: s.cfg.WriteTimeout, observer: s.cfg.Observer, rooms: &s.rooms, conn: &deadlineConn{sending: make(chan struct{}, 1)}}
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	// What the client sent right behind the handshake waits in the old buffer.
	early, err := rw.Peek(rw.Reader.Buffered())
	if err != nil {
		return nil, nil, err
	}
	h.conn.Conn, h.conn.timeout, h.conn.observer = conn, h.writeTimeout, h.observer
	h.conn.look(conn, h.rooms)
	h.conn.data = bytes.Clone(early)
	h.conn.reader = bufio.NewReaderSize(h.conn, bufferBytes) // Accept lets it read from h.conn again
	h.observer.Received(len(early))
	return h.conn, bufio.NewReadWriter(h.conn.reader, bufio.NewWriterSize(h.conn, bufferBytes)), nil
}

// WriteHeaderNow is gin's way to flush a header. The WebSocket library asks for
// it by name.
func (h *hijacker) WriteHeaderNow() {
	if w, ok := h.ResponseWriter.(interface{ WriteHeaderNow() }); ok {
		w.WriteHeaderNow()
	}
}

// deadlineConn gives every write its own deadline. A context per write would do
// the same at the price of several allocations.
type deadlineConn struct {
	net.Conn
	timeout  time.Duration
	observer Observer
	ahead
	pings  pings
	claims claims

	sending chan struct{} // capacity 1, holds who writes: a frame goes out whole, and the pings are not the library's

	// Owned by the one who writes: the WebSocket library lets in one at a time.
	head  [bufferBytes]byte // the beginning of a frame whose rest is on the way
	heads int               // bytes in head
}

// Read gives the end of the connection as an error of its own: the WebSocket
// library takes io.EOF for the end of a message.
func (c *deadlineConn) Read(p []byte) (int, error) {
	if c.claims.over {
		return 0, c.discard()
	}
	n, err := c.read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if claim := c.claims.see(p[:n]); claim != nil {
		return 0, claim
	}
	return n, err
}

// discard throws away what still comes, until the connection is closed.
func (c *deadlineConn) discard() error {
	c.release()
	room := new([aheadBytes]byte)
	for {
		n, err := c.Conn.Read(room[:])
		c.observer.Received(n)
		if err != nil {
			return io.ErrUnexpectedEOF
		}
	}
}

// read gives what was read ahead first.
func (c *deadlineConn) read(p []byte) (int, error) {
	if len(c.data) > 0 {
		n := copy(p, c.data)
		c.take(n)
		return n, nil
	}
	n, err := c.Conn.Read(p)
	c.observer.Received(n)
	return n, err
}

// cut closes the connection without a word, and without waiting: TLS would say
// goodbye, and may wait for seconds until that can be written.
func (c *deadlineConn) cut() {
	conn := c.Conn
	if private, ok := conn.(*tls.Conn); ok {
		conn = private.NetConn()
	}
	// The reader may keep the descriptor until it has handed a message over: the
	// client is not to wait for that.
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // it is closed already
	}
	_ = conn.Close() // nothing is left to do with it
}

// Write sends frames whole, in one call of the system each, though the library
// hands them over in two pieces.
func (c *deadlineConn) Write(p []byte) (int, error) {
	if c.heads == 0 {
		if len(p) > bufferBytes || wholeFrame(p) {
			return c.send(p)
		}
		c.heads = copy(c.head[:], p)
		return len(p), nil
	}
	f := audio.NewFrame(c.heads + len(p))
	defer f.Free()
	copy(f.Data[copy(f.Data, c.head[:c.heads]):], p)
	c.heads = 0
	if _, err := c.send(f.Data); err != nil {
		return 0, err
	}
	return len(p), nil
}

// wholeFrame says whether a few bytes that a server sends are a frame.
func wholeFrame(p []byte) bool { return len(p) >= 2 && len(p) == 2+int(p[1]) }

func (c *deadlineConn) send(p []byte) (int, error) {
	c.sending <- struct{}{} // a write ends in its time
	defer func() { <-c.sending }()
	if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	c.observer.Sent(n)
	return n, err
}
