package audio

import (
	"bufio"
	"errors"
	"io"
)

// WAVStream reads a WAV file as it comes, from a file or from an engine that
// still speaks, and gives mono signed 16-bit little-endian samples at the
// file's own rate. Integers of 8, 16, 24 and 32 bits, floats of 32 and 64 bits,
// and up to 8 channels (averaged) are read. One goroutine owns it.
//
// What a header says about lengths is not believed: a length of 0 or
// 0xFFFFFFFF, or one that is longer than what comes, means up to the end. No
// memory is made by a header's word.
type WAVStream struct {
	r      *bufio.Reader
	format wavFormat

	left     int64 // bytes of audio that the header still promises
	endless  bool  // the header gives no length that can be
	doubtful bool  // the header's lengths contradict each other
	lied     bool  // what came is not what the header said

	raw     []byte          // a piece that is being converted
	begun   [mostBlock]byte // a block whose end has not come
	partial int             // bytes of it
	err     error           // what ended the stream
}

// headerRoom is how many bytes a header is read with. More are of no use: samples
// are read past it.
const headerRoom = 512

// NewWAVStream reads the header. A file that can't be used gives a [*WAVError];
// when reading itself failed, the error wraps the reader's.
func NewWAVStream(r io.Reader) (*WAVStream, error) {
	s := &WAVStream{r: bufio.NewReaderSize(r, headerRoom)}
	if err := s.readHeader(); err != nil {
		return nil, err
	}
	return s, nil
}

// Rate is the file's sample rate in Hz, 1,000 to 192,000.
func (s *WAVStream) Rate() int { return s.format.rate }

// Channels is how many channels the file has, 1 to 8; what is read is mono.
func (s *WAVStream) Channels() int { return s.format.channels }

// Bits is the size of a sample in the file: 8, 16, 24 or 32, and 32 or 64 when
// they are floats.
func (s *WAVStream) Bits() (bits int, float bool) { return s.format.bits, s.format.float }

// Truncated reports, after [io.EOF], that the length in the header was not the
// length of what came: the stream was cut, or its writer did not know.
func (s *WAVStream) Truncated() bool { return s.lied }

// Open reports whether the header left the length open (0 or 0xFFFFFFFF), as
// engines do that write it before they speak. Then only the transport can tell
// a cut stream from a whole one.
func (s *WAVStream) Open() bool { return s.endless || s.doubtful }

// Read gives the next samples, always whole ones: at least one, or an error,
// [io.EOF] at the end. It needs room for one sample (2 bytes).
func (s *WAVStream) Read(p []byte) (n int, err error) {
	if len(p) < BytesPerSample {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.ErrShortBuffer
	}
	block := s.format.block()
	for s.err == nil {
		raw := p[:len(p)-len(p)%BytesPerSample] // where nothing is to be converted
		if !s.format.plain() {
			raw = s.room(len(p) / BytesPerSample * block)
		}
		got := s.fill(raw)
		whole := got - got%block
		s.partial = copy(s.begun[:], raw[whole:got])
		if whole == 0 {
			continue
		}
		if s.format.plain() {
			return whole, nil
		}
		return len(appendMono(p[:0], raw[:whole], s.format)), nil
	}
	if s.partial > 0 { // half a block at the end is no sample
		s.partial, s.lied = 0, true
	}
	return 0, s.err
}

// room gives memory for the next piece, which is to be converted: want bytes, but
// no more than a piece has, and a block at least.
func (s *WAVStream) room(want int) []byte {
	const piece = 16 << 10
	want = max(min(want, piece), s.format.block())
	if len(s.raw) < want {
		s.raw = make([]byte, want)
	}
	return s.raw[:want]
}

// fill reads the next piece into raw, behind the block that has begun, and says how
// many bytes raw holds. At the end it sets err.
func (s *WAVStream) fill(raw []byte) int {
	copy(raw, s.begun[:s.partial])
	want := len(raw) - s.partial
	if !s.endless {
		if s.left == 0 && !s.atEnd() {
			s.endless, s.lied = true, true
		}
		if !s.endless {
			if s.left == 0 {
				s.err = io.EOF
				return s.partial
			}
			want = int(min(int64(want), s.left))
		}
	}
	n, err := s.r.Read(raw[s.partial : s.partial+want])
	s.left -= int64(n)
	if err != nil {
		s.err = err
		if errors.Is(err, io.EOF) {
			s.lied = s.lied || s.endless || s.left > 0
		}
	}
	return s.partial + n
}

// atEnd decides where the promised audio ends: there, unless the header's
// lengths contradict each other and what follows is no chunk.
func (s *WAVStream) atEnd() bool {
	return !s.doubtful || s.chunkAhead()
}

// chunkAhead reports whether what comes next is a chunk, or nothing at all.
func (s *WAVStream) chunkAhead() bool {
	next, _ := s.r.Peek(4) // an error shows again at the next read
	return len(next) == 0 || knownChunk(string(next))
}
