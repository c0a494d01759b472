package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"sori/audio"
	"sori/protocol"
	"sori/realtime"
	"sori/realtime/dialect"
	"sori/session"
)

// talker is one WebSocket connection in the dialect of the OpenAI Realtime API,
// and the session behind it, which ends with it.
type talker struct {
	// Static after construction.
	ws      *websocket.Conn
	raw     *deadlineConn // under ws; closing it stops whatever ws is doing
	session Session
	talk    *dialect.Talk
	cancel  context.CancelFunc // asks the session to end
	log     *slog.Logger
	began   time.Time
	closing time.Duration // from end until raw is closed

	// Shared.
	ending  atomic.Pointer[ending] // the first reason to end, once there is one
	gone    atomic.Bool            // nothing can be written any more
	heard   atomic.Int64           // when the last message came, in Unix nanoseconds
	pushing atomic.Bool            // the reader waits for the talk
	cut     atomic.Pointer[time.Timer]
	cutLast atomic.Pointer[time.Timer] // ends what is under way when the server stops
	ran     chan struct{}              // closed when the session's Run is over
	leave   chan struct{}              // closed when the server stops
	late    chan struct{}              // closed when the session's end is not waited for any more

	pulse pulse // owned by the server's watch
}

// waitingFrames is how many frames of a client wait for its talk.
const waitingFrames = 16

func newTalker(ws *websocket.Conn, raw *deadlineConn, s Session, o dialect.Options, cancel context.CancelFunc, cfg *Config) *talker {
	c := &talker{
		ws: ws, raw: raw, session: s, cancel: cancel, log: cfg.Log.With("session", s.ID()),
		began: time.Now(), closing: cfg.CloseTimeout, ran: make(chan struct{}), leave: make(chan struct{}), late: make(chan struct{}),
	}
	o.Leave, o.Left = c.leave, func() { c.end(restarting()) }
	o.Expired = func() {
		c.end(ending{protocol.CloseExpired, "The token that let you in has expired. Come back with a new one."})
	}
	c.talk = dialect.New(o, s)
	c.pulse.pinged = c.began
	c.heard.Store(c.began.UnixNano())
	ws.SetReadLimit(floodFrame)
	raw.claims.most = floodFrame
	return c
}

// floodFrame is from how many bytes on a message ends the connection: one that is
// just too large is read to its end and refused.
const floodFrame = 3 * realtime.MaxFrame

// restarting is how a connection ends when the server stops.
func restarting() ending { return ending{protocol.CloseRestart, "The server restarts."} }

// run holds the connection until it is closed, the session has ended and
// everybody is home. ctx is what cancel cancels.
func (c *talker) run(ctx context.Context) {
	in, out := make(chan dialect.Incoming, waitingFrames), make(chan []byte)
	var wg sync.WaitGroup
	wg.Go(func() { c.runSession(ctx) })
	wg.Go(func() {
		defer close(out)
		c.talk.Run(ctx, c.ran, in, out)
	})
	wg.Go(func() { c.writeLoop(out) }) //nolint:contextcheck // what it writes outlives the session's context
	c.readLoop(ctx, in)
	c.cancel()
	wg.Wait()
	for _, timer := range []*time.Timer{c.cut.Load(), c.cutLast.Load()} {
		if timer != nil {
			timer.Stop()
		}
	}
	c.ws.CloseNow() //nolint:gosec // it says that the connection is closed already
	c.raw.release()
	e := c.ending.Load()
	c.log.Info("connection ended", "code", int(e.code), "reason", e.reason,
		"took_ms", time.Since(c.began).Milliseconds())
}

// runSession runs the session and says why the connection ends with it.
func (c *talker) runSession(ctx context.Context) {
	defer close(c.ran)
	err := runGuarded(ctx, c.session)
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		c.end(ending{protocol.CloseNormal, "The session has ended."})
	case errors.Is(err, session.ErrSlowReader):
		c.end(ending{protocol.CloseSlowReader, "The events were not read in time."})
	default:
		c.log.Error("session failed", "error", err)
		c.end(ending{protocol.CloseInternal, "Something broke inside sori."})
	}
}

// end asks the session to end and the writer to close the connection after the
// last event. The first reason stands. It does not block.
func (c *talker) end(e ending) {
	if !c.ending.CompareAndSwap(nil, &e) {
		return
	}
	c.cancel()
	// A client that does not take the rest may not hold the session's end up, and a
	// session that does not end not its client's: that is told why in any case.
	c.cut.Store(time.AfterFunc(c.closing*4/5, func() {
		close(c.late)
		c.cut.Store(time.AfterFunc(c.closing/5, c.drop))
	}))
}

// drain ends the connection once no response is under way, and within a time. It
// does not block.
func (c *talker) drain(within time.Duration) {
	c.cutLast.Store(time.AfterFunc(within, func() { c.end(restarting()) }))
	close(c.leave)
}

// drop closes the connection at once, without a word.
func (c *talker) drop() {
	c.gone.Store(true)
	c.raw.cut()
}

