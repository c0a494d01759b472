package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// speaker is one client.
type speaker struct {
	// Static after construction.
	user string
	conn net.Conn
	crew *crew

	writing sync.Mutex

	// Owned by the reader.
	r   *bufio.Reader
	buf []byte

	// Owned by the scheduler.
	at int // frames of the present utterance that were sent

	rests   atomic.Int64 // says nothing before, in Unix nanoseconds
	replies atomic.Int64 // when the reply's audio began, in Unix nanoseconds; 0: there is none

	mu        sync.Mutex
	committed time.Time // when the utterance was ended
	cancelled time.Time // when the reply was cancelled
	lastAudio time.Time // when the last audio came
	heard     bool      // audio of the present turn came
}

// crew is a number of speakers, and what they measure together.
type crew struct {
	all     []*speaker
	readers sync.WaitGroup
	closing atomic.Bool

	// What a speaker does when its turn is over; nil: nothing. Called by its
	// reader.
	turnOver func(s *speaker, how string)
	stalled  func(s *speaker) bool // does not read; nil: all do
	silent   bool                  // no pings

	expendable bool // it is no trouble when the server throws them out

	late  samples // answers to pings behind due frames
	own   samples // how late the scheduler was
	first samples // end of speech until the first audio
	added samples // that, less the engines' own time
	legs  [4]samples
	stop  samples // cancel until the last audio

	frames, pings, pongs atomic.Int64
	turns, bad           atomic.Int64
	lost                 atomic.Int64 // connections that broke

	mu     sync.Mutex
	broken error // the first reason
	counts atomic.Bool
}

// open connects n speakers, and configures each with the JSON that settings
// gives for it.
func (b *bench) open(ctx context.Context, host, path string, n int, settings func(i int) (user, configure string)) (*crew, error) {
	c := &crew{}
	gate := make(chan struct{}, 32) // handshakes at once
	var wg sync.WaitGroup
	c.all = make([]*speaker, n)
	errs := make([]error, n)
	for i := range n {
		select {
		case gate <- struct{}{}:
		case <-ctx.Done():
			wg.Wait()
			c.close()
			return nil, context.Cause(ctx)
		}
		wg.Go(func() {
			defer func() { <-gate }()
			user, configure := settings(i)
			conn, r, err := b.connect(ctx, host, path)
			if err == nil && configure != "" {
				_, err = conn.Write(appendFrame(nil, opText, []byte(configure)))
			}
			if err != nil {
				errs[i] = err
				return
			}
			c.all[i] = &speaker{user: user, conn: conn, r: r, crew: c}
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			c.close()
			return nil, fmt.Errorf("session %d of %d: %w", i+1, n, err)
		}
	}
	return c, nil
}

// listen lets every speaker read.
func (c *crew) listen() {
	for _, s := range c.all {
		if c.stalled == nil || !c.stalled(s) {
			c.readers.Go(s.read)
		}
	}
}

// close ends all connections, with a goodbye, so that no session waits for its
// client to come back.
func (c *crew) close() {
	if c.closing.Swap(true) {
		return
	}
	goodbye := appendFrame(nil, opClose, []byte{0x03, 0xE8}) // 1000: over
	for _, s := range c.all {
		if s != nil {
			_ = s.conn.SetDeadline(time.Now().Add(farewell))
			s.write(goodbye)
		}
	}
	c.readers.Wait() // the server closes
	for _, s := range c.all {
		if s != nil {
			_ = s.conn.Close() // nothing can be done about it
		}
	}
}

// farewell bounds the end of a connection.
const farewell = 5 * time.Second

// broke notes a connection that ended by itself.
func (c *crew) broke(err error) {
	if c.expendable || c.closing.Load() {
		return
	}
	c.lost.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken == nil {
		c.broken = err
	}
}

// trouble is why connections broke, nil when none did.
func (c *crew) trouble() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken == nil {
		return nil
	}
	return fmt.Errorf("%d connections broke: %w", c.lost.Load(), c.broken)
}

