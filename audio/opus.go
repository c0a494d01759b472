package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/pion/opus"
)

// ErrBadOpus says that a frame is no Opus packet. The frame is dropped, and the
// decoder is ready for the next one.
var ErrBadOpus = errors.New("audio: not an Opus packet")

// maxOpusSamples is the longest packet, 120 ms, at Rate.
const maxOpusSamples = Rate * 120 / 1000

// maxAmplitude is far beyond what any encoder makes of sound (1 is full scale).
// A decoder that gives more has lost its way.
const maxAmplitude = 1e4

// opusDecoder decodes Opus packets to mono at Rate.
type opusDecoder struct {
	decoder opus.Decoder
	samples [maxOpusSamples]float32
}

func newOpusDecoder() (*opusDecoder, error) {
	d := &opusDecoder{}
	decoder, err := opus.NewDecoderWithOutput(Rate, 1)
	if err != nil {
		return nil, fmt.Errorf("audio: making an Opus decoder for %d Hz: %w", Rate, err)
	}
	d.decoder = decoder
	return d, nil
}

// decode appends the samples of one packet. A packet that fails leaves nothing
// of itself behind: not in dst, and not in the decoder.
func (d *opusDecoder) decode(dst, packet []byte) ([]byte, error) {
	n, err := d.samplesOf(packet)
	if err != nil {
		if again := d.reset(); again != nil {
			return dst, again
		}
		return dst, err
	}
	for _, v := range d.samples[:n] {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(round16(v*32768)))
	}
	return dst, nil
}

func (d *opusDecoder) samplesOf(packet []byte) (n int, err error) {
	// What a stranger sends must not end the process, whatever the decoder
	// makes of it.
	defer func() {
		if p := recover(); p != nil {
			n, err = 0, fmt.Errorf("%w: %d bytes that the decoder broke on: %v", ErrBadOpus, len(packet), p)
		}
	}()
	if len(packet) == 0 {
		return 0, fmt.Errorf("%w: the frame is empty", ErrBadOpus)
	}
	n, err = d.decoder.DecodeToFloat32(packet, d.samples[:])
	if err != nil {
		return 0, fmt.Errorf("%w: %d bytes: %w", ErrBadOpus, len(packet), err)
	}
	for _, v := range d.samples[:n] {
		if math.IsNaN(float64(v)) || v > maxAmplitude || v < -maxAmplitude {
			return 0, fmt.Errorf("%w: %d bytes that decode to no sound", ErrBadOpus, len(packet))
		}
	}
	return n, nil
}

// reset forgets the packets before.
func (d *opusDecoder) reset() error {
	if err := d.decoder.Init(Rate, 1); err != nil {
		return fmt.Errorf("audio: resetting the Opus decoder: %w", err)
	}
	return nil
}
