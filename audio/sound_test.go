package audio_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// tone is a sine of freq Hz at rate Hz, with an amplitude of 0 to 1.
func tone(freq float64, rate, samples int, amplitude float64) []byte {
	out := make([]byte, 0, 2*samples)
	for i := range samples {
		v := math.Round(amplitude * 32767 * math.Sin(2*math.Pi*freq*float64(i)/float64(rate)))
		out = binary.LittleEndian.AppendUint16(out, uint16(int16(v)))
	}
	return out
}

// noise is white noise, the same for the same seed.
func noise(samples int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]byte, 0, 2*samples)
	for range samples {
		out = binary.LittleEndian.AppendUint16(out, uint16(rng.Uint32()))
	}
	return out
}

func samples(pcm []byte) []int16 {
	out := make([]int16, len(pcm)/2)
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16(pcm[2*i:]))
	}
	return out
}

func power(s []int16) float64 {
	var sum float64
	for _, v := range s {
		sum += float64(v) * float64(v)
	}
	return sum / float64(len(s))
}

func decibels(ratio float64) float64 { return 10 * math.Log10(ratio) }

// toneSNR compares got with the sine that it should be, sample by sample and in
// phase, without the skip samples at either end.
func toneSNR(t *testing.T, got []byte, freq float64, rate, skip int, amplitude float64) float64 {
	t.Helper()
	s := samples(got)
	if len(s) < 4*skip {
		t.Fatalf("only %d samples came out", len(s))
	}
	var signal, wrong float64
	for i := skip; i < len(s)-skip; i++ {
		want := amplitude * 32767 * math.Sin(2*math.Pi*freq*float64(i)/float64(rate))
		signal += want * want
		wrong += (want - float64(s[i])) * (want - float64(s[i]))
	}
	return decibels(signal / wrong)
}

// correlation of a with b, b shifted by the lag of 0 to maxLag samples at which
// it is highest.
func correlation(a, b []int16, maxLag int) (best float64, lag int) {
	for l := range maxLag + 1 {
		n := min(len(a), len(b)-l)
		var ab, aa, bb float64
		for i := range n {
			x, y := float64(a[i]), float64(b[i+l])
			ab += x * y
			aa += x * x
			bb += y * y
		}
		if c := ab / math.Sqrt(aa*bb); c > best {
			best, lag = c, l
		}
	}
	return best, lag
}
