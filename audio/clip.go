package audio

import (
	"encoding/binary"
	"io"
	"sync/atomic"
	"time"

	"sori/stage"
)

var _ stage.Recording = (*Clip)(nil)

// Clip is one utterance: 16,000 Hz, mono, signed 16-bit. It is immutable, and
// any number of goroutines may read it at once.
//
// Its memory is counted: it goes back to the pool when the owner has called
// Release and every reader that WAV gave is closed, for an HTTP transport may
// still read the body of a request that was cancelled.
type Clip struct {
	slabs []*slab // static until the last reference is gone
	head  int     // where the audio begins in the first slab, in bytes
	size  int     // bytes of audio

	refs     atomic.Int32 // the owner, each open reader, and each copy under way
	released atomic.Bool  // the owner's reference is gone
}

func newClip(slabs []*slab, head, size int) *Clip {
	c := &Clip{slabs: slabs, head: head, size: size}
	c.refs.Store(1)
	return c
}

// ClipOf copies pcm (16,000 Hz, mono, signed 16-bit little-endian) into a clip.
// Half a sample at the end is left out. The caller owns the clip.
func ClipOf(pcm []byte) *Clip {
	pcm = pcm[:len(pcm)&^1]
	slabs := make([]*slab, 0, (len(pcm)+slabBytes-1)/slabBytes)
	for rest := pcm; len(rest) > 0; {
		s := shared.slab()
		rest = rest[copy(s[:], rest):]
		slabs = append(slabs, s)
	}
	return newClip(slabs, 0, len(pcm))
}

// Samples is the number of samples, 0 after Release.
func (c *Clip) Samples() int {
	if c.released.Load() {
		return 0
	}
	return c.size / BytesPerSample
}

// Duration is how long the clip is, 0 after Release.
func (c *Clip) Duration() time.Duration {
	return Duration(c.Samples()*BytesPerSample, Rate)
}

// ReadSamples copies samples from position at into dst and returns how many it
// copied: fewer than len(dst) only at the end, and 0 after Release.
func (c *Clip) ReadSamples(dst []int16, at int) int {
	if at < 0 || at >= c.size/BytesPerSample || !c.acquire() {
		return 0
	}
	defer c.drop()
	n := min(len(dst), c.size/BytesPerSample-at)
	for done := 0; done < n; {
		part := c.piece(at*BytesPerSample + done*BytesPerSample)
		part = part[:min(len(part), (n-done)*BytesPerSample)]
		out := dst[done : done+len(part)/BytesPerSample]
		for i := range out {
			out[i] = int16(binary.LittleEndian.Uint16(part[2*i:]))
		}
		done += len(out)
	}
	return n
}

// WAV gives a fresh reader over the whole WAV file, header included, and the
// file's length in bytes. The caller closes it: until then the clip's memory
// stays. The reader is also an [io.WriterTo]. After Release it gives a reader
// that fails with [ErrReleased], and 0.
func (c *Clip) WAV() (r io.ReadCloser, size int64) {
	if !c.acquire() {
		return &clipReader{closed: true, why: ErrReleased}, 0
	}
	header := WAVHeader(Rate, 1, c.size)
	return &clipReader{clip: c, header: header}, int64(len(header)) + int64(c.size)
}

// Release gives up the owner's reference. Calling it again does nothing.
func (c *Clip) Release() {
	if c.released.CompareAndSwap(false, true) {
		c.drop()
	}
}

// acquire takes a reference, and reports false once the owner has released.
func (c *Clip) acquire() bool {
	if c.released.Load() {
		return false
	}
	for {
		n := c.refs.Load()
		if n == 0 {
			return false
		}
		if c.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// drop gives a reference back, and with the last one the memory.
func (c *Clip) drop() {
	if c.refs.Add(-1) > 0 {
		return
	}
	for _, s := range c.slabs {
		shared.free(s)
	}
	c.slabs = nil
}

// piece is the audio from byte at to the end of the slab that it lies in. The
// caller holds a reference, and at is less than size.
func (c *Clip) piece(at int) []byte {
	from := c.head + at
	s := c.slabs[from/slabBytes]
	from %= slabBytes
	return s[from:min(slabBytes, from+c.size-at)]
}
