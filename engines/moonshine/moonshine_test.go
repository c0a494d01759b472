package moonshine_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sori/engines/energy"
	"sori/engines/moonshine"
	"sori/engines/recognizer"
)

// maxWER is how many of 100 words may be wrong, over all recordings.
const maxWER = 5.0

// Loading the model takes a second, so what only hears shares one.
func TestHearing(t *testing.T) {
	t.Parallel()
	withEnergy := func() (recognizer.Detector, error) { return energy.New(), nil }
	for name, o := range map[string]recognizer.Options{
		"silero": {Workers: 2},
		"energy": {Workers: 2, NewDetector: withEnergy},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := open(t, o)
			t.Run("word error rate", func(t *testing.T) { t.Parallel(); wordErrorRate(t, m) })
			t.Run("long audio in segments", func(t *testing.T) { t.Parallel(); longAudio(t, m) })
			t.Run("no words in what is no speech", func(t *testing.T) { t.Parallel(); noSpeech(t, m) })
			t.Run("many at once hear the same", func(t *testing.T) { t.Parallel(); manyAtOnce(t, m) })
			t.Run("segments of bad length", func(t *testing.T) { t.Parallel(); badLength(t, m) })
			t.Run("the context ends it", func(t *testing.T) { t.Parallel(); contextEnds(t, m) })
		})
	}
}

func wordErrorRate(t *testing.T, m *recognizer.Recognizer) {
	t.Helper()
	all := clips(t)
	for _, gain := range []float64{1, 0.03} { // as recorded, and 30 dB softer
		wrong, total := 0, 0
		for _, c := range all {
			text, err := m.TranscribeLong(t.Context(), scaled(c.pcm, gain))
			if err != nil {
				t.Fatal(err)
			}
			wrong += edits(words(c.said), words(text))
			total += len(words(c.said))
		}
		rate := 100 * float64(wrong) / float64(total)
		t.Logf("gain %.2f: word error rate %.1f %% (%d of %d)", gain, rate, wrong, total)
		if rate > maxWER {
			t.Errorf("gain %.2f: word error rate %.1f %%, at most %.1f", gain, rate, maxWER)
		}
	}
}

func scaled(pcm []int16, gain float64) []int16 {
	out := make([]int16, len(pcm))
	for i, s := range pcm {
		out[i] = int16(math.Round(gain * float64(s)))
	}
	return out
}

func longAudio(t *testing.T, m *recognizer.Recognizer) {
	t.Helper()
	var pcm []int16
	said := ""
	for range 2 { // 54 s
		for _, c := range clips(t) {
			pcm = append(pcm, c.pcm...)
			said += " " + c.said
		}
	}
	var texts []string
	for text, err := range m.Stream(t.Context(), pcm) {
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	if len(texts) < 4 {
		t.Fatalf("%d s were heard in %d segments", len(pcm)/recognizer.Rate, len(texts))
	}
	for i := 1; i < len(texts); i++ {
		if len(texts[i]) <= len(texts[i-1]) || texts[i][:len(texts[i-1])] != texts[i-1] {
			t.Errorf("text %d does not go on from the one before", i)
		}
	}
	last := texts[len(texts)-1]
	if wrong, total := edits(words(said), words(last)), len(words(said)); 100*float64(wrong)/float64(total) > maxWER {
		t.Errorf("%d of %d words are wrong", wrong, total)
	}
}

func noSpeech(t *testing.T, m *recognizer.Recognizer) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	make5s := func(f func(i int) float64) []int16 {
		pcm := make([]int16, 5*recognizer.Rate+77)
		for i := range pcm {
			pcm[i] = int16(max(-1, min(1, f(i))) * 32767)
		}
		return pcm
	}
	sounds := map[string][]int16{
		"nothing":        nil,
		"one sample":     {1000},
		"half a window":  make([]int16, 256),
		"silence":        make5s(func(int) float64 { return 0 }),
		"faint noise":    make5s(func(int) float64 { return 0.0001 * rng.NormFloat64() }),
		"noise -50 dB":   make5s(func(int) float64 { return 0.003 * rng.NormFloat64() }),
		"noise -30 dB":   make5s(func(int) float64 { return 0.03 * rng.NormFloat64() }),
		"hum":            make5s(func(i int) float64 { return 0.2 * math.Sin(2*math.Pi*50*float64(i)/recognizer.Rate) }),
		"a click":        make5s(func(i int) float64 { return map[bool]float64{true: 0.9}[i/10 == 4000] }),
		"a loud offset":  make5s(func(int) float64 { return 0.5 }),
		"steady clicks":  make5s(func(i int) float64 { return map[bool]float64{true: 0.5}[i%4000 < 6] }),
		"a steady tone":  make5s(func(i int) float64 { return 0.2 * math.Sin(2*math.Pi*440*float64(i)/recognizer.Rate) }),
		"shortest noise": make5s(func(int) float64 { return 0.01 * rng.NormFloat64() })[:600],
	}
	for name, pcm := range sounds {
		if text, err := m.TranscribeLong(t.Context(), pcm); text != "" || err != nil {
			t.Errorf("%s became %q, %v", name, text, err)
		}
	}
}

