package flite_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sori/audio"
	"sori/engines/flite"
	"sori/engines/models"
	"sori/stage"
)

// cacheVariable names the folder in which one test leaves the compiled module
// to the next.
const cacheVariable = "SORI_FLITE_TEST_CACHE"

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "sori-flite-")
	if err == nil {
		err = os.Setenv(cacheVariable, dir)
	}
	if err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if err := os.RemoveAll(dir); err != nil && code == 0 {
			code = 1
		}
		os.Exit(code)
	}))
}

// module gives the path of the real flite.wasm.
func module(t testing.TB) string {
	t.Helper()
	dir, err := models.Dir(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	bundles, err := models.Manifest(runtime.GOOS, runtime.GOARCH)
	if err != nil {
		t.Skip(err)
	}
	files, err := models.Locate(dir, bundles)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(files.Flite); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the models must be there in CI: %v", err)
		}
		t.Skipf("no models on this machine (`make models` fetches them): %v", err)
	}
	return files.Flite
}

func open(t testing.TB, o flite.Options) *flite.Synthesizer {
	t.Helper()
	if o.CacheDir == "" {
		o.CacheDir = os.Getenv(cacheVariable)
	}
	s, err := flite.Open(t.Context(), module(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return s
}

// speak gives all audio of a text.
func speak(ctx context.Context, t testing.TB, s *flite.Synthesizer, sp stage.Speech) ([]byte, error) {
	t.Helper()
	var pcm []byte
	for c, err := range s.Synthesize(ctx, sp) {
		if err != nil {
			return pcm, err
		}
		if len(c.PCM) == 0 || len(c.PCM)%2 != 0 || c.Rate != flite.SampleRate {
			t.Fatalf("a chunk of %d bytes at %d Hz", len(c.PCM), c.Rate)
		}
		pcm = append(pcm, c.PCM...)
	}
	return pcm, nil
}

func wantCode(t *testing.T, err error, code string) *stage.Error {
	t.Helper()
	e, ok := errors.AsType[*stage.Error](err)
	if !ok || e.Code != code || e.Stage != stage.TTS || e.Engine != "flite" {
		t.Fatalf("got %#v, want a TTS error with code %s", err, code)
	}
	return e
}

func TestSpeech(t *testing.T) {
	t.Parallel()
	s := open(t, flite.Options{Workers: 2})
	t.Run("every voice", func(t *testing.T) {
		t.Parallel()
		for _, voice := range append(s.Voices(), "", " SLT ") {
			pcm, err := speak(t.Context(), t, s, stage.Speech{Text: "Hello, how can I help you today?", Voice: voice, Language: "en-US"})
			if err != nil {
				t.Fatalf("%q: %v", voice, err)
			}
			if d := audio.Duration(len(pcm), flite.SampleRate); d < 1600*time.Millisecond || d > 3*time.Second {
				t.Errorf("%q: %v of audio", voice, d)
			}
			if rms, peak := audio.Level(pcm); rms < -35 || peak > 0 {
				t.Errorf("%q: level %.0f dB, peak %.0f dB", voice, rms, peak)
			}
			if rms, _ := audio.Level(pcm[:2*flite.SampleRate*100/1000]); rms < -50 {
				t.Errorf("%q: the first 100 ms are silence (%.0f dB)", voice, rms)
			}
		}
	})
	t.Run("more text takes longer", func(t *testing.T) {
		t.Parallel()
		one, err := speak(t.Context(), t, s, stage.Speech{Text: "This is one sentence."})
		if err != nil {
			t.Fatal(err)
		}
		four, err := speak(t.Context(), t, s, stage.Speech{Text: strings.Repeat("This is one sentence. ", 4)})
		if err != nil {
			t.Fatal(err)
		}
		if r := float64(len(four)) / float64(len(one)); r < 3.8 || r > 4.3 {
			t.Errorf("four sentences are %.2f times as long as one", r)
		}
	})
	t.Run("what can't be spoken", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct {
			sp   stage.Speech
			code string
			says string
		}{
			"unknown voice": {stage.Speech{Text: "Hi.", Voice: "bob"}, stage.CodeRejected, "slt, rms, awb, kal16"},
			"empty":         {stage.Speech{Text: " \n\t"}, stage.CodeRejected, "no text"},
			"too long":      {stage.Speech{Text: strings.Repeat("a", 100<<10)}, stage.CodeRejected, "32768"},
			"Korean":        {stage.Speech{Text: "안녕하세요, 반갑습니다."}, stage.CodeLanguage, "English only"},
			"Russian":       {stage.Speech{Text: "Привет!"}, stage.CodeLanguage, "English only"},
			"German asked":  {stage.Speech{Text: "Guten Tag.", Language: "de-AT"}, stage.CodeLanguage, "de-AT"},
		} {
			pcm, err := speak(t.Context(), t, s, c.sp)
			if e := wantCode(t, err, c.code); !strings.Contains(e.Message, c.says) || len(pcm) > 0 {
				t.Errorf("%s: %q with %d bytes of audio", name, e.Message, len(pcm))
			}
		}
	})
	t.Run("hostile text", func(t *testing.T) {
		t.Parallel()
		for name, text := range map[string]string{
			"an option":        "-lv",
			"options":          "--help -o /etc/passwd -voice /x",
			"NUL":              "one\x00two\x00-o\x00x",
			"control":          "\x01\x02\x1b[31mred\x07\x7f",
			"broken UTF-8":     "caf\xc3 \xff\xfe ok",
			"punctuation":      "?!... -- ;;; ***",
			"emoji":            "👍🏽",
			"SSML":             "<speak><break time='10s'/>hello</speak>",
			"format":           "%s%n%n%n%x hello",
			"one huge number":  strings.Repeat("7", 120),
			"no vowel":         strings.Repeat("xkcd", 30),
			"shell":            "$(reboot) `ls` ; rm -rf /",
			"quotes":           "\"'\"'\"",
			"bidi and joiners": "\u202eabc\u200d\u2066def",
		} {
			pcm, err := speak(t.Context(), t, s, stage.Speech{Text: text, Voice: "kal16"})
			if err != nil || len(pcm) == 0 {
				t.Errorf("%s: %d bytes, %v", name, len(pcm), err)
			}
		}
	})
	t.Run("a long text streams", func(t *testing.T) {
		t.Parallel()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		text := strings.Repeat("All work and no play makes Jack a dull boy, he said. ", 500)
		got := 0
		began := time.Now()
		for c, err := range s.Synthesize(ctx, stage.Speech{Text: text}) {
			if err != nil {
				t.Fatal(err)
			}
			if got += len(c.PCM); got > 2*flite.SampleRate*5 {
				break
			}
		}
		if got < 2*flite.SampleRate*5 {
			t.Errorf("got %d bytes", got)
		}
		if d := time.Since(began); d > 20*time.Second {
			t.Errorf("the first 5 s of audio took %v", d)
		}
	})
	t.Run("random text", func(t *testing.T) {
		t.Parallel()
		rng := rand.New(rand.NewPCG(1, 2))
		for range 25 {
			b := make([]byte, 1+rng.IntN(60))
			for i := range b {
				b[i] = byte(rng.IntN(256))
			}
			_, err := speak(t.Context(), t, s, stage.Speech{Text: string(b), Voice: "kal16"})
			if e, ok := errors.AsType[*stage.Error](err); err != nil && (!ok || e.Code != stage.CodeLanguage && e.Code != stage.CodeRejected) {
				t.Errorf("%q: %v", b, err)
			}
		}
	})
}

func TestCancellationIsPrompt(t *testing.T) {
	t.Parallel()
	s := open(t, flite.Options{Workers: 1})
	why := errors.New("barge-in")
	text := stage.Speech{Text: "A long sentence without any comma that goes on and on and on until nobody in the room wants to hear any more of it"}
	for _, wait := range []time.Duration{0, 3 * time.Millisecond, 15 * time.Millisecond, 40 * time.Millisecond} {
		ctx, stop := context.WithCancelCause(t.Context())
		timer := time.AfterFunc(wait, func() { stop(why) })
		var last error
		for _, err := range s.Synthesize(ctx, text) {
			if err != nil {
				last = err
				break
			}
			stop(why) // the first audio is as late as it gets
		}
		timer.Stop()
		stop(nil)
		if !errors.Is(last, why) {
			t.Fatalf("after %v: %v", wait, last)
		}
	}
	// The worker is free again at once: with one worker, breaking out must not
	// leave the module running.
	for range 10 {
		for _, err := range s.Synthesize(t.Context(), text) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	expired, stop := context.WithTimeout(t.Context(), 0)
	defer stop()
	_, err := speak(expired, t, s, text)
	if e := wantCode(t, err, stage.CodeTimeout); e.Message == "" {
		t.Error("a timeout without a message")
	}
}

// A caller that reads slowly must not keep the only worker.
func TestSlowCallerHoldsNoWorker(t *testing.T) {
	t.Parallel()
	s := open(t, flite.Options{Workers: 1})
	for _, err := range s.Synthesize(t.Context(), stage.Speech{Text: "Take your time with this sentence."}) {
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		if _, err := speak(ctx, t, s, stage.Speech{Text: "Quick."}); err != nil {
			t.Fatalf("while another caller pauses: %v", err)
		}
		stop()
	}
}

//nolint:paralleltest // it measures the memory of the process
func TestManyAtOnceKeepMemoryBounded(t *testing.T) {
	s := open(t, flite.Options{Workers: 2})
	voice := func(i int) string { // the quick one mostly, the others too
		if i%10 == 0 {
			return s.Voices()[i/10%3]
		}
		return "kal16"
	}
	round := func(n int) {
		var g sync.WaitGroup
		for w := range 8 {
			g.Go(func() {
				for i := w; i < n; i += 8 {
					if _, err := speak(t.Context(), t, s, stage.Speech{Text: "Tea at noon.", Voice: voice(i)}); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		g.Wait()
	}
	live := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	round(16)
	before := live()
	round(200)
	if after := live(); after > before+16<<20 {
		t.Errorf("200 sentences left %d MB behind", (after-before)>>20)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.wasm")
	if err := os.WriteFile(bad, []byte("<html>not found</html>"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty.wasm") // a valid module without anything in it
	if err := os.WriteFile(empty, []byte("\x00asm\x01\x00\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		filepath.Join(dir, "none.wasm"): "no such file",
		bad:                             "is the file whole?",
		empty:                           "not the module that sori knows",
	} {
		s, err := flite.Open(t.Context(), path, flite.Options{})
		if err == nil || s != nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := flite.Open(t.Context(), module(t), flite.Options{CacheDir: bad}); err == nil || !strings.Contains(err.Error(), "writable") {
		t.Errorf("a cache folder that is a file: %v", err)
	}
}

func BenchmarkShortSentence(b *testing.B) {
	s := open(b, flite.Options{Workers: 1})
	for _, voice := range s.Voices() {
		b.Run(voice, func(b *testing.B) {
			var first time.Duration
			var n int
			for b.Loop() {
				began, heard := time.Now(), false
				n = 0
				for c, err := range s.Synthesize(b.Context(), stage.Speech{Text: "Hello, how can I help you today?", Voice: voice}) {
					if err != nil {
						b.Fatal(err)
					}
					if !heard {
						heard = true
						first += time.Since(began)
					}
					n += len(c.PCM)
				}
			}
			b.ReportMetric(float64(first.Microseconds())/1000/float64(b.N), "ms/first-audio")
			b.ReportMetric(audio.Duration(n, flite.SampleRate).Seconds()/(b.Elapsed().Seconds()/float64(b.N)), "x-real-time")
		})
	}
}
