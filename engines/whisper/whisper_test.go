package whisper_test

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"sori/engines/recognizer"
	"sori/engines/whisper"
)

// noise is something to hear, n samples of it.
func noise(n int) []float32 {
	rng := rand.New(rand.NewPCG(3, 4))
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(0.1 * rng.NormFloat64())
	}
	return s
}

func TestHearing(t *testing.T) {
	t.Parallel()
	r, _ := openRuntime(t)
	m, err := whisper.Open(r, fixture(t), recognizer.Options{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	one, err := m.Transcribe(t.Context(), noise(16_000))
	if err != nil {
		t.Fatal(err)
	}
	// A random model says anything, but always the same, and no marks.
	if again, err := m.Transcribe(t.Context(), noise(16_000)); again != one || err != nil {
		t.Errorf("%q, then %q, %v", one, again, err)
	}
	if strings.Contains(one, "<|") || strings.Contains(one, "!") {
		t.Errorf("%q holds what it must not say", one)
	}
	if _, err := m.Transcribe(t.Context(), noise(10*16_000+1)); !errors.Is(err, recognizer.ErrTooLong) {
		t.Errorf("more than it can hear: %v", err)
	}
	for _, n := range []int{0, 1, 1023} {
		if text, err := m.Transcribe(t.Context(), noise(n)); text != "" || err != nil {
			t.Errorf("%d samples: %q, %v", n, text, err)
		}
	}
	if _, err := m.Transcribe(t.Context(), noise(10*16_000)); err != nil {
		t.Errorf("all that it can hear: %v", err)
	}
	odd := noise(16_000)
	odd[5], odd[6], odd[7] = float32(math.NaN()), float32(math.Inf(1)), 1e30
	_, _ = m.Transcribe(t.Context(), odd) // an error or a text, and no crash
	why := errors.New("the caller went away")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if _, err := m.Transcribe(ctx, noise(16_000)); !errors.Is(err, why) {
		t.Errorf("an ended context gave %v", err)
	}
}

// What a token sees does not depend on how many come at once: the cache, the
// positions and the mask agree.
func TestTokensAtOnceOrOneByOne(t *testing.T) {
	t.Parallel()
	r, _ := openRuntime(t)
	d, closeAll, err := whisper.OpenDecoder(t.Context(), r, fixture(t), noise(3200))
	if err != nil {
		t.Fatal(err)
	}
	defer closeAll()
	want, err := d.Scores(t.Context(), []int{41, 43, 45, 47, 7, 9})
	if err != nil {
		t.Fatal(err)
	}
	if slices.Max(want) == slices.Min(want) {
		t.Fatal("all tokens are as likely")
	}
	for name, pieces := range map[string][][]int{
		"one by one":        {{41}, {43}, {45}, {47}, {7}, {9}},
		"a prompt and more": {{41, 43, 45, 47}, {7}, {9}},
		"in the middle":     {{41, 43, 45}, {47, 7, 9}},
	} {
		got, err := d.Scores(t.Context(), pieces...)
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if math.Abs(float64(got[i]-want[i])) > 1e-3 {
				t.Fatalf("%s: token %d has %v, want %v", name, i, got[i], want[i])
			}
		}
	}
	other, err := d.Scores(t.Context(), []int{41, 42, 45, 47, 7, 9})
	if err != nil || slices.Equal(other, want) {
		t.Errorf("another language makes no difference: %v", err)
	}
}

func TestBadFiles(t *testing.T) {
	t.Parallel()
	r, _ := openRuntime(t)
	whole, vocabulary := fixtureWeights(""), strings.Join(fixtureVocabulary(), "\n")+"\n"
	for name, c := range map[string]struct {
		weights, config, vocabulary string
		says                        string
	}{
		"no weights":          {"", "{}", vocabulary, "no Whisper model"},
		"cut off":             {string(whole[:len(whole)-10]), "{}", vocabulary, "no Whisper model"},
		"text":                {"this is no model, it is a text", "{}", vocabulary, "no Whisper model"},
		"another model":       {strings.Replace(string(whole), "WhisperSpec", "TransfoSpec", 1), "{}", vocabulary, "TransfoSpec"},
		"a layer is missing":  {string(fixtureWeights("linear_2")), "{}", vocabulary, "attention/linear_2"},
		"config is no JSON":   {string(whole), "x", vocabulary, "config.json"},
		"another vocabulary":  {string(whole), "{}", "a\nb\n", "2 tokens"},
		"no marks":            {string(whole), "{}", strings.Replace(vocabulary, "<|transcribe|>", "x", 1), "transcribe"},
		"of an English model": {string(whole), "{}", strings.NewReplacer("<|startoftranscript|>\n<|en|>\n<|ko|>\n<|translate|>", "a\nb\n<|startoftranscript|>\n<|translate|>").Replace(vocabulary), "English-only"},
	} {
		f := write(t, map[string][]byte{"model.bin": []byte(c.weights), "config.json": []byte(c.config), "vocabulary.txt": []byte(c.vocabulary)})
		m, err := whisper.Open(r, f, recognizer.Options{})
		if err == nil {
			m.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %q", name, err, c.says)
		}
	}
	f := fixture(t)
	if err := os.Remove(f.Weights); err != nil {
		t.Fatal(err)
	}
	if _, err := whisper.Open(r, f, recognizer.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without its weights: %v", err)
	}
}

func TestTokensBecomeText(t *testing.T) {
	t.Parallel()
	f := fixture(t)
	for want, tokens := range map[string][]int{
		"hello world": {1, 2},
		"안녕":          {3, 4, 5}, // a letter may need two tokens
		"녕":           {3, 5},    // half of one is dropped
		"":            {40, 41, 47, -1, 9999},
	} {
		if got, err := whisper.Text(f.Vocabulary, len(fixtureVocabulary()), tokens...); got != want || err != nil {
			t.Errorf("%v became %q, %v, want %q", tokens, got, err, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for bits, want := range map[uint16]float32{0: 0, 0x3c00: 1, 0xc000: -2, 0x3555: 0.33325195, 1: 5.9604645e-08, 0x7bff: 65504, 0x7c00: float32(math.Inf(1))} {
		if got := whisper.Half(bits); got != want {
			t.Errorf("%#x is %v, want %v", bits, got, want)
		}
	}
	for _, hz := range []float64{0, 440, 1000, 4000, 8000} {
		if got := whisper.Hertz(whisper.Mel(hz)); math.Abs(got-hz) > 1e-6 {
			t.Errorf("%v Hz came back as %v", hz, got)
		}
	}
	if got := whisper.Mel(8000); math.Abs(got-45.245640) > 1e-5 {
		t.Errorf("8000 Hz are %v mels", got)
	}
	for n, tokens := range map[int][]int{0: {1, 2, 3, 1, 2, 3, 1, 2, 3}, 3: {7, 5, 5, 5, 5}, 9: {1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3}} {
		if got := whisper.Loops(tokens); got != n {
			t.Errorf("%v: %d, want %d", tokens, got, n)
		}
	}
	// Each band hears a tone in its middle, and the filters are even in loudness.
	mel, dft := whisper.Filters()
	if len(mel) != 80*402*4 || len(dft) != 402*400*4 {
		t.Fatalf("%d and %d bytes", len(mel), len(dft))
	}
	for band := range 80 {
		sum := 0.0
		for k := range 201 {
			sum += float64(math.Float32frombits(binary.LittleEndian.Uint32(mel[4*(band*402+k):])))
		}
		if sum < 0.015 || sum > 0.04 {
			t.Errorf("band %d weighs %v", band, sum)
		}
	}
}

func FuzzWeights(f *testing.F) {
	whole := fixtureWeights("")
	f.Add(whole[:2000])
	f.Add(whole[:30])
	f.Add([]byte{})
	f.Add([]byte("\x06\x00\x00\x00\x0c\x00WhisperSpec\x00\x03\x00\x00\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := whisper.ReadWeights(b); err == nil && n > len(b) {
			t.Errorf("%d tensors in %d bytes", n, len(b))
		}
	})
}
