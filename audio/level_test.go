package audio_test

import (
	"math"
	"testing"

	"sori/audio"
)

func TestLevel(t *testing.T) {
	t.Parallel()
	full := make([]byte, 2000)
	for i := range 1000 {
		full[2*i+1] = 0x80 // -32768
	}
	for _, c := range []struct {
		name      string
		pcm       []byte
		rms, peak float64
	}{
		{"nothing", nil, audio.Silence, audio.Silence},
		{"half a sample", []byte{1}, audio.Silence, audio.Silence},
		{"zeros", make([]byte, 640), audio.Silence, audio.Silence},
		{"full scale", full, 0, 0},
		{"a full sine", tone(1000, 16000, 16000, 1), -3.01, 0},
		{"a tenth of a sine", tone(1000, 16000, 16000, 0.1), -23.01, -20},
		{"one step", []byte{1, 0}, -90.31, -90.31},
	} {
		rms, peak := audio.Level(c.pcm)
		if math.Abs(rms-c.rms) > 0.02 || math.Abs(peak-c.peak) > 0.02 {
			t.Errorf("%s: rms %.2f, peak %.2f dBFS; want %.2f, %.2f", c.name, rms, peak, c.rms, c.peak)
		}
	}
}
