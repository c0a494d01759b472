package session

import (
	"sori/audio"
	"sori/protocol"
)

// item waits in the outbox.
type item struct {
	turn  int
	ms    int64
	event protocol.Event
	audio *audio.Frame
	bytes int // of audio; the frame itself is somebody else's once it has left
}

// outbox holds what the client has not taken yet, in order. Events are bounded
// by count and never dropped; audio is bounded by the actor, which takes no more
// of it from the turn above the high-water mark, and may be discarded.
//
// Owned by the goroutine of Run.
type outbox struct {
	items      []item
	head       int // items before it are gone
	seq        uint64
	audioBytes int // waiting
}

func (o *outbox) empty() bool { return o.head == len(o.items) }

func (o *outbox) events() int { return len(o.items) - o.head }

func (o *outbox) push(it item) {
	if o.head > 0 && len(o.items) == cap(o.items) {
		n := copy(o.items, o.items[o.head:])
		clear(o.items[n:])
		o.items, o.head = o.items[:n], 0
	}
	if it.audio != nil {
		it.bytes = len(it.audio.Data)
		o.audioBytes += it.bytes
	}
	o.items = append(o.items, it)
}

// peek gives the next output with the sequence number that it will have.
func (o *outbox) peek() Output {
	it := &o.items[o.head]
	return Output{
		Head:  protocol.Head{Seq: o.seq + 1, Turn: it.turn, MS: it.ms},
		Event: it.event,
		Audio: it.audio,
	}
}

// pop removes what peek gave, after the client's side took it.
func (o *outbox) pop() item {
	it := o.items[o.head]
	o.items[o.head] = item{}
	o.head++
	o.seq++
	o.audioBytes -= it.bytes
	if o.empty() {
		o.items, o.head = o.items[:0], 0
	}
	return it
}

// dropAudio discards the waiting audio of a turn. Events stay.
func (o *outbox) dropAudio(turn int) {
	kept := o.items[:o.head]
	for _, it := range o.items[o.head:] {
		if it.audio != nil && it.turn == turn {
			o.audioBytes -= it.bytes
			it.audio.Free()
			continue
		}
		kept = append(kept, it)
	}
	clear(o.items[len(kept):])
	o.items = kept
}

// free gives back what is left at the end.
func (o *outbox) free() {
	for _, it := range o.items[o.head:] {
		if it.audio != nil {
			it.audio.Free()
		}
	}
	o.items, o.head, o.audioBytes = nil, 0, 0
}