func (s *speaker) write(frame []byte) {
	s.writing.Lock()
	_, err := s.conn.Write(frame)
	s.writing.Unlock()
	if err != nil {
		s.crew.broke(err)
	}
}

// say sends a message.
func (s *speaker) say(text string) { s.write(appendFrame(nil, opText, []byte(text))) }

// read takes what the server sends until the connection ends.
func (s *speaker) read() {
	for {
		opcode, n, _, err := header(s.r)
		if err == nil {
			if cap(s.buf) < n {
				s.buf = make([]byte, n)
			}
			_, err = io.ReadFull(s.r, s.buf[:n])
		}
		if err != nil {
			s.crew.broke(err)
			return
		}
		switch payload := s.buf[:n]; opcode {
		case opBinary:
			s.hear(payload)
		case opText:
			s.event(payload)
		case opPing:
			s.write(appendFrame(nil, opPong, payload))
		case opClose:
			s.crew.broke(fmt.Errorf("the server closed: %q", payload))
			return
		}
	}
}

// hear takes audio of a reply.
func (s *speaker) hear(pcm []byte) {
	now := time.Now()
	s.mu.Lock()
	s.lastAudio = now
	first := !s.heard && !s.committed.IsZero()
	s.heard = true
	committed := s.committed
	s.mu.Unlock()
	if !first {
		return
	}
	s.replies.Store(now.UnixNano())
	c := s.crew
	if !c.counts.Load() {
		return
	}
	c.first.add(now.Sub(committed))
	if t, ok := readStamps(pcm); ok {
		c.added.add(now.Sub(committed) - t.path())
		for i, leg := range [4]int64{
			t.atotGot - committed.UnixNano(), t.ttotGot - t.atotGave, t.ttsGot - t.ttotGave, now.UnixNano() - t.ttsGave,
		} {
			c.legs[i].add(time.Duration(leg))
		}
	}
}

// Parts of events that are looked for; parsing all of it would cost more than
// the server does.
const (
	pongMark   = `"id":"`
	typeMark   = `"type":"`
	turnPrefix = "turn."
)

// event takes an event.
func (s *speaker) event(text []byte) {
	kind := between(text, typeMark)
	c := s.crew
	switch kind {
	case "pong", "ping": // a floor sends the ping itself back
		due, err := strconv.ParseInt(between(text, pongMark), 10, 64)
		if err != nil {
			return
		}
		c.pongs.Add(1)
		if c.counts.Load() {
			c.late.add(time.Since(time.Unix(0, due)))
		}
	case "turn.done", "turn.cancelled", "turn.failed":
		if _, rest, ok := bytes.Cut(text, []byte(`"seq":`)); ok { // as clients do: the server need not keep what came
			digits := len(rest) - len(bytes.TrimLeft(rest, "0123456789"))
			s.say(`{"type":"ack","seen":` + string(rest[:digits]) + `}`)
		}
		s.over(kind[len(turnPrefix):])
	}
}

// over ends a turn.
func (s *speaker) over(how string) {
	c := s.crew
	s.mu.Lock()
	if !s.cancelled.IsZero() && s.lastAudio.After(s.cancelled) && c.counts.Load() {
		c.stop.add(s.lastAudio.Sub(s.cancelled))
	} else if !s.cancelled.IsZero() && c.counts.Load() {
		c.stop.add(0)
	}
	s.committed, s.cancelled, s.heard = time.Time{}, time.Time{}, false
	s.mu.Unlock()
	s.replies.Store(0)
	if c.counts.Load() {
		c.turns.Add(1)
		if how == "failed" {
			c.bad.Add(1)
		}
	}
	if c.turnOver != nil {
		c.turnOver(s, how)
	}
}

// between gives what stands between a mark and the next quotation mark.
func between(text []byte, mark string) string {
	at := bytes.Index(text, []byte(mark))
	if at < 0 {
		return ""
	}
	rest := text[at+len(mark):]
	value, _, ended := bytes.Cut(rest, []byte{'"'})
	if !ended {
		return ""
	}
	return string(value)
}
