package audio

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
)

// skipLimit is how many bytes of other chunks may stand before the audio.
const skipLimit = 4 << 20

// readHeader reads up to the first byte of audio.
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
	if id := string(head[:4]); id != "RIFF" && id != "RF64" && id != "BW64" {
		return notWAV(head[:4])
	}
	if form := head[8:]; string(form) != "WAVE" {
		return wavError(WAVNotWAV, "This is no WAV file: it is a RIFF file of kind %q instead of WAVE. %s", form, convertAdvice)
	}
	riffSize := int64(binary.LittleEndian.Uint32(head[4:]))

	var known, empty bool // whether a fmt chunk was read, and a data chunk of nothing
	at := int64(riffHeader)
	for {
		var chunk [chunkHeader]byte
		if err := s.readFull(chunk[:], "a chunk's header"); err != nil {
			return missing(err, known, empty)
		}
		at += chunkHeader
		name, size := string(chunk[:4]), int64(binary.LittleEndian.Uint32(chunk[4:]))
		switch {
		case name == "data" && !known:
			return wavError(WAVNoFormat, "The WAV file has audio but no fmt chunk before it, so that nobody knows what the audio is. Write the file again.")
		case name == "data":
			s.setLength(size, at, riffSize)
			if size > 0 || !s.chunkAhead() {
				return nil
			}
			empty = true // an empty data chunk; perhaps another one comes
		case name == "fmt ":
			if err := s.readFormat(size); err != nil {
				return err
			}
			known = true
		default:
			if err := s.skip(size); err != nil {
				return missing(err, known, empty)
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
func missing(err error, known, empty bool) error {
	cut, ok := errors.AsType[*WAVError](err)
	switch {
	case !ok || cut.Code != WAVCut:
		return err
	case !known:
		return wavError(WAVNoFormat, "The WAV file ends before a fmt chunk. It is cut off or damaged: send it whole.")
	case empty:
		return errEmptyWAV()
	}
	return wavError(WAVNoData, "The WAV file ends before its audio (no data chunk). It is cut off or damaged: send it whole.")
}

func errEmptyWAV() error {
	return wavError(WAVEmpty, "The WAV file holds no audio. Record again and send a file with at least one sample.")
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
	return wavError(WAVNotWAV, "This is no WAV file: it begins with %q instead of RIFF. %s", begins, convertAdvice)
}
