package audio

import (
	"errors"
	"fmt"
)

// The encodings that a client may send.
const (
	EncodingPCM  = "pcm_s16le" // signed 16-bit little-endian, mono
	EncodingOpus = "opus"      // one packet a frame
)

// The rates of PCM that a client may send, in Hz.
const (
	MinInputRate = 8000
	MaxInputRate = 48000
)

// ErrOddFrame says that a PCM frame ends with half a sample. The whole frame is
// dropped, for its sender has lost count.
var ErrOddFrame = errors.New("audio: a PCM frame with half a sample at its end")

// Input decodes what a client sends to the canonical form. It is stateful: how
// the audio is cut into frames leaves no trace in the samples. One goroutine
// owns it.
type Input struct {
	resampler *Resampler   // for PCM
	opus      *opusDecoder // for Opus
}

// NewInput gives the decoder of an encoding. For EncodingPCM rate is any whole
// number of Hz from 8,000 to 48,000; for EncodingOpus it means nothing, as a
// packet says itself what it is.
func NewInput(encoding string, rate int) (*Input, error) {
	switch encoding {
	case EncodingPCM:
		if rate < MinInputRate || rate > MaxInputRate {
			return nil, fmt.Errorf("audio: input at %d Hz: choose %d to %d Hz", rate, MinInputRate, MaxInputRate)
		}
		resampler, err := NewResampler(rate, Rate)
		if err != nil {
			return nil, err
		}
		return &Input{resampler: resampler}, nil
	case EncodingOpus:
		decoder, err := newOpusDecoder()
		if err != nil {
			return nil, err
		}
		return &Input{opus: decoder}, nil
	}
	return nil, fmt.Errorf("audio: input encoding %q: choose %q or %q", encoding, EncodingPCM, EncodingOpus)
}

// Decode appends to dst what frame holds, as 16,000 Hz mono signed 16-bit
// little-endian. The resampler keeps a few milliseconds back until the next
// frame, or until Flush. An error is ErrOddFrame or wraps ErrBadOpus; then dst
// comes back as it was, and the next frame may be decoded.
func (in *Input) Decode(dst, frame []byte) ([]byte, error) {
	if in.opus != nil {
		return in.opus.decode(dst, frame)
	}
	if len(frame)%BytesPerSample != 0 {
		return dst, ErrOddFrame
	}
	return in.resampler.Append(dst, frame), nil
}

// Flush appends what was kept back, at the end of an utterance, and makes the
// input ready for the next one.
func (in *Input) Flush(dst []byte) []byte {
	if in.opus != nil {
		return dst
	}
	return in.resampler.Flush(dst)
}

// Reset drops what was kept back: the utterance was thrown away.
func (in *Input) Reset() {
	if in.resampler != nil {
		in.resampler.Reset()
	}
}

// DecodedBytes is an upper bound of what Decode appends for a frame of n bytes,
// and of what Flush appends: with that much room in dst nothing is allocated.
func (in *Input) DecodedBytes(n int) int {
	if in.opus != nil {
		return maxOpusSamples * BytesPerSample
	}
	return in.resampler.OutputBytes(n)
}
