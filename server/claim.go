package server

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// errClaim says that a frame was announced which is longer than any message may
// be.
var errClaim = errors.New("server: a frame claims to be longer than a message may be")

// lingering is how long what a client still sends is thrown away once it was told
// that its message is too large: without that the system would take the answer
// back with the connection.
const lingering = time.Second

// claims reads along with what the WebSocket library reads, and finds a frame
// that is too long in its header. The library would wait for all of the bytes that
// may come.
//
// Owned by whoever reads the connection.
type claims struct {
	left uint64 // bytes that are still to come of the frame's payload
	most uint32 // bytes of a message; 0: any number
	head [2 + 8 + 4]byte
	n    uint8 // bytes in head
	over bool  // a claim was too large
}

// see goes on by what was read.
func (f *claims) see(p []byte) error {
	for len(p) > 0 {
		if f.left > 0 {
			n := min(f.left, uint64(len(p)))
			f.left -= n
			p = p[n:]
			continue
		}
		f.head[f.n] = p[0]
		f.n++
		p = p[1:]
		size, known, whole := f.size()
		if known && f.most > 0 && f.data() && size > uint64(f.most) {
			f.over = true
			return fmt.Errorf("%w: %d bytes", errClaim, size)
		}
		if whole {
			f.left, f.n = size, 0
		}
	}
	return nil
}

// data says whether the frame is part of a message. The library looks at the
// others.
func (f *claims) data() bool { return f.head[0]&0x08 == 0 }

// size gives the length of the payload, once it is known, and says whether the
// header is whole.
func (f *claims) size() (size uint64, known, whole bool) {
	if f.n < 2 {
		return 0, false, false
	}
	end := 2
	switch size = uint64(f.head[1] &^ frameMasked); size {
	case lengthIn16:
		end = 4
		size = uint64(binary.BigEndian.Uint16(f.head[2:]))
	case lengthIn64:
		end = 10
		size = binary.BigEndian.Uint64(f.head[2:])
	}
	known = int(f.n) >= end
	if f.head[1]&frameMasked != 0 {
		end += 4
	}
	return size, known, int(f.n) >= end
}
