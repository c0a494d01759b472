package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"time"

	"github.com/coder/websocket"

	"sori/protocol"
)

const (
	backlogBytes = 4 << 20                // of frames that the server may ask for again: two minutes of speech
	writeTime    = 5 * time.Second        // for one write, where a connection can be made anew
	handshake    = 10 * time.Second       // for one attempt to resume
	firstPause   = 100 * time.Millisecond // before the second attempt; each pause is twice the last
	longestPause = 5 * time.Second
)

// frame is one message to the server.
type frame struct {
	kind websocket.MessageType
	data []byte
}

// backlog keeps the frames that the server may ask for again. The client's
// frames are numbered 1, 2, 3 …; the first message of all has no number.
type backlog struct {
	opened bool
	last   uint64  // number of the newest frame
	frames []frame // the newest ones, oldest first
	bytes  int
}

// add numbers a frame and keeps it. Beyond the bound the oldest are let go.
func (b *backlog) add(f frame) {
	if !b.opened {
		b.opened = true
		return
	}
	b.last++
	b.frames = append(b.frames, f)
	b.bytes += len(f.data)
	for b.bytes > backlogBytes {
		b.drop(1)
	}
}

func (b *backlog) drop(n int) {
	for _, f := range b.frames[:n] {
		b.bytes -= len(f.data)
	}
	clear(b.frames[:n])
	b.frames = b.frames[n:]
}

// after gives the frames behind number n that are still there.
func (b *backlog) after(n uint64) []frame {
	if n >= b.last {
		return nil
	}
	missing := min(b.last-n, uint64(len(b.frames)))
	return b.frames[uint64(len(b.frames))-missing:]
}

// resume keeps what the server has not got, and gives it. Numbers go on after
// what it has, also where more was let go.
func (b *backlog) resume(received uint64) []frame {
	frames := b.after(received)
	b.drop(len(b.frames) - len(frames))
	b.last = received + uint64(len(frames))
	return frames
}

// send sends a frame. What can't leave now is sent when the session is resumed.
func (c *Conn) send(ctx context.Context, f frame) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	if c.options.Resume <= 0 {
		return closed(c.ws.Write(ctx, f.kind, f.data))
	}
	first := !c.unsent.opened
	c.unsent.add(f)
	writing, stop := context.WithTimeout(ctx, writeTime)
	defer stop()
	err := closed(c.ws.Write(writing, f.kind, f.data))
	if err != nil && (first || ctx.Err() != nil) {
		return err
	}
	return nil // Receive sees that the connection is gone, and mends it
}

func (c *Conn) connection() *websocket.Conn {
	c.sending.Lock()
	defer c.sending.Unlock()
	return c.ws
}

// forget lets go of frames that the server will not ask for again.
func (c *Conn) forget(received uint64) {
	c.sending.Lock()
	defer c.sending.Unlock()
	b := &c.unsent
	if keep := len(b.after(received)); keep < len(b.frames) {
		b.drop(len(b.frames) - keep)
	}
}

// forgotten is the number of the newest frame that is not kept.
func (c *Conn) forgotten() uint64 {
	c.sending.Lock()
	defer c.sending.Unlock()
	return c.unsent.last - uint64(len(c.unsent.frames))
}

// resumable says whether the session may go on after err.
func (c *Conn) resumable(err error) bool {
	end, ok := errors.AsType[*CloseError](err)
	if !ok || c.options.Resume <= 0 || c.ready.Resume.Key == "" {
		return false
	}
	switch end.Code {
	case closeAbnormal, protocol.CloseGoingAway, protocol.CloseRestart, protocol.CloseTryLater, protocol.CloseSlowReader, protocol.CloseIdle:
		return true
	case protocol.CloseNormal, protocol.CloseTooBig, protocol.CloseInternal, protocol.CloseTaken, protocol.CloseBadProtocol:
		return false
	default:
		return false
	}
}

// resume makes another connection for the session. lost is why the last one
// ended, and the error when none can be made.
func (c *Conn) resume(ctx context.Context, lost error) (Message, error) {
	began := time.Now()
	u, err := url.Parse(c.address)
	if err != nil {
		return Message{}, err // not after Dial
	}
	ctx, stop := context.WithTimeoutCause(ctx, c.away+c.options.Resume, lost)
	defer stop()
	pause := c.away
	c.away = 0
	for next := firstPause; ; next = min(2*next, longestPause) {
		if err := until(ctx, time.Now().Add(pause)); err != nil {
			return Message{}, err
		}
		m, again, err := c.attempt(ctx, u)
		if err == nil {
			m.Outage = time.Since(began)
			return m, nil
		}
		if !again {
			return Message{}, &CloseError{Code: closeAbnormal, Reason: err.Error(), Err: errors.Join(err, lost)}
		}
		pause = next/2 + rand.N(next) //nolint:gosec // a pause
	}
}

// errRefused says that the session can't be resumed any more.
var errRefused = errors.New("the session is over")

// attempt tries once. again says whether it makes sense to try later.
func (c *Conn) attempt(ctx context.Context, u *url.URL) (m Message, again bool, err error) {
	ctx, stop := context.WithTimeout(ctx, handshake)
	defer stop()
	ws, err := c.dial(ctx, u, c.ready.Session)
	if err != nil {
		refused, ok := errors.AsType[*DialError](err)
		return m, !ok || refused.Status == 0 || refused.Status >= 500 || refused.Status == 429, err
	}
	text, err := protocol.EncodeClient(protocol.Resume{
		Session: c.ready.Session, Key: c.ready.Resume.Key, Seen: c.seq,
		Forgotten: c.forgotten(), Turn: c.turn, Live: c.live,
	})
	if err == nil {
		err = ws.Write(ctx, websocket.MessageText, text)
	}
	if err == nil {
		_, m.Text, err = ws.Read(ctx)
	}
	if err != nil {
		ws.CloseNow() //nolint:gosec // it is of no use any more
		return m, true, closed(err)
	}
	m.Head, m.Event, err = protocol.DecodeEvent(m.Text)
	resumed, ok := m.Event.(protocol.Resumed)
	if !ok {
		ws.CloseNow() //nolint:gosec // as above
		if p, is := m.Event.(protocol.Problem); is {
			return m, false, fmt.Errorf("%w: %s", errRefused, p.Message)
		}
		return m, true, errors.Join(errors.New("sori did not say whether the session goes on"), err)
	}
	c.seq = m.Head.Seq
	return m, true, c.goOn(ctx, ws, resumed)
}

// goOn makes ws the connection and sends what the server has not got.
func (c *Conn) goOn(ctx context.Context, ws *websocket.Conn, resumed protocol.Resumed) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	c.ws.CloseNow() //nolint:gosec // it is gone
	c.ws = ws
	for _, f := range c.unsent.resume(resumed.Received) {
		if err := ws.Write(ctx, f.kind, f.data); err != nil {
			return closed(err)
		}
	}
	return nil
}
