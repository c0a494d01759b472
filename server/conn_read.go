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

// readLoop hands what the client sends to its session until the connection is
// closed. It says whether the client is through with the session.
func (c *conn) readLoop() (goodbye bool) {
	heed := c.heed // once
	for {
		err := c.raw.deliver(heed)
		if err == nil {
			err = c.readNext()
		}
		if err != nil {
			return c.lost(err)
		}
	}
}

// heed makes an input of a message that is there as a whole, and hands it over.
func (c *conn) heed(kind websocket.MessageType, frame *audio.Frame) error {
	if kind == websocket.MessageBinary {
		c.bad = 0
		c.pass(session.Input{Audio: frame})
		return nil
	}
	in, err := c.decode(frame)
	if err == nil {
		c.pass(in)
	}
	return err
}

// readNext has the WebSocket library read a message. It is apart from the loop, which
// waits for the next one with little on its stack.
//
//go:noinline
func (c *conn) readNext() error {
	// A context that can be cancelled would cost eight allocations per frame
	// here. What ends this wait is the connection being closed.
	kind, r, err := c.ws.Reader(context.Background())
	if err != nil {
		return err
	}
	read := c.readText
	if kind == websocket.MessageBinary {
		read = c.readAudio
	}
	in, err := read(r)
	if err == nil {
		c.pass(in)
	}
	return err
}

// pass hands an input over.
func (c *conn) pass(in session.Input) {
	c.heard.Store(time.Now().UnixNano())
	c.take(in)
	if c.bad >= c.server.cfg.MaxBadMessages {
		c.end(ending{protocol.CloseBadProtocol, "Too many messages in a row could not be understood."})
	}
}

// lost notes that the client can't be read from any more: it closed, or
// vanished, or broke the rules of WebSocket.
func (c *conn) lost(err error) (goodbye bool) {
	e := ending{protocol.CloseNormal, "The client closed the connection."}
	switch {
	case errors.Is(err, websocket.ErrMessageTooBig), errors.Is(err, errClaim):
		goodbye = true
		e = ending{protocol.CloseTooBig, fmt.Sprintf("A message had more than %d bytes.", protocol.MaxMessage)}
	case websocket.CloseStatus(err) == websocket.StatusNormalClosure:
		goodbye = c.ending.Load() == nil
	case websocket.CloseStatus(err) == -1:
		c.log.Debug("connection lost", "error", err)
		e.reason = "The connection was lost."
	}
	if errors.Is(err, errClaim) { // the library did not tell the client
		c.cutAfter(lingering)
		c.shut(e)
		c.closing.wg.Wait()
	}
	c.ending.CompareAndSwap(nil, &e)
	return goodbye
}

// take hands an input to the session. The first message of a connection says
// which one that is.
func (c *conn) take(in session.Input) {
	if c.ending.Load() != nil { // it is being closed
		in.Audio.Free()
		return
	}
	h := c.host.Load()
	if h == nil {
		c.begin(in)
		return
	}
	c.pushing.Store(true)
	h.push(c, in)
	c.pushing.Store(false)
}

// end ends the connection and its session.
func (c *conn) end(e ending) {
	if h := c.host.Load(); h != nil {
		h.end(e)
	} else {
		c.shut(e)
	}
}

func (c *conn) readAudio(r io.Reader) (session.Input, error) {
	frame, err := readFrame(r, c.expect, protocol.MaxAudioFrame)
	if errors.Is(err, errTooLarge) {
		return c.refuse(protocol.ErrFrameTooLarge,
			fmt.Sprintf("The binary frame has more than %d bytes; it was dropped.", protocol.MaxAudioFrame)), nil
	}
	if err != nil {
		return session.Input{}, err
	}
	c.expect = len(frame.Data) + 1 // room to see the end of the frame
	c.bad = 0
	return session.Input{Audio: frame}, nil
}

func (c *conn) readText(r io.Reader) (session.Input, error) {
	frame, err := readFrame(r, smallestFrame, protocol.MaxTextFrame)
	if errors.Is(err, errTooLarge) {
		return c.refuse(protocol.ErrFrameTooLarge,
			fmt.Sprintf("The text frame has more than %d bytes; it was dropped.", protocol.MaxTextFrame)), nil
	}
	if err != nil {
		return session.Input{}, err
	}
	return c.decode(frame)
}

// decode reads what a text message says.
func (c *conn) decode(frame *audio.Frame) (session.Input, error) {
	message, err := protocol.DecodeClient(frame.Data)
	frame.Free()
	if wrong, ok := errors.AsType[*protocol.DecodeError](err); ok {
		return c.refuse(wrong.Code, wrong.Message), nil
	}
	if err != nil {
		return session.Input{}, err
	}
	c.bad = 0
	return session.Input{Message: message}, nil
}

// refuse makes of a message that was not accepted what the session, which
// numbers its events, is to tell the client.
func (c *conn) refuse(code, text string) session.Input {
	c.bad++
	return session.Input{Problem: &protocol.Problem{Code: code, Message: text}}
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
