package audio

import (
	"encoding/binary"
	"math"
)

// Silence is the level, in dBFS, of audio that holds nothing but zeros.
const Silence = -120.0

// Level measures signed 16-bit little-endian audio in dBFS, Silence to 0: rms
// is its mean power (a full-scale sine is -3), peak its largest sample.
func Level(pcm []byte) (rms, peak float64) {
	var sum uint64
	var top int32
	n := len(pcm) / BytesPerSample
	for i := range n {
		v := int32(int16(binary.LittleEndian.Uint16(pcm[2*i:])))
		sum += uint64(v * v)
		top = max(top, v, -v)
	}
	if sum == 0 {
		return Silence, Silence
	}
	mean := float64(sum) / float64(n)
	return max(Silence, 10*math.Log10(mean/(1<<30))), 20 * math.Log10(float64(top)/(1<<15))
}
