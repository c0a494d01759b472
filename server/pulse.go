package server

import (
	"context"
	"encoding/binary"
	"sync/atomic"
	"time"
)

// pings counts the pings of one connection. They go past the WebSocket library:
// its way to wait for an answer costs a goroutine, and a reader that takes the
// answer inside of it keeps a deep stack until the next message.
type pings struct {
	sent     atomic.Uint64
	answered atomic.Uint64 // number of the last ping that was answered
}

// pingBytes is the length of a ping's payload: its number.
const pingBytes = 8

// pong is how the WebSocket library tells of an answer that it came upon.
func (p *pings) pong(_ context.Context, payload []byte) { p.take(payload) }

// take takes an answer in. Answers to nothing are none.
func (p *pings) take(payload []byte) {
	if len(payload) != pingBytes {
		return
	}
	if n := binary.BigEndian.Uint64(payload); n > p.answered.Load() && n <= p.sent.Load() {
		p.answered.Store(n)
	}
}

// ping asks the client for a sign of life.
func (c *deadlineConn) ping(n uint64) error {
	var payload [pingBytes]byte
	binary.BigEndian.PutUint64(payload[:], n)
	return c.control(framePing, payload[:])
}

// control sends a control frame.
func (c *deadlineConn) control(first byte, payload []byte) error {
	var frame [2 + maxControl]byte
	frame[0], frame[1] = first, byte(len(payload)) //nolint:gosec // maxControl at most
	_, err := c.send(frame[:2+copy(frame[2:], payload)])
	return err
}

// maxControl is the longest payload of a control frame, in bytes.
const maxControl = 125

// sign takes a ping or a pong that is there as a whole from what was read ahead,
// and sees to it. It is apart from next, which waits with little on its stack.
//
//go:noinline
func (c *deadlineConn) sign() (ok bool) {
	const head = 2 + 4
	b := c.data
	if len(b) < head || b[0] != framePing && b[0] != framePong || b[1]&frameMasked == 0 {
		return false
	}
	size := int(b[1] &^ frameMasked)
	if size > maxControl || len(b) < head+size {
		return false
	}
	var payload [maxControl]byte
	unmask(payload[:size], b[head:head+size], [4]byte(b[2:]))
	first := b[0]
	c.take(head + size)
	if first == framePong {
		c.pings.take(payload[:size])
		return true
	}
	_ = c.control(framePong, payload[:size]) // who reads next will be told
	return true
}

// pulse is what the server's watch knows of a connection's signs of life. TCP
// alone would notice a vanished client after many minutes.
//
// Owned by the watch.
type pulse struct {
	pinged time.Time
	asked  uint64 // number of the ping that waits for its answer, 0 for none
	wrote  uint64 // number of the last message before that
	seen   uint64 // number of the last message that an answer came after
}

// verdict is what a pulse says.
type verdict int

const (
	pulseNothing verdict = iota
	pulseAsk             // it is time for a ping
	pulseThere           // the answer came
	pulseGone            // it did not come in time
)

// feel looks at a connection. It does not block. pushing says that an answer may
// lie unread behind a frame that the session can't take yet.
func (p *pulse) feel(now time.Time, cfg *Config, of *pings, pushing bool) verdict {
	switch since := now.Sub(p.pinged); {
	case p.asked > 0 && of.answered.Load() >= p.asked:
		p.asked = 0
		return pulseThere
	case p.asked > 0 && since >= cfg.PongTimeout:
		p.asked = 0
		if pushing {
			return pulseNothing
		}
		return pulseGone
	case p.asked == 0 && since >= cfg.PingEvery:
		p.pinged, p.asked = now, of.sent.Add(1)
		return pulseAsk
	}
	return pulseNothing
}
