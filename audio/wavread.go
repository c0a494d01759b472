package audio

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// PCM is what a WAV file held, as mono signed 16-bit little-endian.
type PCM struct {
	Data  []byte // at least one whole sample
	Rate  int    // Hz, 1,000 to 192,000: the file's own
	Notes []string

	// Truncated says that the length in the file's header is not the length of
	// what is there: 0, 0xFFFFFFFF, more than the file, or half a sample at the
	// end. What is there is in Data.
	Truncated bool
}

// Duration is how long the audio is.
func (p *PCM) Duration() time.Duration { return Duration(len(p.Data), p.Rate) }

// ReadWAV reads a WAV file of any format that [WAVStream] knows, and at most
// limit bytes of it: a larger one is a [*WAVError] with the code WAVTooLarge, as
// soon as the bytes up to the limit are read. A file without one whole sample, or
// with a header that can't be, is a [*WAVError] too; when r itself failed, the
// error wraps r's.
func ReadWAV(r io.Reader, limit int64) (*PCM, error) {
	bounded := &boundedReader{r: r, left: limit, limit: limit}
	s, err := NewWAVStream(bounded)
	if err != nil {
		return nil, fileError(err)
	}
	data, err := io.ReadAll(s)
	switch {
	case err != nil:
		return nil, fileError(err)
	case len(data) == 0:
		return nil, errEmptyWAV()
	}
	p := &PCM{Data: data, Rate: s.Rate(), Truncated: s.Truncated()}
	if n := s.Channels(); n > 1 {
		p.Notes = append(p.Notes, fmt.Sprintf("%d channels were mixed into one", n))
	}
	switch bits, float := s.Bits(); {
	case float:
		p.Notes = append(p.Notes, fmt.Sprintf("%d-bit float samples were converted to 16 bits", bits))
	case bits != 16:
		p.Notes = append(p.Notes, fmt.Sprintf("%d-bit samples were converted to 16 bits", bits))
	}
	if p.Truncated {
		p.Notes = append(p.Notes, fmt.Sprintf("the header's length is wrong; %d samples were there and are used", len(data)/BytesPerSample))
	}
	return p, nil
}

// fileError says what was being read when a reader failed.
func fileError(err error) error {
	if _, ok := errors.AsType[*WAVError](err); ok {
		return err
	}
	return fmt.Errorf("audio: reading a WAV file: %w", err)
}

// boundedReader fails at the first byte beyond its limit, instead of ending as if
// the file did.
type boundedReader struct {
	r     io.Reader
	left  int64 // bytes
	limit int64 // bytes
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if b.left <= 0 {
		var more [1]byte
		n, err := b.r.Read(more[:])
		if n > 0 {
			return 0, wavError(WAVTooLarge, "The WAV file is larger than the %d bytes that are allowed here. Send a shorter one.", b.limit)
		}
		return 0, err
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
