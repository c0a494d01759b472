package session

import (
	"time"

	"sori/audio"
	"sori/protocol"
)

// item waits in the outbox.
type item struct {
	turn  int
	ms    int64 // when it happened; in the voice's lane it happens when it leaves
	event protocol.Event
	ref   string // of the input that it answers
	audio *audio.Frame
	bytes int    // of audio; the frame itself is somebody else's once it has left
	ends  bool   // it is the audio.end of its turn
	aside bool   // it takes no number
	apart string // of which Apart it is, "" for none
	state *State
}

// lane is a first-in, first-out queue.
type lane struct {
	items []item
	head  int // items before it are gone
}

func (l *lane) len() int { return len(l.items) - l.head }

func (l *lane) push(it item) {
	if l.head > 0 && len(l.items) == cap(l.items) {
		n := copy(l.items, l.items[l.head:])
		clear(l.items[n:])
		l.items, l.head = l.items[:n], 0
	}
	l.items = append(l.items, it)
}

func (l *lane) first() *item { return &l.items[l.head] }

func (l *lane) pop() item {
	it := l.items[l.head]
	l.items[l.head] = item{}
	l.head++
	if l.len() == 0 {
		l.items, l.head = l.items[:0], 0
	}
	return it
}

// outbox holds what the client has not taken yet. Events are bounded by count
// and never dropped. The voice has a lane of its own, for it is paced, held and
// discarded: its audio, with the captions and the marks that belong to it. The
// actor bounds it: above the high-water mark it takes no more from the turn.
//
// Owned by the goroutine of Run.
type outbox struct {
	seq        uint64
	events     lane
	voice      lane
	audioBytes int // waiting in voice
}

func (o *outbox) empty() bool { return o.events.len() == 0 && o.voice.len() == 0 }

func (o *outbox) pushVoice(it item) {
	if it.audio != nil {
		it.bytes = len(it.audio.Data)
		o.audioBytes += it.bytes
	}
	o.voice.push(it)
}

// output is an item as it leaves next.
func (o *outbox) output(it *item) Output {
	seq := o.seq
	if !it.aside {
		seq++
	}
	if it.state != nil {
		it.state.Seq = seq
	}
	return Output{
		Head:  protocol.Head{Seq: seq, Turn: it.turn, MS: it.ms},
		Event: it.event,
		Audio: it.audio,
		Ref:   it.ref,
		State: it.state,
		Apart: it.apart,
	}
}

// left removes the first item of a lane after the client's side took it.
func (o *outbox) left(from *lane) item {
	it := from.pop()
	if !it.aside {
		o.seq++
	}
	o.audioBytes -= it.bytes
	return it
}

// hush discards all that waits in the voice's lane.
func (o *outbox) hush() {
	for o.voice.len() > 0 {
		it := o.voice.pop()
		it.audio.Free()
	}
	o.audioBytes = 0
}

// bytesOf is how many bytes d of mono 16-bit audio has at a rate.
func bytesOf(d time.Duration, rate int) int {
	return int(d.Seconds()*float64(rate)) * 2
}

// lengthOf is how long n bytes of mono 16-bit audio are at a rate.
func lengthOf(n, rate int) time.Duration {
	return time.Duration(n/2) * time.Second / time.Duration(rate)
}
