package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/coder/websocket"

	"sori/protocol"
)

const (
	defaultReadLimit = 16 << 20 // a record with a long reply is far below
	maxProblem       = 4 << 10  // of the body of a refused handshake
)

// Options tune a connection. The zero value is fit for use.
type Options struct {
	HTTP      *http.Client // carries the handshake; default [http.DefaultClient]
	Header    http.Header  // sent with the handshake
	ReadLimit int64        // bytes of one message from the server; default 16 MiB
}

// Conn is one connection to a sori. Sending and receiving may go on at once,
// each in one goroutine.
type Conn struct {
	ws  *websocket.Conn
	seq uint64 // of the last message; owned by the receiving goroutine
}

// Message is one thing that the server sent.
type Message struct {
	Head  protocol.Head
	Event protocol.Event // nil for audio, and for an event that this client does not know
	Text  []byte         // the event as it came, nil for audio
	Audio []byte         // one binary frame, nil for an event
}

// DialError says why no connection came about.
type DialError struct {
	Status  int    // the HTTP status of the refusal, 0 when nobody answered
	Message string // a sentence for people
	Err     error
}

func (e *DialError) Error() string { return e.Message }
func (e *DialError) Unwrap() error { return e.Err }

// CloseError says that the server ended the connection.
type CloseError struct {
	Code   protocol.CloseCode // 1006 when it ended without a goodbye
	Reason string
	Err    error
}

// closeAbnormal stands for a connection that ended without a close frame.
const closeAbnormal protocol.CloseCode = 1006

func (e *CloseError) Error() string {
	switch {
	case e.Code == closeAbnormal:
		return "the connection to sori broke"
	case e.Reason != "":
		return fmt.Sprintf("sori closed the connection (%d): %s", e.Code, e.Reason)
	}
	return fmt.Sprintf("sori closed the connection (%d)", e.Code)
}

func (e *CloseError) Unwrap() error { return e.Err }

// Dial connects to the sori at a ws:// or wss:// URL. The error is a
// [*DialError].
func Dial(ctx context.Context, address string, o Options) (*Conn, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "ws" && u.Scheme != "wss") {
		return nil, &DialError{Message: fmt.Sprintf("%q is no address of a sori: it looks like ws://127.0.0.1:5000/ws.", address), Err: err}
	}
	ws, resp, err := websocket.Dial(ctx, address, &websocket.DialOptions{HTTPClient: o.HTTP, HTTPHeader: o.Header})
	if err != nil {
		return nil, dialError(u, resp, err)
	}
	limit := o.ReadLimit
	if limit <= 0 {
		limit = defaultReadLimit
	}
	ws.SetReadLimit(limit)
	return &Conn{ws: ws}, nil
}

func dialError(u *url.URL, resp *http.Response, err error) *DialError {
	switch {
	case resp == nil && errors.Is(err, context.DeadlineExceeded):
		return &DialError{Message: fmt.Sprintf("Nobody answered at %s in time.", u.Host), Err: err}
	case resp == nil:
		return &DialError{Message: fmt.Sprintf("Nobody answers at %s. Is `sori serve` running there?", u.Host), Err: err}
	}
	says := ""
	if resp.Body != nil {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxProblem)) // the status says enough
		says = " It says: " + strings.TrimSpace(string(body))
		if len(body) == 0 || strings.Contains(says, "<") {
			says = ""
		}
	}
	return &DialError{
		Status:  resp.StatusCode,
		Message: fmt.Sprintf("%s answered %d %s instead of opening a session.%s", u.Redacted(), resp.StatusCode, http.StatusText(resp.StatusCode), says),
		Err:     err,
	}
}

// Send sends a message. The end of ctx breaks the connection.
func (c *Conn) Send(ctx context.Context, m protocol.ClientMessage) error {
	text, err := protocol.EncodeClient(m)
	if err != nil {
		return err
	}
	return closed(c.ws.Write(ctx, websocket.MessageText, text))
}

// SendAudio sends one frame of audio. The end of ctx breaks the connection.
func (c *Conn) SendAudio(ctx context.Context, frame []byte) error {
	return closed(c.ws.Write(ctx, websocket.MessageBinary, frame))
}

// Receive waits for the next message. The end of ctx breaks the connection; an
// end that came from the server is a [*CloseError].
func (c *Conn) Receive(ctx context.Context) (Message, error) {
	kind, data, err := c.ws.Read(ctx)
	if err != nil {
		return Message{}, closed(err)
	}
	if kind == websocket.MessageBinary {
		c.seq++
		return Message{Head: protocol.Head{Seq: c.seq}, Audio: data}, nil
	}
	head, event, err := protocol.DecodeEvent(data)
	if err != nil {
		wrong, ok := errors.AsType[*protocol.DecodeError](err)
		if !ok || wrong.Problem().Code != protocol.ErrUnknownType {
			return Message{}, fmt.Errorf("sori sent what is no event: %w", err)
		}
	}
	c.seq = head.Seq
	return Message{Head: head, Event: event, Text: data}, nil
}

// Close says goodbye and ends the connection.
func (c *Conn) Close() error {
	return closed(c.ws.Close(websocket.StatusNormalClosure, ""))
}

// CloseNow ends the connection without a word.
func (c *Conn) CloseNow() error { return c.ws.CloseNow() }

// closed turns the end of a connection into a [*CloseError].
func closed(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if end, ok := errors.AsType[websocket.CloseError](err); ok {
		return &CloseError{Code: protocol.CloseCode(end.Code), Reason: end.Reason, Err: err}
	}
	return &CloseError{Code: closeAbnormal, Err: err}
}
