package server

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"

	"sori/audio"
	"sori/protocol"
	"sori/server/ogg"
)

// pcmSource gives mono signed 16-bit samples at one rate, as an upload comes in.
type pcmSource interface {
	// rate in Hz, within the protocol's.
	rate() int
	// read fills p, which has an even length, as far as the audio goes, and gives
	// io.EOF at its end.
	read(p []byte) (int, error)
}

// openAudio finds out what an upload is, by its first bytes before its type: the
// type is often a guess of the sender's.
func (r *run) openAudio() (pcmSource, error) {
	head, err := r.audio.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch media := plainMedia(r.media); {
	case bytes.Equal(head, []byte("RIFF")), bytes.Equal(head, []byte("RF64")), isWAVType(media):
		return openWAV(r.audio)
	case bytes.Equal(head, []byte("OggS")), media == "audio/ogg", media == "audio/opus", media == "application/ogg":
		return openOgg(r.audio)
	case media == "audio/pcm", media == "audio/raw":
		rate := r.rate
		if rate == 0 {
			rate = protocol.DefaultRate
		}
		return &rawSource{r: r.audio, hz: rate}, nil
	case r.rate != 0 && (media == "" || media == "application/octet-stream"):
		return &rawSource{r: r.audio, hz: r.rate}, nil
	}
	return nil, &requestError{status: http.StatusUnsupportedMediaType, code: "unsupported_media_type"}
}

func isWAVType(media string) bool {
	return media == "audio/wav" || media == "audio/wave" || media == "audio/vnd.wave"
}

// badAudio says that an upload holds no audio that can be used.
func badAudio(err error) error {
	text := err.Error()
	if w, ok := errors.AsType[*audio.WAVError](err); ok {
		if w.Err != nil && isTransport(w.Err) {
			return w.Err
		}
		text = w.Message
	}
	return &requestError{status: http.StatusUnprocessableEntity, code: "bad_audio", args: []any{text}, err: err}
}

// rawSource is audio without a header.
type rawSource struct {
	r  io.Reader
	hz int
}

func (s *rawSource) rate() int { return s.hz }

func (s *rawSource) read(p []byte) (int, error) {
	n, err := io.ReadFull(s.r, p)
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return n, err
	}
	if n%audio.BytesPerSample != 0 {
		return 0, badAudio(errors.New("it ends with half a sample"))
	}
	return n, io.EOF
}

// wavSource is a WAV file. One with a rate that a session does not take is
// converted.
type wavSource struct {
	stream *audio.WAVStream
	hz     int
	to     *audio.Resampler // nil: the file's rate is good
	wait   []byte           // converted, not read yet
	buf    []byte
	ended  bool
}

func openWAV(r io.Reader) (pcmSource, error) {
	stream, err := audio.NewWAVStream(r)
	if err != nil {
		return nil, wavError(err)
	}
	s := &wavSource{stream: stream, hz: stream.Rate()}
	if s.hz < protocol.MinRate || s.hz > protocol.MaxRate {
		if s.to, err = audio.NewResampler(s.hz, audio.Rate); err != nil {
			return nil, badAudio(err)
		}
		s.hz, s.buf = audio.Rate, make([]byte, 16<<10)
	}
	return s, nil
}

// wavError tells an upload that broke from a file that is broken.
func wavError(err error) error {
	if isTransport(err) {
		return err
	}
	return badAudio(err)
}

func (s *wavSource) rate() int { return s.hz }

func (s *wavSource) read(p []byte) (int, error) {
	if s.to == nil {
		n, err := s.stream.Read(p)
		if err != nil && !errors.Is(err, io.EOF) {
			err = wavError(err)
		}
		return n, err
	}
	for len(s.wait) == 0 {
		if s.ended {
			return 0, io.EOF
		}
		n, err := s.stream.Read(s.buf)
		s.wait = s.to.Append(s.wait[:0], s.buf[:n])
		if errors.Is(err, io.EOF) {
			s.ended = true
			s.wait = s.to.Flush(s.wait)
		} else if err != nil {
			return 0, wavError(err)
		}
	}
	n := copy(p, s.wait)
	s.wait = s.wait[n:]
	return n, nil
}

// oggSource is Opus in an Ogg file, decoded as a session would.
type oggSource struct {
	packets *ogg.Reader
	in      *audio.Input
	wait    []byte
	ended   bool
}

func openOgg(r io.Reader) (pcmSource, error) {
	in, err := audio.NewInput(audio.EncodingOpus, audio.Rate)
	if err != nil {
		return nil, err
	}
	return &oggSource{packets: ogg.NewReader(r), in: in}, nil
}

func (s *oggSource) rate() int { return audio.Rate }

func (s *oggSource) read(p []byte) (int, error) {
	for len(s.wait) == 0 {
		if s.ended {
			return 0, io.EOF
		}
		packet, err := s.packets.Next()
		switch {
		case errors.Is(err, io.EOF):
			s.ended = true
			s.wait = s.in.Flush(s.wait[:0])
		case errors.Is(err, ogg.ErrFormat):
			return 0, badAudio(err)
		case err != nil:
			return 0, err
		default:
			if s.wait, err = s.in.Decode(s.wait[:0], packet); err != nil {
				return 0, badAudio(err)
			}
		}
	}
	n := copy(p, s.wait)
	s.wait = s.wait[n:]
	return n, nil
}

// bounded ends an upload that is longer than an utterance may be.
type bounded struct {
	pcmSource

	left  int // bytes
	limit time.Duration
}

func bound(s pcmSource, limit time.Duration) *bounded {
	return &bounded{s, audio.Bytes(limit, s.rate()), limit}
}

func (b *bounded) read(p []byte) (int, error) {
	n, err := b.pcmSource.read(p)
	if b.left -= n; b.left < 0 {
		return 0, &requestError{status: http.StatusRequestEntityTooLarge, code: "audio_too_long", args: []any{int(b.limit.Seconds())}}
	}
	return n, err
}
