package audio_test

import (
	"encoding/binary"
	"math"
	"testing"

	"sori/audio"
)

// wavering is seconds of a sine, with an amplitude that rises and falls.
func wavering(rate int, hz, seconds float64) []byte {
	n := int(seconds * float64(rate))
	pcm := make([]byte, 0, 2*n)
	for i := range n {
		at := float64(i) / float64(rate)
		v := 8000 * (0.6 + 0.4*math.Sin(2*math.Pi*3*at)) * math.Sin(2*math.Pi*hz*at)
		pcm = binary.LittleEndian.AppendUint16(pcm, uint16(int16(v)))
	}
	return pcm
}

// crossings is how often the sound passes zero upwards, per second: a tone's
// pitch.
func crossings(pcm []byte, rate int) float64 {
	n, before := 0, int16(0)
	for i := 0; i+1 < len(pcm); i += 2 {
		v := int16(binary.LittleEndian.Uint16(pcm[i:]))
		if before < 0 && v >= 0 {
			n++
		}
		before = v
	}
	return float64(n) * float64(rate) / float64(len(pcm)/2)
}

func TestTempoChangesTheLengthAndNotThePitch(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{8000, 16_000, 24_000, 48_000} {
		for _, speed := range []float64{0.25, 0.8, 1, 1.5, 4} {
			in := wavering(rate, 180, 0.8)
			tempo := audio.NewTempo(rate, speed)
			var out []byte
			for i := 0; i < len(in); i += 640 {
				out = tempo.Append(out, in[i:min(i+640, len(in))])
			}
			out = tempo.Flush(out)
			if want := int(math.Round(float64(len(in)/2) / speed)); len(out)/2 != want {
				t.Errorf("%d Hz, %g: %d samples, want %d", rate, speed, len(out)/2, want)
			}
			if hz := crossings(out, rate); math.Abs(hz-180) > 6 {
				t.Errorf("%d Hz, %g: the tone of 180 Hz has %.1f", rate, speed, hz)
			}
			before, _ := audio.Level(in)
			after, _ := audio.Level(out)
			if math.Abs(after-before) > 0.5 {
				t.Errorf("%d Hz, %g: %.2f dB, was %.2f", rate, speed, after, before)
			}
		}
	}
}

func TestTempoOfNearlyNothing(t *testing.T) {
	t.Parallel()
	for n := range 9 {
		tempo := audio.NewTempo(16_000, 2)
		out := tempo.Append(nil, make([]byte, 2*n))
		out = tempo.Flush(out)
		if want := int(math.Round(float64(n) / 2)); len(out) != 2*want {
			t.Errorf("%d samples gave %d, want %d", n, len(out)/2, want)
		}
	}
}