func manyAtOnce(t *testing.T, m *recognizer.Recognizer) {
	t.Helper()
	all := clips(t)
	want := make([]string, len(all))
	for i, c := range all {
		text, err := m.TranscribeLong(t.Context(), c.pcm)
		if err != nil || text == "" {
			t.Fatalf("%s: %q, %v", c.name, text, err)
		}
		want[i] = text
	}
	var wg sync.WaitGroup
	for k := range 8 {
		wg.Go(func() {
			i := k % len(all)
			text, err := m.TranscribeLong(t.Context(), all[i].pcm)
			if err != nil || text != want[i] {
				t.Errorf("%s: %q, %v; alone it was %q", all[i].name, text, err, want[i])
			}
		})
	}
	wg.Wait()
}

// speechLike is something that the model finds words in, wherever there are no
// recordings.
func speechLike(seconds int) []float32 {
	rng := rand.New(rand.NewPCG(3, 4))
	samples := make([]float32, seconds*recognizer.Rate)
	for i := range samples {
		samples[i] = float32(0.1 * math.Sin(float64(i)/20) * math.Sin(float64(i)/3000) * rng.Float64())
	}
	return samples
}

func contextEnds(t *testing.T, m *recognizer.Recognizer) {
	t.Helper()
	why := errors.New("the caller went away")
	ctx, cancel := context.WithCancelCause(t.Context())
	timer := time.AfterFunc(20*time.Millisecond, func() { cancel(why) })
	defer timer.Stop()
	began := time.Now()
	var err error
	for err == nil { // one segment alone may be done before
		_, err = m.Transcribe(ctx, speechLike(15))
	}
	t.Logf("ended %s after it began", time.Since(began))
	if !errors.Is(err, why) {
		t.Errorf("transcription ended with %v", err)
	}
	if _, err := m.TranscribeLong(ctx, make([]int16, 16000)); !errors.Is(err, why) {
		t.Errorf("an ended context gave %v", err)
	}
	if _, err := m.Transcribe(t.Context(), speechLike(1)); err != nil {
		t.Errorf("the next one gave %v", err)
	}
}

// slow is a detector that waits until it is told to go on.
type slow struct{ started, proceed chan struct{} }

func (s slow) Detect([]int16) (float32, error) {
	s.started <- struct{}{}
	<-s.proceed
	return 0, nil
}
func (s slow) Close() {}

