package recognizer_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"sori/engines/recognizer"
)

// part is a piece of made-up audio.
type part struct {
	windows int
	prob    float32
	level   float64
}

func speech(n int) part { return part{n, 0.9, 1000} }
func pause(n int) part  { return part{n, 0.05, 1} }
func missed(n int) part { return part{n, 0.1, 400} } // speech that the detector misses

func build(parts ...part) (probs []float32, levels []float64) {
	for _, p := range parts {
		probs = append(probs, slices.Repeat([]float32{p.prob}, p.windows)...)
		levels = append(levels, slices.Repeat([]float64{p.level}, p.windows)...)
	}
	return probs, levels
}

func TestPlan(t *testing.T) {
	t.Parallel()
	const s = 31 // windows in a second, about
	for _, c := range []struct {
		name  string
		parts []part
		want  []recognizer.Span
	}{
		{"nothing", nil, nil},
		{"silence", []part{pause(10 * s)}, nil},
		{"a click", []part{pause(s), speech(2), pause(s)}, nil},
		{"a word", []part{pause(s), speech(5), pause(s)}, []recognizer.Span{{s, s + 5}}},
		{"words with short pauses stay together", []part{pause(s), speech(s), pause(s), speech(s), pause(s)}, []recognizer.Span{{s, 4 * s}}},
		{"a long pause is cut out", []part{speech(s), pause(3 * s), speech(s)}, []recognizer.Span{{0, s}, {4 * s, 5 * s}}},
		{"a click after a long pause is dropped", []part{speech(s), pause(3 * s), speech(2), pause(3 * s)}, []recognizer.Span{{0, s}}},
		{"a word that the detector misses is kept", []part{speech(s), missed(2 * s), speech(s)}, []recognizer.Span{{0, 4 * s}}},
		{"also at the beginning and the end", []part{missed(s), speech(s), missed(s), pause(s)}, []recognizer.Span{{0, 3 * s}}},
		{"what is loud and far from speech is not", []part{missed(5 * s), pause(3 * s), speech(s)}, []recognizer.Span{{8 * s, 9 * s}}},
		{"too long: cut at the longest pause", []part{speech(7 * s), pause(10), speech(2 * s), pause(20), speech(10 * s)}, []recognizer.Span{{0, 9*s + 10}, {9*s + 30, 19*s + 30}}},
		{"too long without a pause: cut where it is quietest", []part{speech(9 * s), {3, 0.9, 500}, speech(10 * s)}, []recognizer.Span{{0, 9*s + 1}, {9*s + 1, 19*s + 3}}},
		{"the detector wavers", []part{{1, 0.6, 9}, {1, 0.4, 9}, {1, 0.6, 9}, {1, 0.36, 9}}, []recognizer.Span{{0, 4}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := recognizer.Plan(build(c.parts...)); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// Whatever the audio is like, the stretches are in order, apart, and short
// enough, and all that is surely speech for a while is in one of them.
func TestPlanHoldsItsPromises(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		var parts []part
		for range rng.IntN(12) {
			parts = append(parts, part{rng.IntN(300), rng.Float32(), math.Exp(10 * rng.Float64())})
		}
		probs, levels := build(parts...)
		n := len(probs)*512 + rng.IntN(512)
		spans := recognizer.Plan(probs, levels)
		inside := make([]bool, len(probs))
		end := 0
		for i, s := range spans {
			if s.From < end || s.To <= s.From || s.To > len(probs) {
				t.Fatalf("%v: stretch %v of %v", parts, s, spans)
			}
			end = s.To
			for w := s.From; w < s.To; w++ {
				inside[w] = true
			}
			for _, pad := range []int{0, 3072, 4608} {
				from, to := recognizer.Samples(spans, i, pad, n)
				if from < 0 || to > n || from > s.From*512 || to < s.To*512 || to-from > 16*16000 {
					t.Fatalf("%v: stretch %v with padding %d is the samples %d to %d of %d", parts, s, pad, from, to, n)
				}
				if i > 0 {
					if _, before := recognizer.Samples(spans, i-1, pad, n); before > from {
						t.Fatalf("%v: stretches %v overlap with padding %d", parts, spans, pad)
					}
				}
			}
		}
		run := 0
		for w, p := range probs {
			if p < 0.5 {
				run = 0
				continue
			}
			// Cutting may leave a piece that is too short to be heard.
			if run++; run > 6 && !inside[w-3] && !inside[w-2] && !inside[w-4] {
				t.Fatalf("%v: speech around window %d is in none of %v", parts, w, spans)
			}
		}
	}
}

func TestRaise(t *testing.T) {
	t.Parallel()
	wave := func(amplitude float64) []int16 {
		pcm := make([]int16, 16000)
		for i := range pcm {
			pcm[i] = int16(math.Round(amplitude * math.Sin(float64(i)/7)))
		}
		return pcm
	}
	top := func(pcm []int16) int { return int(slices.Max(pcm)) }
	if got := top(recognizer.Raise(wave(20000))); got != 20000 {
		t.Errorf("loud speech was changed: %d", got)
	}
	if got := top(recognizer.Raise(wave(460))); math.Abs(float64(got)-4634) > 60 {
		t.Errorf("quiet speech came out at %d, want about 4634 (-20 dBFS)", got)
	}
	if got := top(recognizer.Raise(wave(10))); got != 300 {
		t.Errorf("what is hardly there came out at %d, want 300 (30 dB more)", got)
	}
	if got := top(recognizer.Raise(make([]int16, 16000))); got != 0 {
		t.Errorf("silence came out at %d", got)
	}
	if got := recognizer.Raise(nil); len(got) != 0 {
		t.Errorf("nothing came out as %d samples", len(got))
	}
	clicked := wave(460)
	clicked[100], clicked[9000] = 32767, -32768
	got := recognizer.Raise(clicked)
	if got[100] != 32767 || got[9000] != -32768 || got[500] == clicked[500] {
		t.Error("clicks keep quiet speech from being raised, or overflow")
	}
}
