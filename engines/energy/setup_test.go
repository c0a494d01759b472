package energy_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"sori/engines/energy"
)

const rate = 16_000

// detector is what is tested here, and what a gate is put in front of.
type detector interface {
	Detect(window []int16) (float32, error)
}

// hear runs samples through a detector and gives its answers.
func hear(tb testing.TB, d detector, pcm []int16) []float32 {
	tb.Helper()
	var ps []float32
	for i := 0; i+energy.Window <= len(pcm); i += energy.Window {
		p, err := d.Detect(pcm[i : i+energy.Window])
		if err != nil {
			tb.Fatal(err)
		}
		if !(p >= 0 && p <= 1) {
			tb.Fatalf("window %d: the probability is %v", i/energy.Window, p)
		}
		ps = append(ps, p)
	}
	return ps
}

// share of windows that are taken for speech.
func share(ps []float32) float64 {
	n := 0
	for _, p := range ps {
		if p >= 0.5 {
			n++
		}
	}
	return float64(n) / float64(len(ps))
}

// synth makes a sound, -1 to 1.
func synth(seconds float64, f func(i int) float64) []int16 {
	pcm := make([]int16, int(seconds*rate))
	for i := range pcm {
		pcm[i] = int16(math.Round(max(-1, min(1, f(i))) * 32767))
	}
	return pcm
}

func db(level float64) float64 { return math.Pow(10, level/20) }

func white(level float64) func(int) float64 {
	rng := rand.New(rand.NewPCG(1, uint64(-level)))
	return func(int) float64 { return db(level) * rng.NormFloat64() }
}

// pink has less power the higher it is.
func pink(level float64) func(int) float64 {
	rng := rand.New(rand.NewPCG(2, uint64(-level)))
	var a, b, c float64
	return func(int) float64 {
		w := rng.NormFloat64()
		a = 0.99765*a + 0.0990460*w
		b = 0.96300*b + 0.2965164*w
		c = 0.57000*c + 1.0526913*w
		return db(level) * (a + b + c + 0.1848*w) / 2.2
	}
}

func tone(level, hz float64) func(int) float64 {
	return func(i int) float64 { return db(level) * math.Sqrt2 * math.Sin(2*math.Pi*hz*float64(i)/rate) }
}

func clicks(every int) func(int) float64 {
	return func(i int) float64 {
		if i%every < 8 {
			return 0.8
		}
		return 0
	}
}

// voice is a made-up voice: syllables of a buzz with two formants, with pauses.
func voice(level float64) func(int) float64 {
	var wave [rate / 125]float64 // one period of 125 Hz
	for h := 1.0; h < 25; h++ {
		loud := (1/(1+math.Abs(h*125-600)/150) + 0.5/(1+math.Abs(h*125-1500)/200)) / 2
		for i := range wave {
			wave[i] += db(level) * loud * math.Sin(2*math.Pi*h*float64(i)/float64(len(wave)))
		}
	}
	return func(i int) float64 {
		const syllable, word = rate / 4, 2 * rate
		at := float64(i%syllable) / syllable
		if at > 0.75 || i%word > word*3/4 {
			return 0
		}
		return math.Sin(math.Pi*at/0.75) * wave[i%len(wave)]
	}
}

func plus(fs ...func(int) float64) func(int) float64 {
	return func(i int) float64 {
		var s float64
		for _, f := range fs {
			s += f(i)
		}
		return s
	}
}

// recordings gives real speech, or skips the test where there is none.
func recordings(t *testing.T) map[string][]int16 {
	t.Helper()
	paths, err := filepath.Glob("../../../shared/audio/*.wav")
	if err != nil || len(paths) == 0 {
		t.Skip("no recordings in ../shared/audio beside the project")
	}
	all := map[string][]int16{}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pcm := make([]int16, (len(b)-44)/2)
		for i := range pcm {
			pcm[i] = int16(binary.LittleEndian.Uint16(b[44+2*i:]))
		}
		all[filepath.Base(path)] = pcm
	}
	return all
}