func TestTooManyWaitingIsBusy(t *testing.T) {
	t.Parallel()
	s := slow{started: make(chan struct{}, 9), proceed: make(chan struct{})}
	m := open(t, recognizer.Options{Workers: 1, Waiting: 1, NewDetector: func() (recognizer.Detector, error) { return s, nil }})
	one := make([]int16, 512)
	begin := func(ctx context.Context) chan error {
		result := make(chan error, 1)
		go func() {
			_, err := m.TranscribeLong(ctx, one)
			result <- err
		}()
		return result
	}
	first := begin(t.Context())
	<-s.started // it has the only worker
	ctx, cancel := context.WithCancelCause(t.Context())
	second := begin(ctx)
	// As soon as the second waits, a third is refused. Until then it has a place.
	for {
		_, err := m.TranscribeLong(ended(), one)
		if errors.Is(err, recognizer.ErrBusy) {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("the third gave %v", err)
		}
		time.Sleep(time.Millisecond)
	}
	why := errors.New("waited long enough")
	cancel(why)
	if err := <-second; !errors.Is(err, why) {
		t.Errorf("the one who waited ended with %v", err)
	}
	if _, err := m.TranscribeLong(ended(), one); !errors.Is(err, context.Canceled) {
		t.Errorf("there is a place again, and the next one got %v", err)
	}
	close(s.proceed)
	if err := <-first; err != nil {
		t.Errorf("the first ended with %v", err)
	}
}

// ended gives a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestCloseWaits(t *testing.T) {
	t.Parallel()
	m := open(t, recognizer.Options{Workers: 2})
	var wg sync.WaitGroup
	running := make(chan struct{}, 4)
	for range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				if _, err := m.Transcribe(t.Context(), speechLike(1)); err != nil {
					if !errors.Is(err, recognizer.ErrClosed) {
						t.Errorf("while it closes: %v", err)
					}
					return
				}
				if n == 0 {
					running <- struct{}{}
				}
			}
		})
	}
	<-running
	m.Close()
	m.Close()
	wg.Wait()
	if _, err := m.TranscribeLong(t.Context(), make([]int16, 512)); !errors.Is(err, recognizer.ErrClosed) {
		t.Errorf("a closed recognizer gave %v", err)
	}
}

func TestDetectorThatFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	m := open(t, recognizer.Options{NewDetector: func() (recognizer.Detector, error) { return nil, broken }})
	if _, err := m.TranscribeLong(t.Context(), make([]int16, 512)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func badLength(t *testing.T, m *recognizer.Recognizer) {
	t.Helper()
	if _, err := m.Transcribe(t.Context(), make([]float32, 21*recognizer.Rate)); !errors.Is(err, recognizer.ErrTooLong) {
		t.Errorf("21 s gave %v", err)
	}
	for _, n := range []int{0, 1, 1023} {
		if text, err := m.Transcribe(t.Context(), make([]float32, n)); text != "" || err != nil {
			t.Errorf("%d samples gave %q, %v", n, text, err)
		}
	}
	odd := speechLike(1)
	odd[5], odd[6], odd[7] = float32(math.NaN()), float32(math.Inf(1)), 1e30
	if _, err := m.Transcribe(t.Context(), odd); err != nil {
		t.Logf("samples that are no numbers give %v", err) // an error or a text, and no crash
	}
}

func TestOpenOnBadFiles(t *testing.T) {
	t.Parallel()
	r, fs := openRuntime(t)
	good := modelFiles(fs)
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no model\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]moonshine.Files{
		"no encoder":            {Encoder: text + "x", Decoder: good.Decoder, Vocabulary: good.Vocabulary},
		"encoder is text":       {Encoder: text, Decoder: good.Decoder, Vocabulary: good.Vocabulary},
		"encoder is Silero":     {Encoder: fs.Silero, Decoder: good.Decoder, Vocabulary: good.Vocabulary},
		"no decoder":            {Encoder: good.Encoder, Decoder: text + "x", Vocabulary: good.Vocabulary},
		"decoder is Silero":     {Encoder: good.Encoder, Decoder: fs.Silero, Vocabulary: good.Vocabulary},
		"decoder is an encoder": {Encoder: good.Encoder, Decoder: good.Encoder, Vocabulary: good.Vocabulary},
		"encoder is a decoder":  {Encoder: good.Decoder, Decoder: good.Decoder, Vocabulary: good.Vocabulary},
		"no vocabulary":         {Encoder: good.Encoder, Decoder: good.Decoder, Vocabulary: text + "x"},
		"short vocabulary":      {Encoder: good.Encoder, Decoder: good.Decoder, Vocabulary: text},
	} {
		if m, err := moonshine.Open(r, f, recognizer.Options{}); err == nil {
			m.Close()
			t.Errorf("%s: opened", name)
		}
	}
}