// readLoop hands what the client sends to the talk until the connection or the
// session ends.
func (c *talker) readLoop(ctx context.Context, in chan<- dialect.Incoming) {
	hand := func(kind websocket.MessageType, frame *audio.Frame) error {
		one := dialect.Incoming{Sound: frame.Data}
		if kind == websocket.MessageText {
			one = dialect.Decode(frame.Data)
		}
		one.Frame = frame
		return c.push(ctx, in, one)
	}
	expect := smallestFrame
	for {
		err := c.raw.deliver(hand)
		if err == nil {
			var kind websocket.MessageType
			var frame *audio.Frame
			kind, frame, err = c.receive(expect) //nolint:contextcheck // what ends this wait is the connection being closed
			switch {
			case errors.Is(err, errTooLarge):
				err = c.push(ctx, in, dialect.Incoming{Err: realtime.Wrong(realtime.CodeInvalidValue, "", "An event has at most %d bytes; this one was dropped.", realtime.MaxFrame)})
			case err == nil:
				expect = min(len(frame.Data)+1, maxExpected) // room to see the end of the frame
				err = hand(kind, frame)
			}
		}
		switch {
		case err == nil:
		case ctx.Err() != nil && errors.Is(err, ctx.Err()):
			return // the writer closes the connection
		default:
			c.lost(err)
			return
		}
	}
}

// push hands one message to the talk, and waits until it has room for it.
func (c *talker) push(ctx context.Context, in chan<- dialect.Incoming, one dialect.Incoming) error {
	c.heard.Store(time.Now().UnixNano())
	c.pushing.Store(true)
	select {
	case in <- one:
		c.pushing.Store(false)
		return nil
	case <-ctx.Done():
		one.Frame.Free()
		return ctx.Err()
	}
}

// receive reads one message of about expect bytes.
func (c *talker) receive(expect int) (websocket.MessageType, *audio.Frame, error) {
	kind, r, err := c.ws.Reader(context.Background())
	if err != nil {
		return kind, nil, err
	}
	frame, err := readFrame(r, expect, realtime.MaxFrame)
	return kind, frame, err
}

// maxExpected is how large a frame is expected to be at most, in bytes: half a
// second of sound in base64.
const maxExpected = 64 << 10

// lost notes that the client can't be read from any more: it closed, or
// vanished, or broke the rules of WebSocket.
func (c *talker) lost(err error) {
	e := ending{protocol.CloseNormal, "The client closed the connection."}
	if errors.Is(err, errClaim) { // the library did not tell the client
		c.end(ending{protocol.CloseTooBig, fmt.Sprintf("A message had more than %d bytes.", floodFrame)})
		return
	}
	c.gone.Store(true)
	switch {
	case errors.Is(err, websocket.ErrMessageTooBig):
		e = ending{protocol.CloseTooBig, fmt.Sprintf("A message had more than %d bytes.", floodFrame)}
	case websocket.CloseStatus(err) == -1:
		c.log.Debug("connection lost", "error", err)
		e.reason = "The connection was lost."
	}
	c.end(e)
}

// writeLoop sends what the talk says until it says no more, and then closes the
// connection.
func (c *talker) writeLoop(out <-chan []byte) {
	for more, late := true, c.late; more; {
		var frame []byte
		select {
		case frame, more = <-out:
			if more && !c.gone.Load() {
				c.write(frame)
			}
		case <-late:
			late = nil
			c.goodbye()
		}
	}
	select {
	case <-c.ran:
	case <-c.late:
	}
	c.goodbye()
}

// goodbye closes the connection, once.
func (c *talker) goodbye() {
	if c.gone.Swap(true) {
		return
	}
	e := c.ending.Load()
	c.raw.yield()
	if err := c.ws.Close(websocket.StatusCode(e.code), e.reason); err != nil {
		c.log.Debug("no goodbye from the client", "error", err)
	}
}

func (c *talker) write(frame []byte) {
	// A write that is cancelled breaks the connection. deadlineConn bounds it.
	if err := c.ws.Write(context.Background(), websocket.MessageText, frame); err != nil {
		c.unwritten(err)
	}
}

// unwritten drops a connection that took no more.
func (c *talker) unwritten(err error) {
	switch {
	case c.gone.Load():
		return
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.end(ending{protocol.CloseSlowReader, "The client does not read."})
	default:
		c.log.Debug("write failed", "error", err)
		c.end(ending{protocol.CloseNormal, "The connection was lost."})
	}
	c.drop()
}

// talkers are the connections in the dialect of the OpenAI Realtime API. The
// registry holds their places.
type talkers struct {
	mu     sync.Mutex
	all    map[*talker]struct{}
	closed bool // the server stops
}

func newTalkers() *talkers { return &talkers{all: make(map[*talker]struct{})} }

func (ts *talkers) add(c *talker) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.all[c] = struct{}{}
	if ts.closed {
		c.end(restarting())
	}
}

func (ts *talkers) remove(c *talker) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	delete(ts.all, c)
}

// each calls f, which must not block, for every connection.
func (ts *talkers) each(f func(*talker)) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for c := range ts.all {
		f(c)
	}
}

// shut ends all connections, those with a response under way within a time.
func (ts *talkers) shut(within time.Duration) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.closed = true
	for c := range ts.all {
		c.drain(within)
	}
}

// checkTalker looks at one connection. It does not block.
func (s *Server) checkTalker(c *talker, now time.Time) {
	if now.Sub(time.Unix(0, c.heard.Load())) > s.cfg.IdleTimeout && !c.pushing.Load() {
		c.end(ending{protocol.CloseIdle, "Nothing was heard from the client for too long."})
		return
	}
	if now.Sub(time.Unix(0, c.heard.Load())) >= watchEvery { // who speaks is heard of soon enough
		c.raw.lookAgain()
	}
	switch c.pulse.feel(now, &s.cfg, &c.raw.pings, c.pushing.Load()) {
	case pulseAsk:
		n := c.pulse.asked
		s.work.Go(func() {
			if err := c.raw.ping(n); err != nil {
				c.unwritten(err)
			}
		})
	case pulseGone:
		c.log.Debug("no answer to a ping")
		c.drop()
	case pulseThere, pulseNothing:
	}
}
