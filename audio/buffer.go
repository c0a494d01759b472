package audio

import "time"

// Buffer gathers one utterance: 16,000 Hz, mono, signed 16-bit little-endian,
// in pooled slabs, so that it grows without copying and without garbage. One
// goroutine owns it.
type Buffer struct {
	limit int     // bytes that it may hold
	slabs []*slab // the audio, slabs full but the last
	head  int     // where the audio begins in the first slab, in bytes
	held  int     // bytes of audio
}

// NewBuffer gives an empty buffer that holds up to limit of audio, rounded down
// to a sample. A limit of zero or less gives a buffer that is always full.
func NewBuffer(limit time.Duration) *Buffer {
	return &Buffer{limit: Bytes(limit, Rate)}
}

// Write copies pcm up to the limit and says how many bytes it took: always
// whole samples, fewer than len(pcm) when the buffer became full.
func (b *Buffer) Write(pcm []byte) (n int) {
	pcm = pcm[:min(len(pcm), b.limit-b.held)&^1]
	for n < len(pcm) {
		end := b.head + b.held
		if end == len(b.slabs)*slabBytes {
			b.slabs = append(b.slabs, shared.slab())
		}
		took := copy(b.slabs[end/slabBytes][end%slabBytes:], pcm[n:])
		n += took
		b.held += took
	}
	return n
}

// Len is how many bytes the buffer holds.
func (b *Buffer) Len() int { return b.held }

// Duration is how much audio the buffer holds.
func (b *Buffer) Duration() time.Duration { return Duration(b.held, Rate) }

// Full reports whether the limit is reached.
func (b *Buffer) Full() bool { return b.held >= b.limit }

// Reset drops the audio and gives its memory back.
func (b *Buffer) Reset() {
	for i, s := range b.slabs {
		shared.free(s)
		b.slabs[i] = nil
	}
	b.slabs, b.head, b.held = b.slabs[:0], 0, 0
}

// KeepLast drops all but the last d of the audio: the pre-roll, so that an
// utterance doesn't lose the sound before speech was noticed.
func (b *Buffer) KeepLast(d time.Duration) {
	keep := Bytes(d, Rate)
	switch {
	case keep >= b.held:
		return
	case keep == 0:
		b.Reset()
		return
	}
	b.head += b.held - keep
	b.held = keep
	gone := b.head / slabBytes
	if gone == 0 {
		return
	}
	for _, s := range b.slabs[:gone] {
		shared.free(s)
	}
	left := copy(b.slabs, b.slabs[gone:])
	clear(b.slabs[left:])
	b.slabs = b.slabs[:left]
	b.head %= slabBytes
}

// Take hands the audio over as a clip and leaves the buffer empty. The caller
// owns the clip and releases it; an empty buffer gives an empty clip.
func (b *Buffer) Take() *Clip {
	c := newClip(b.slabs, b.head, b.held)
	b.slabs, b.head, b.held = nil, 0, 0
	return c
}

// Copy gives what the buffer holds as a clip of its own; the buffer keeps it
// too. The caller releases the clip.
func (b *Buffer) Copy() *Clip {
	c := &Clip{size: b.held}
	c.refs.Store(1)
	for at := b.head; at < b.head+b.held; at += slabBytes {
		s := shared.slab()
		n := copy(s[:], b.slabs[at/slabBytes][at%slabBytes:])
		if n < slabBytes && at/slabBytes+1 < len(b.slabs) {
			copy(s[n:], b.slabs[at/slabBytes+1][:])
		}
		c.slabs = append(c.slabs, s)
	}
	return c
}
