package tts

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"time"

	"sori/audio"
	"sori/clients/endpoint"
	"sori/stage"
)

// Speech is given in chunks of at least shortest, except for the last one, and
// at most longest.
const (
	shortest = 20 * time.Millisecond
	longest  = 100 * time.Millisecond
)

// errCompressed says that an engine sent audio that sori does not decode.
var errCompressed = errors.New("compressed audio")

// speech is a stream of mono signed 16-bit little-endian samples.
type speech struct {
	r    io.Reader
	rate int
	cut  func() bool // asked after io.EOF: whether the end is missing
}

// openSpeech finds out what body is, and gives its samples. bare is the rate of
// bare PCM in Hz.
func openSpeech(body io.Reader, media string, bare int) (*speech, error) {
	return open(body, media, bare, true)
}

func open(body io.Reader, media string, bare int, mayBeEvents bool) (*speech, error) {
	r := bufio.NewReaderSize(body, headBytes)
	head, err := r.Peek(headBytes)
	if len(head) == 0 {
		if errors.Is(err, io.EOF) {
			return nil, silent()
		}
		return nil, err
	}
	whole := func() bool { return false }
	switch k := kindOf(head, media); k {
	case wav:
		w, err := audio.NewWAVStream(r)
		if err != nil {
			return nil, wavFault(err)
		}
		return &speech{r: w, rate: w.Rate(), cut: func() bool { return w.Truncated() && !w.Open() }}, nil
	case events:
		if mayBeEvents {
			return open(newEventAudio(r), "", bare, false)
		}
	case text:
		return nil, textFault(r)
	case mp3, ogg, flac, aac, webm:
		return nil, &endpoint.ReplyError{
			Code: stage.CodeBadReply,
			Says: "sent " + k.String() + ", which sori does not decode: have it send PCM or WAV (&format=wav in --tts asks for WAV).",
			Err:  errCompressed,
		}
	case barePCM:
	}
	return &speech{r: r, rate: bare, cut: whole}, nil
}

// wavFault explains why a WAV file can't be read.
func wavFault(err error) error {
	bad, ok := errors.AsType[*audio.WAVError](err)
	switch {
	case !ok:
		return err
	case bad.Code == audio.WAVCut:
		return &endpoint.ReplyError{Code: stage.CodeCutOff, Says: "closed the connection in the middle of its answer.", Err: err}
	case bad.Code == audio.WAVEmpty:
		return silent()
	}
	// The second sentence advises somebody who sends a WAV.
	what, _, _ := strings.Cut(bad.Message, ". ")
	return &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "sent a WAV that can't be read. " + strings.TrimSuffix(what, ".") + ".", Err: err}
}

func silent() error {
	return &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "answered without any audio."}
}

// textFault explains an answer that is text.
func textFault(r io.Reader) error {
	const enough = 64 << 10
	body, err := io.ReadAll(io.LimitReader(r, enough))
	if err != nil {
		return err
	}
	if err := reported(body); err != nil {
		return err
	}
	says := "answered with text instead of speech: check the path in --tts."
	if body[0] == '<' {
		says = "answered with a web page instead of speech: check the path in --tts."
	}
	return &endpoint.ReplyError{Code: stage.CodeBadReply, Says: says}
}

// chunks gives the speech to yield as it comes, until yield returns false; then
// the error is errLeft. A last byte that is half a sample is dropped.
func (s *speech) chunks(yield func(stage.Chunk) bool) error {
	least := audio.Bytes(shortest, s.rate)
	frame := audio.NewFrame(audio.Bytes(longest, s.rate))
	defer frame.Free()
	buf, held := frame.Data, 0
	some := false
	for {
		n, err := s.r.Read(buf[held:])
		held += n
		whole := held - held%audio.BytesPerSample
		if whole > 0 && (held >= least || err != nil) {
			some = true
			if !yield(stage.Chunk{PCM: buf[:whole:whole], Rate: s.rate}) {
				return errLeft
			}
			held = copy(buf, buf[whole:held])
		}
		switch {
		case err == nil:
		case !errors.Is(err, io.EOF):
			return err
		case !some:
			return silent()
		case s.cut():
			return io.ErrUnexpectedEOF
		default:
			return nil
		}
	}
}
