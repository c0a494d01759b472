package audio

// Frame is a byte buffer from a pool that is handed over: whoever holds it owns
// it, and the last owner calls Free. Data may be cut shorter, not grown.
type Frame struct {
	Data []byte

	whole []byte // the memory under Data
	class int    // index of the pool that it came from, unpooled when it is too large
	freed bool   // owned by the holder, like Data
}

const unpooled = -1

// NewFrame gives a frame with n bytes of Data, whose content is arbitrary. It
// allocates nothing in the steady state for n up to 64 KiB.
func NewFrame(n int) *Frame {
	class, size := frameClass(n)
	if class == unpooled {
		return &Frame{Data: make([]byte, n), class: unpooled}
	}
	f, ok := shared.frames[class].Get().(*Frame)
	if !ok {
		f = &Frame{whole: make([]byte, size), class: class}
	}
	f.Data = f.whole[:n]
	f.freed = false
	return f
}

// KeptFrame gives a frame with a copy of data that takes no more memory than it
// has to, for what is held for long. It comes from no pool.
func KeptFrame(data []byte) *Frame {
	f := &Frame{Data: make([]byte, len(data)), class: unpooled}
	copy(f.Data, data)
	return f
}

// Free gives the memory back. Data must not be used after it. Freeing twice, or
// freeing nil, does nothing.
func (f *Frame) Free() {
	if f == nil || f.freed {
		return
	}
	f.freed = true
	f.Data = nil
	if f.class != unpooled {
		shared.frames[f.class].Put(f)
	}
}

func frameClass(n int) (class, size int) {
	switch {
	case n <= smallFrame:
		return 0, smallFrame
	case n <= middleFrame:
		return 1, middleFrame
	case n <= largeFrame:
		return 2, largeFrame
	case n <= hugeFrame:
		return 3, hugeFrame
	}
	return unpooled, n
}
