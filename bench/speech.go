package bench

import (
	"bytes"
	_ "embed" // the speech
	"fmt"
	"io"
	"os"

	"sori/audio"
)

// frameMS is the length of a speaker's frame.
const frameMS = 20

// embedded is four seconds of a reading of Jane Austen, without a pause: from
// LibriVox, in the public domain.
//
//go:embed speech.wav
var embedded []byte

// maxSpeech bounds a file of speech, in bytes.
const maxSpeech = 64 << 20

// speech is what the speakers say: 16,000 Hz, mono, signed 16-bit.
func speech(path string) ([]byte, error) {
	from := io.Reader(bytes.NewReader(embedded))
	if path != "" {
		f, err := os.Open(path) //nolint:gosec // the file that the user named
		if err != nil {
			return nil, fmt.Errorf("the speech can't be read: %w", err)
		}
		defer f.Close()
		from = f
	}
	wav, err := audio.ReadWAV(from, maxSpeech)
	if err != nil {
		return nil, fmt.Errorf("the speech %s: %w", path, err)
	}
	r, err := audio.NewResampler(wav.Rate, audio.Rate)
	if err != nil {
		return nil, err
	}
	pcm := r.Flush(r.Append(nil, wav.Data))
	if len(pcm) < audio.Bytes(utterance, audio.Rate) {
		return nil, fmt.Errorf("%s is shorter than %s", path, utterance)
	}
	return pcm, nil
}

// masked cuts speech into frames of so many ms, ready to be written.
func masked(pcm []byte, ms int) [][]byte {
	size := audio.Rate / 1000 * 2 * ms
	var frames [][]byte
	for len(pcm) >= size {
		frames = append(frames, appendFrame(nil, opBinary, pcm[:size]))
		pcm = pcm[size:]
	}
	return frames
}
