package flite

import "github.com/tetratelabs/wazero/experimental"

const (
	wasmPage = 64 << 10
	// maxMemory bounds an instance, in bytes; a clause needs some 20 MB.
	maxMemory = 64 << 20
	// slabSize is what a worker's memory starts with.
	slabSize = 24 << 20
)

// slab is the memory that a worker lends to one instance after the other.
// Without it every clause would leave 20 MB, and the copies made while it grew,
// to the garbage collector. It is owned by the goroutine that runs the instance.
type slab struct {
	memory []byte
	used   uint64
}

// Allocate lends the slab to an instance.
func (s *slab) Allocate(_, _ uint64) experimental.LinearMemory { return s }

// Reallocate gives size zeroed bytes, of which the first ones keep their
// content. It gives nil, which flite sees as "out of memory", beyond the limit.
func (s *slab) Reallocate(size uint64) []byte {
	if size > maxMemory {
		return nil
	}
	if size > uint64(len(s.memory)) {
		grown := make([]byte, max(slabSize, min(maxMemory, size+size/4)))
		copy(grown, s.memory[:s.used])
		s.memory = grown
	}
	s.used = max(s.used, size)
	return s.memory[:size:size]
}

// Free takes the memory back and wipes it, for the next one must find zeros.
func (s *slab) Free() {
	clear(s.memory[:s.used])
	s.used = 0
}
