package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

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
	// Resume is for how long a lost connection is sought again, so that the session
	// goes on where it was; 0: not at all. A minute is usual.
	Resume time.Duration
}

// Conn is one session with a sori. Sending and receiving may go on at once, each
// in one goroutine. With [Options.Resume] it outlives its connection: Receive
// makes the next one, resumes the session and sends again what the server has
// not got, and Send keeps what can't leave meanwhile.
type Conn struct {
	address string
	options Options

	sending sync.Mutex // what goes out, in order
	ws      *websocket.Conn
	unsent  backlog

	// Owned by the receiving goroutine.
	seq   uint64 // of the last message that took a number
	turn  int    // the newest one of which it has heard
	live  string // the id of that turn, until its end
	ready protocol.Ready
	away  time.Duration // the server asked to come back after so long

	pings int // that [Conn.Ask] has sent
}

// Message is one thing that the server sent.
type Message struct {
	Head  protocol.Head
	Event protocol.Event // nil for audio, and for an event that this client does not know
	Text  []byte         // the event as it came, nil for audio
	Audio []byte         // one binary frame, nil for an event
	// Outage is set with a [protocol.Resumed]: for how long there was no connection,
	// the pause included that a server which went away asked for.
	Outage time.Duration
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
	case e.Code == closeAbnormal && e.Reason != "":
		return "the connection to sori broke: " + e.Reason
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
	c := &Conn{address: address, options: o}
	c.ws, err = c.dial(ctx, u, "")
	if err != nil {
		return nil, err
	}
	return c, nil
}

// dial makes one connection, to resume a session where that is not "". The error
// is a [*DialError].
func (c *Conn) dial(ctx context.Context, u *url.URL, session string) (*websocket.Conn, error) {
	to := *u
	if session != "" { // a server that is busy takes no new work, and this is none
		q := to.Query()
		q.Set("resume", session)
		to.RawQuery = q.Encode()
	}
	ws, resp, err := websocket.Dial(ctx, to.String(), &websocket.DialOptions{HTTPClient: c.options.HTTP, HTTPHeader: c.options.Header})
	if err != nil {
		return nil, dialError(u, resp, err)
	}
	limit := c.options.ReadLimit
	if limit <= 0 {
		limit = defaultReadLimit
	}
	ws.SetReadLimit(limit)
	return ws, nil
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
	return c.send(ctx, frame{websocket.MessageText, text})
}

// SendAudio sends one frame of audio. The end of ctx breaks the connection.
func (c *Conn) SendAudio(ctx context.Context, audio []byte) error {
	if c.options.Resume > 0 {
		audio = bytes.Clone(audio) // it is kept
	}
	return c.send(ctx, frame{websocket.MessageBinary, audio})
}

// Receive waits for the next message. The end of ctx breaks the connection; an
// end that came from the server, or that could not be mended, is a [*CloseError].
// A [protocol.Resumed] says that it is another connection from here on.
func (c *Conn) Receive(ctx context.Context) (Message, error) {
	for {
		m, err := c.receive(ctx)
		if err != nil && c.resumable(err) {
			return c.resume(ctx, err)
		}
		if _, ok := m.Event.(protocol.Ack); ok && err == nil {
			continue // it is for this package
		}
		return m, err
	}
}

func (c *Conn) receive(ctx context.Context) (Message, error) {
	kind, data, err := c.connection().Read(ctx)
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
	switch e := event.(type) {
	case protocol.Ready:
		if e.Session != c.ready.Session {
			c.turn, c.live = 0, ""
		}
		c.ready = e
		c.seq = head.Seq
	case protocol.Ack:
		c.forget(e.Received)
	case protocol.GoingAway:
		c.away = time.Duration(e.DelayMS) * time.Millisecond
	default:
		if head.Seq > 0 {
			c.seq = head.Seq
		}
	}
	if e, ok := event.(protocol.TurnStarted); ok {
		c.turn, c.live = head.Turn, e.ID
	}
	if _, ok := Terminal(event); ok && head.Turn == c.turn {
		c.live = ""
	}
	return Message{Head: head, Event: event, Text: data}, nil
}

// Close says goodbye and ends the session.
func (c *Conn) Close() error {
	return closed(c.connection().Close(websocket.StatusNormalClosure, ""))
}

// CloseNow ends the connection without a word.
func (c *Conn) CloseNow() error { return c.connection().CloseNow() }

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
