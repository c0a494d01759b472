package audio

import "sync"

// slabBytes is the size of a slab: about a second of speech, and even, so that
// no sample lies across two slabs.
const slabBytes = 32 << 10

type slab [slabBytes]byte

// frameSizes are the pooled sizes of a frame in bytes, smallest first: 20 ms at
// 16 kHz, 20 ms at 48 kHz, 100 ms at 48 kHz, and the largest usual frame.
const (
	smallFrame  = 1 << 10
	middleFrame = 4 << 10
	largeFrame  = 16 << 10
	hugeFrame   = 64 << 10
)

// pools lends out the memory under frames and utterances. Sessions come and go
// by the thousand, and only a pool that they share gives one session's memory
// to the next.
type pools struct {
	slabs  sync.Pool    // of *slab
	frames [4]sync.Pool // of *Frame, by size class
}

var shared pools //nolint:gochecknoglobals // memory that frames and utterances of all sessions share; holds no state

func (p *pools) slab() *slab {
	if s, ok := p.slabs.Get().(*slab); ok {
		return s
	}
	return new(slab)
}

func (p *pools) free(s *slab) { p.slabs.Put(s) }
