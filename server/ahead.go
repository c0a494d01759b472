package server

import (
	"bufio"
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/coder/websocket"

	"sori/audio"
)

// aheadBytes is how much is read from a connection at once: a dozen frames of
// 20 ms, or one of 100 ms as base64 in JSON.
const aheadBytes = 8 << 10

// ahead is what was read from a connection before anybody asked for it. A
// connection on which nothing comes waits here without a buffer, and near the
// bottom of its goroutine's stack: a wait inside of the WebSocket library would
// hold twice the stack, and that for each idle session.
type ahead struct {
	gate    sync.Mutex
	busy    bool          // the reader reads; guarded by gate
	yielded bool          // the WebSocket library has the connection to itself; guarded by gate
	asked   bool          // the reader is to look once more; guarded by gate
	left    chan struct{} // closed when the reader reads no more; nil: nobody waits; guarded by gate

	// Owned by the reader, or by the WebSocket library once it has the connection.
	raw    syscall.RawConn   // nil: the connection has none, as with TLS
	rooms  *sync.Pool        // of *[aheadBytes]byte
	room   *[aheadBytes]byte // under data
	data   []byte
	reader *bufio.Reader // that the WebSocket library reads with
}

// look makes a connection ready to be waited for, where that can be done.
func (a *ahead) look(conn any, rooms *sync.Pool) {
	a.rooms = rooms
	if c, ok := conn.(syscall.Conn); ok && readsRaw {
		if raw, err := c.SyscallConn(); err == nil {
			a.raw = raw
		}
	}
}

// fill reads once what is there, behind what was read before: n bytes. more says
// that there may be more, and again that there is nothing yet. Neither n nor
// again: the end, or an error, which who reads next will be told.
func (a *ahead) fill(fd uintptr) (n int, more, again bool) {
	room := a.room
	if room == nil {
		var ok bool
		if room, ok = a.rooms.Get().(*[aheadBytes]byte); !ok {
			room = new([aheadBytes]byte)
		}
	}
	kept := copy(room[:], a.data)
	n, again = readRaw(fd, room[kept:])
	n = max(n, 0)
	if kept+n == 0 {
		a.rooms.Put(room)
		return 0, false, again
	}
	a.room, a.data = room, room[:kept+n]
	return n, kept+n == len(room), again
}

// opening reads the header of a message in one frame: where its payload begins,
// and how long that is. more says that the header is not whole yet; ok is false
// for any other frame, which the WebSocket library has to read.
func opening(b []byte) (head, size int, more, ok bool) {
	if len(b) > 0 && b[0] != frameText && b[0] != frameBinary || len(b) > 1 && b[1]&frameMasked == 0 {
		return 0, 0, false, false
	}
	if len(b) < 2 {
		return 0, 0, true, true
	}
	head, size = 2+4, int(b[1]&^frameMasked)
	if size < lengthIn16 {
		return head, size, false, true
	}
	if size == lengthIn64 {
		return 0, 0, false, false
	}
	if len(b) < 4 {
		return 0, 0, true, true
	}
	head, size = 2+2+4, int(binary.BigEndian.Uint16(b[2:]))
	return head, size, false, size >= lengthIn16 // no client writes a short one so
}

// partial says that more has to be read before a message can be taken: there is
// nothing, or the beginning of a message that has room here.
func (a *ahead) partial() bool {
	head, size, more, ok := opening(a.data)
	return ok && (more || len(a.data) < head+size && head+size <= aheadBytes)
}

// take gives n bytes of the data away, and the room back with the last of them.
func (a *ahead) take(n int) {
	if a.data = a.data[n:]; len(a.data) == 0 && a.room != nil {
		a.rooms.Put(a.room)
		a.room, a.data = nil, nil
	}
}

// release gives back what nobody will read any more.
func (c *deadlineConn) release() {
	c.take(len(c.data))
}

