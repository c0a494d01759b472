package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/coder/websocket"

	"sori/audio"
	"sori/protocol"
	"sori/session"
)

// smallestFrame is the least room that is borrowed for a frame, in bytes: more
// than 20 ms at 16,000 Hz.
const smallestFrame = 1 << 10

// errTooLarge says that a message was over the protocol's limit, and dropped.
var errTooLarge = errors.New("server: the message is too large")

// readLoop hands what the client sends to the session until the connection or
// the session ends.
func (c *conn) readLoop(ctx context.Context) {
	for {
		// A context that can be cancelled would cost eight allocations per frame
		// here. What ends this wait is the connection being closed.
		kind, r, err := c.ws.Reader(context.Background()) //nolint:contextcheck // see above
		if err != nil {
			c.lost(err)
			return
		}
		if kind == websocket.MessageBinary {
			err = c.readAudio(ctx, r)
		} else {
			err = c.readText(ctx, r)
		}
		if errors.Is(err, session.ErrEnded) || err != nil && ctx.Err() != nil {
			return // the writer closes the connection
		}
		if err != nil {
			c.lost(err)
			return
		}
		c.heard.Store(time.Now().UnixNano())
		if c.bad >= c.maxBad {
			c.end(ending{protocol.CloseBadProtocol, "Too many messages in a row could not be understood."})
			return
		}
	}
}

// lost notes that the client can't be read from any more: it closed, or
// vanished, or broke the rules of WebSocket.
func (c *conn) lost(err error) {
	c.gone.Store(true)
	e := ending{protocol.CloseNormal, "The client closed the connection."}
	switch {
	case errors.Is(err, websocket.ErrMessageTooBig):
		e = ending{protocol.CloseTooBig, fmt.Sprintf("A message had more than %d bytes.", protocol.MaxMessage)}
	case websocket.CloseStatus(err) == -1:
		c.log.Debug("connection lost", "error", err)
		e.reason = "The connection was lost."
	}
	c.end(e)
}

func (c *conn) readAudio(ctx context.Context, r io.Reader) error {
	frame, err := readFrame(r, c.expect, protocol.MaxAudioFrame)
	if errors.Is(err, errTooLarge) {
		return c.refuse(ctx, protocol.ErrFrameTooLarge,
			fmt.Sprintf("The binary frame has more than %d bytes; it was dropped.", protocol.MaxAudioFrame))
	}
	if err != nil {
		return err
	}
	c.expect = len(frame.Data) + 1 // room to see the end of the frame
	c.bad = 0
	return c.push(ctx, session.Input{Audio: frame})
}

func (c *conn) readText(ctx context.Context, r io.Reader) error {
	frame, err := readFrame(r, smallestFrame, protocol.MaxTextFrame)
	if errors.Is(err, errTooLarge) {
		return c.refuse(ctx, protocol.ErrFrameTooLarge,
			fmt.Sprintf("The text frame has more than %d bytes; it was dropped.", protocol.MaxTextFrame))
	}
	if err != nil {
		return err
	}
	message, err := protocol.DecodeClient(frame.Data)
	frame.Free()
	if wrong, ok := errors.AsType[*protocol.DecodeError](err); ok {
		return c.refuse(ctx, wrong.Code, wrong.Message)
	}
	if err != nil {
		return err
	}
	c.bad = 0
	return c.push(ctx, session.Input{Message: message})
}

// refuse tells the client through the session, which numbers its events, that a
// message was not accepted.
func (c *conn) refuse(ctx context.Context, code, text string) error {
	c.bad++
	return c.push(ctx, session.Input{Problem: &protocol.Problem{Code: code, Message: text}})
}

func (c *conn) push(ctx context.Context, in session.Input) error {
	c.pushing.Store(true)
	err := c.session.Push(ctx, in)
	c.pushing.Store(false)
	return err
}

// readFrame reads a whole message of at most limit bytes into a borrowed frame,
// expecting about that many bytes. A larger message is read to its end and
// gives errTooLarge.
func readFrame(r io.Reader, expect, limit int) (*audio.Frame, error) {
	frame := audio.NewFrame(min(max(expect, smallestFrame), limit))
	n := 0
	for {
		if n == len(frame.Data) {
			if n >= limit {
				break
			}
			larger := audio.NewFrame(min(4*n, limit))
			copy(larger.Data, frame.Data)
			frame.Free()
			frame = larger
		}
		m, err := r.Read(frame.Data[n:])
		n += m
		if errors.Is(err, io.EOF) {
			frame.Data = frame.Data[:n]
			return frame, nil
		}
		if err != nil {
			frame.Free()
			return nil, err
		}
	}
	// The frame is full. It may have ended just here.
	rest, err := io.Copy(io.Discard, r)
	if err == nil && rest == 0 {
		return frame, nil
	}
	frame.Free()
	if err == nil {
		err = errTooLarge
	}
	return nil, err
}
