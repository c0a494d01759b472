package audio

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"math"
)

// skipLimit is how many bytes of other chunks may stand before the audio of a
// stream.
const skipLimit = 4 << 20

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
	ended    bool

	raw     []byte // a piece that is being converted
	partial int    // bytes of a begun block at the front of raw
	err     error  // what ended the stream
}

// NewWAVStream reads the header. A file that can't be used gives a [*WAVError];
// when reading itself failed, the error wraps the reader's.
func NewWAVStream(r io.Reader) (*WAVStream, error) {
	s := &WAVStream{r: bufio.NewReaderSize(r, 4<<10)}
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
	for s.err == nil {
		got := s.fill(len(p) / BytesPerSample * s.format.block())
		whole := got - got%s.format.block()
		if whole == 0 {
			s.partial = got
			continue
		}
		out := appendMono(p[:0], s.raw[:whole], s.format)
		s.partial = copy(s.raw, s.raw[whole:got])
		return len(out), nil
	}
	if s.partial > 0 { // half a block at the end is no sample
		s.partial, s.lied = 0, true
	}
	return 0, s.err
}

// fill reads the next piece of up to want bytes into raw, behind the begun
// block, and says how many bytes raw holds. At the end it sets err.
func (s *WAVStream) fill(want int) int {
	const piece = 16 << 10
	if s.raw == nil {
		s.raw = make([]byte, piece)
	}
	want = max(min(want, len(s.raw)), s.format.block()) - s.partial
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
	n, err := s.r.Read(s.raw[s.partial : s.partial+want])
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
	if s.ended || !s.doubtful {
		return true
	}
	next, _ := s.r.Peek(4)
	s.ended = len(next) < 4 || knownChunk(string(next))
	return s.ended
}

func (s *WAVStream) readHeader() error {
	var head [riffHeader]byte
	if n, err := io.ReadFull(s.r, head[:]); err != nil {
		switch {
		case n == 0 && errors.Is(err, io.EOF):
			return wavError(WAVEmpty, "The WAV file is empty: it has no bytes. Send a file with at least one sample.")
		case n < 4 || string(head[:4]) != "RIFF":
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return notWAV(head[:min(n, 4)])
			}
		}
		return cutError("its first 12 bytes", err)
	}
	id := string(head[:4])
	if id != "RIFF" && id != "RF64" && id != "BW64" || string(head[8:]) != "WAVE" {
		return notWAV(head[:4])
	}
	riffSize := int64(binary.LittleEndian.Uint32(head[4:]))

	var known bool // whether a fmt chunk was read
	at := int64(riffHeader)
	for {
		var chunk [chunkHeader]byte
		if err := s.readFull(chunk[:], "a chunk's header"); err != nil {
			return s.missing(err, known)
		}
		at += chunkHeader
		name, size := string(chunk[:4]), int64(binary.LittleEndian.Uint32(chunk[4:]))
		switch {
		case name == "data" && !known:
			return wavError(WAVNoFormat, "The WAV file has audio but no fmt chunk before it, so that nobody knows what the audio is. Write the file again.")
		case name == "data":
			s.setLength(size, at, riffSize)
			if size == 0 && s.doubtful && s.atEnd() {
				s.ended = false
				continue // an empty data chunk before another chunk
			}
			return nil
		case name == "fmt ":
			if err := s.readFormat(size); err != nil {
				return err
			}
			known = true
		default:
			if err := s.skip(size); err != nil {
				return s.missing(err, known)
			}
		}
		at += size + size%2
		if at > skipLimit {
			return wavError(WAVNoData, "The WAV file has no audio in its first %d bytes. Write it again without the extra chunks.", skipLimit)
		}
	}
}

// setLength judges the length of the data chunk, which begins at byte at.
func (s *WAVStream) setLength(size, at, riffSize int64) {
	s.left = size
	s.endless = size >= math.MaxInt32 // 0xFFFFFFFF, or more than a file of these can hold
	inside := riffSize+chunkHeader >= at+size
	s.doubtful = !s.endless && (size == 0 || !inside || riffSize >= math.MaxInt32)
}

func (s *WAVStream) readFormat(size int64) error {
	if size < fmtBytes || size > fmtLimit {
		return wavError(WAVBadFormat, "The WAV file's fmt chunk says that it is %d bytes long; 16 to 40 are usual. Write the file again.", size)
	}
	chunk := make([]byte, size+size%2)
	if err := s.readFull(chunk, "its fmt chunk"); err != nil {
		return err
	}
	format, err := parseFormat(chunk[:size])
	s.format = format
	return err
}

// skip passes over a chunk of size bytes and its padding.
func (s *WAVStream) skip(size int64) error {
	size += size % 2
	if size > skipLimit {
		return wavError(WAVNoData, "The WAV file has a chunk of %d bytes before its audio; at most %d are skipped. Write it again without the extra chunks.", size, skipLimit)
	}
	n, err := s.r.Discard(int(size))
	if err != nil && int64(n) < size {
		return cutError("a chunk", err)
	}
	return nil
}

// missing turns the end of the file between chunks into what is missing.
func (s *WAVStream) missing(err error, known bool) error {
	cut, ok := errors.AsType[*WAVError](err)
	if !ok || cut.Code != WAVCut {
		return err
	}
	if !known {
		return wavError(WAVNoFormat, "The WAV file ends before a fmt chunk. It is cut off or damaged: send it whole.")
	}
	return wavError(WAVNoData, "The WAV file ends before its audio (no data chunk). It is cut off or damaged: send it whole.")
}

func (s *WAVStream) readFull(p []byte, what string) error {
	if _, err := io.ReadFull(s.r, p); err != nil {
		return cutError(what, err)
	}
	return nil
}

// cutError tells a file that ended from a reader that failed.
func cutError(what string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return wavError(WAVCut, "The WAV file ends inside %s. It is cut off: send it whole.", what)
	}
	return err
}

func notWAV(begins []byte) error {
	return wavError(WAVNotWAV, "This is no WAV file: it begins with %q instead of RIFF. Send a WAV file. %s", begins, convertAdvice)
}