// deliver hands over each message that comes as a whole in one frame, as nearly all
// do, and sees to signs of life. It returns what hand could not get over, or nil when
// the WebSocket library has to read: something else came, the connection is closed,
// or left to it. It is called between two messages.
//
// A connection that was read empty says by itself when there is more, but only to
// who stays inside of one Read of it: coming back for each message would mean to ask
// it in vain each time, half of all its calls of the system. So messages are handed
// over in there. An end that came together with the last bytes says nothing by
// itself; for that there is lookAgain.
func (c *deadlineConn) deliver(hand func(websocket.MessageType, *audio.Frame) error) error {
	if !c.enter() {
		return nil
	}
	defer c.leave()
	if c.reader.Buffered() > 0 {
		return nil
	}
	if wait, err := c.sort(hand); !wait || c.raw == nil {
		return err
	}
	return c.stay(hand)
}

// stay is the rest of deliver, on a connection that can be waited for.
func (c *deadlineConn) stay(hand func(websocket.MessageType, *audio.Frame) error) (err error) {
	for {
		waited := c.raw.Read(func(fd uintptr) (done bool) { // who reads next will be told
			done, err = c.drain(fd, hand)
			return done
		})
		if !errors.Is(waited, os.ErrDeadlineExceeded) || !c.looks() {
			return err
		}
	}
}

// lookAgain has the reader look whether the connection has ended, in case that the
// end came together with the last bytes. It does not block.
func (c *deadlineConn) lookAgain() {
	c.gate.Lock()
	defer c.gate.Unlock()
	if c.busy && c.raw != nil && c.left == nil {
		c.asked = true
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

// drain reads a connection until it is empty. done says that deliver is through.
func (c *deadlineConn) drain(fd uintptr, hand func(websocket.MessageType, *audio.Frame) error) (done bool, err error) {
	for {
		n, more, again := c.fill(fd)
		if n == 0 {
			return !again, nil
		}
		c.observer.Received(n)
		wait, err := c.sort(hand)
		switch {
		case !wait:
			return true, err
		case !more:
			return false, nil
		}
	}
}

// sort hands over what was read ahead. wait says that the next message is not there
// yet, and that the reader still has the connection.
func (c *deadlineConn) sort(hand func(websocket.MessageType, *audio.Frame) error) (wait bool, err error) {
	for !c.partial() {
		if c.sign() {
			continue
		}
		kind, frame, ok := c.message()
		if !ok {
			return false, nil
		}
		c.leave() // who takes it may take a while
		if err := hand(kind, frame); !c.enter() || err != nil {
			return false, err
		}
	}
	return true, nil
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

// Bits of the first two bytes of a frame.
const (
	frameText   = 0x81 // the whole of a text message, with no extension
	frameBinary = 0x82
	framePing   = 0x89
	framePong   = 0x8A
	frameMasked = 0x80
	lengthIn16  = 126 // the length stands in the next two bytes
	lengthIn64  = 127 // … in the next eight
)

// message gives the first message of the data.
//
//go:noinline
func (c *deadlineConn) message() (kind websocket.MessageType, frame *audio.Frame, ok bool) {
	b := c.data
	head, size, more, ok := opening(b)
	if !ok || more || len(b) < head+size {
		return 0, nil, false
	}
	if kind = websocket.MessageBinary; b[0] == frameText {
		kind = websocket.MessageText
	}
	frame = audio.NewFrame(max(size, smallestFrame))
	frame.Data = frame.Data[:size]
	unmask(frame.Data, b[head:head+size], [4]byte(b[head-4:]))
	c.take(head + size)
	return kind, frame, true
}

// unmask puts what is masked into dst, which is as long, eight bytes at once.
func unmask(dst, masked []byte, key [4]byte) {
	once := uint64(binary.LittleEndian.Uint32(key[:]))
	wide := once<<32 | once
	for len(masked) >= 8 && len(dst) >= 8 {
		binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(masked)^wide)
		dst, masked = dst[8:], masked[8:]
	}
	for i := range masked {
		dst[i] = masked[i] ^ key[i&3]
	}
}
