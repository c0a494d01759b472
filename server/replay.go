package server

import (
	"github.com/coder/websocket"

	"sori/audio"
)

// saying is a message that went to the client, or would have.
type saying struct {
	seq  uint64
	turn int
	kind websocket.MessageType
	data *audio.Frame
}

// replay holds the messages that the client may not have got, oldest first. Where
// they are more than it may hold, it forgets the oldest.
//
// Owned by the host's goroutine.
type replay struct {
	items    []saying
	head     int // items before it are gone
	bytes    int
	last     uint64 // number of the message that was added last
	maxBytes int
	maxItems int
}

func (r *replay) len() int { return len(r.items) - r.head }

// add takes the message's data over.
func (r *replay) add(m saying) {
	r.last = m.seq
	if r.head > 0 && len(r.items) == cap(r.items) {
		n := copy(r.items, r.items[r.head:])
		clear(r.items[n:])
		r.items, r.head = r.items[:n], 0
	}
	r.items = append(r.items, m)
	r.bytes += cap(m.data.Data)
	for r.bytes > r.maxBytes || r.len() > r.maxItems {
		r.drop()
	}
}

// drop forgets the oldest.
func (r *replay) drop() {
	m := &r.items[r.head]
	r.bytes -= cap(m.data.Data)
	m.data.Free()
	*m = saying{}
	r.head++
	if r.len() == 0 { // most sessions are idle most of the time
		r.items, r.head = nil, 0
	}
}

// forget drops what the client has seen.
func (r *replay) forget(seen uint64) {
	for r.len() > 0 && r.items[r.head].seq <= seen {
		r.drop()
	}
}

// before is the number of the message before the first that is held.
func (r *replay) before() uint64 {
	if r.len() == 0 {
		return r.last
	}
	return r.items[r.head].seq - 1
}

// held is what can be said again.
func (r *replay) held() []saying { return r.items[r.head:] }

func (r *replay) free() { r.forget(r.last) }
