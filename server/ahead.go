package server

import (
	"bufio"
	"encoding/binary"
	"sync"
	"syscall"

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
	stirred bool          // something was read since the reader looked last; guarded by gate
	left    chan struct{} // closed when the reader reads no more; nil: nobody waits; guarded by gate

	// Owned by the reader, or by the WebSocket library once it has the connection.
	raw    syscall.RawConn    // nil: the connection has none, as with TLS
	try    func(uintptr) bool // drain, made once
	hand   hand               // what drain hands messages to
	failed error              // what hand could not get over
	rooms  *sync.Pool         // of *[aheadBytes]byte
	room   *[aheadBytes]byte  // under data
	data   []byte
	reader *bufio.Reader // that the WebSocket library reads with
}

// hand takes a message that came as a whole. It may take a while.
type hand func(kind websocket.MessageType, frame *audio.Frame) error

// look makes a connection ready to be waited for, where that can be done.
func (c *deadlineConn) look(conn any, rooms *sync.Pool) {
	c.rooms = rooms
	if system, ok := conn.(syscall.Conn); ok && readsRaw {
		if raw, err := system.SyscallConn(); err == nil {
			c.raw, c.try = raw, c.drain
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
