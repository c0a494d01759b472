package server

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// The sizes of a connection's own buffers. What is larger goes past them, so more
// would only cost idle sessions memory: to read, there is what [ahead] borrows.
const (
	readBytes  = 16 // the least that there is
	writeBytes = 1 << 10
)

// hijacker takes a connection over from net/http and keeps hold of it, so that
// it can be closed from outside whatever the WebSocket library is doing.
type hijacker struct {
	http.ResponseWriter
	writeTimeout time.Duration
	observer     Observer
	rooms        *sync.Pool
	conn         *deadlineConn // set by Hijack
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
	h.conn = &deadlineConn{Conn: conn, timeout: h.writeTimeout, observer: h.observer}
	h.conn.look(conn, h.rooms)
	h.conn.data = bytes.Clone(early)
	h.conn.reader = bufio.NewReaderSize(h.conn, readBytes) // Accept lets it read from h.conn again
	h.observer.Received(len(early))
	return h.conn, bufio.NewReadWriter(h.conn.reader, bufio.NewWriterSize(h.conn, writeBytes)), nil
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
}

// Read gives the end of the connection as an error of its own: the WebSocket
// library takes io.EOF for the end of a message.
func (c *deadlineConn) Read(p []byte) (int, error) {
	if len(c.data) > 0 {
		n := copy(p, c.data)
		c.take(n)
		return n, nil
	}
	n, err := c.Conn.Read(p)
	c.observer.Received(n)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (c *deadlineConn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	c.observer.Sent(n)
	return n, err
}
