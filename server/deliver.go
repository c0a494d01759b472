package server

import (
	"errors"
	"os"
	"time"
)

// deliver hands over each message that comes as a whole in one frame, as nearly all
// do, and sees to signs of life. It returns what the hand could not get over, or nil when
// the WebSocket library has to read: something else came, the connection is closed,
// or left to it. It is called between two messages.
//
// A connection that was read empty says by itself when there is more, but only to
// who stays inside of one Read of it: coming back for each message would mean to ask
// it in vain each time, half of all its calls of the system. So messages are handed
// over in there. An end that came together with the last bytes says nothing by
// itself; for that there is lookAgain.
func (c *deadlineConn) deliver(to hand) error {
	if !c.enter() {
		return nil
	}
	defer c.leave()
	if c.reader.Buffered() > 0 {
		return nil
	}
	c.hand, c.failed = to, nil
	if c.sort() && c.raw != nil {
		c.stay()
	}
	return c.failed
}

// stay is the rest of deliver, on a connection that can be waited for.
func (c *deadlineConn) stay() {
	for {
		waited := c.raw.Read(c.try) // who reads next will be told
		if !errors.Is(waited, os.ErrDeadlineExceeded) || !c.looks() {
			return
		}
	}
}

// lookAgain has a reader that waits look whether the connection has ended, in case
// that the end came together with the last bytes: once after each time that something
// was read. It does not block.
func (c *deadlineConn) lookAgain() {
	c.gate.Lock()
	defer c.gate.Unlock()
	if c.busy && c.stirred && c.left == nil {
		c.asked, c.stirred = true, false
		_ = c.SetReadDeadline(time.Unix(1, 0)) // wakes the reader; an error says that the connection is closed
	}
}

// looks says whether the reader was woken by lookAgain, and has only to look.
func (c *deadlineConn) looks() bool {
	c.gate.Lock()
	defer c.gate.Unlock()
	if !c.asked || c.left != nil {
		return false
	}
	c.asked = false
	_ = c.SetReadDeadline(time.Time{}) // an error says that the connection is closed
	return true
}

// drain reads a connection until it is empty. It gives true when deliver is through.
func (c *deadlineConn) drain(fd uintptr) (through bool) {
	for {
		n, more, again := c.fill(fd)
		if n == 0 {
			return !again
		}
		c.observer.Received(n)
		c.stir()
		if !c.sort() {
			return true
		}
		if !more {
			return false
		}
	}
}

// stir notes that something was read.
func (c *deadlineConn) stir() {
	c.gate.Lock()
	defer c.gate.Unlock()
	c.stirred = true
}

// sort hands over what was read ahead. It gives true when the next message is not
// there yet, and the reader still has the connection.
func (c *deadlineConn) sort() (wait bool) {
	for !c.partial() {
		if c.sign() {
			continue
		}
		kind, frame, ok := c.message()
		if !ok {
			return false
		}
		c.leave() // who takes it may take a while
		c.failed = c.hand(kind, frame)
		if !c.enter() || c.failed != nil {
			return false
		}
	}
	return true
}

// yield leaves the connection to the WebSocket library, which reads it itself
// while it closes it.
func (c *deadlineConn) yield() {
	c.gate.Lock()
	c.yielded = true
	if c.busy && c.left == nil {
		c.left = make(chan struct{})
		_ = c.SetReadDeadline(time.Unix(1, 0)) // wakes the reader; an error says that the connection is closed
	}
	left := c.left
	c.gate.Unlock()
	if left != nil {
		<-left
	}
}

// enter says whether the reader still has the connection.
func (c *deadlineConn) enter() bool {
	c.gate.Lock()
	defer c.gate.Unlock()
	c.busy = !c.yielded
	return c.busy
}

// leave lets the connection go that was entered.
func (c *deadlineConn) leave() {
	c.gate.Lock()
	defer c.gate.Unlock()
	c.busy = false
	if c.asked || c.left != nil {
		_ = c.SetReadDeadline(time.Time{}) // an error says that the connection is closed
		c.asked = false
	}
	if c.left != nil {
		close(c.left)
		c.left = nil
	}
}
