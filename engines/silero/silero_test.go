package silero_test

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"sori/engines/energy"
	"sori/engines/models"
	"sori/engines/ort"
	"sori/engines/silero"
)

// files gives the local models, or skips the test where they are missing; in CI
// that is a failure.
func files(tb testing.TB) models.Files {
	tb.Helper()
	dir, err := models.Dir(os.Getenv)
	if err != nil {
		tb.Fatal(err)
	}
	bundles, err := models.Manifest(runtime.GOOS, runtime.GOARCH)
	if err == nil {
		err = models.Check(dir, bundles)
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatal(err)
		}
		tb.Skip(err)
	}
	fs, err := models.Locate(dir, bundles)
	if err != nil {
		tb.Fatal(err)
	}
	return fs
}

func open(tb testing.TB) *silero.Model {
	tb.Helper()
	fs := files(tb)
	r, err := ort.Open(fs.Runtime)
	if err != nil {
		tb.Fatal(err)
	}
	m, err := silero.Open(r, fs.Silero)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(m.Close)
	return m
}

func detector(tb testing.TB, m *silero.Model) *silero.Detector {
	tb.Helper()
	d, err := m.NewDetector()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(d.Close)
	return d
}

// probs runs the samples through the detector.
func probs(tb testing.TB, d *silero.Detector, pcm []int16) []float32 {
	tb.Helper()
	var ps []float32
	for i := 0; i+silero.Window <= len(pcm); i += silero.Window {
		p, err := d.Detect(pcm[i : i+silero.Window])
		if err != nil {
			tb.Fatal(err)
		}
		if p < 0 || p > 1 || math.IsNaN(float64(p)) {
			tb.Fatalf("probability %v", p)
		}
		ps = append(ps, p)
	}
	return ps
}

// share of windows that are speech.
func share(ps []float32) float64 {
	n := 0
	for _, p := range ps {
		if p >= 0.5 {
			n++
		}
	}
	return float64(n) / float64(len(ps))
}

func synth(n int, f func(i int) float64) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(max(-32768, min(32767, 32767*f(i))))
	}
	return pcm
}

func TestNoSpeechInWhatIsNoSpeech(t *testing.T) {
	t.Parallel()
	m := open(t)
	rng := rand.New(rand.NewPCG(1, 2))
	const n = 5 * silero.Rate
	for name, pcm := range map[string][]int16{
		"silence":     make([]int16, n),
		"white noise": synth(n, func(int) float64 { return 0.05 * rng.NormFloat64() }),
		"tone":        synth(n, func(i int) float64 { return 0.3 * math.Sin(2*math.Pi*440*float64(i)/silero.Rate) }),
		"hum":         synth(n, func(i int) float64 { return 0.2 * math.Sin(2*math.Pi*50*float64(i)/silero.Rate) }),
	} {
		if s := share(probs(t, detector(t, m), pcm)); s > 0.02 {
			t.Errorf("%s: %.0f %% is speech", name, 100*s)
		}
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

func TestSpeechInSpeech(t *testing.T) {
	t.Parallel()
	all := recordings(t)
	m := open(t)
	for name, pcm := range all {
		if s := share(probs(t, detector(t, m), pcm)); s < 0.4 {
			t.Errorf("%s: only %.0f %% is speech", name, 100*s)
		}
	}
}

// A gate in front of the model must not cost speech. It may well win some: after
// a long quiet the model alone is hard of hearing, and behind a gate it is fresh.
func TestBehindAGate(t *testing.T) {
	t.Parallel()
	all := recordings(t)
	m := open(t)
	rng := rand.New(rand.NewPCG(7, 8))
	for name, pcm := range all {
		room := func(seconds int) []int16 {
			return synth(seconds*silero.Rate, func(int) float64 { return 0.001 * rng.NormFloat64() })
		}
		whole := slices.Concat(room(6), pcm, room(6), pcm, room(3))
		bare := probs(t, detector(t, m), whole)
		g := energy.NewGate(detector(t, m))
		skipped, missed := 0, 0
		for i, want := range bare {
			p, err := g.Detect(whole[i*silero.Window : (i+1)*silero.Window])
			if err != nil {
				t.Fatal(err)
			}
			if p == 0 {
				skipped++
			}
			if p < 0.5 && want >= 0.5 {
				missed++
			}
		}
		t.Logf("%s: %d of %d windows were not asked for, %d missed", name, skipped, len(bare), missed)
		if missed > len(bare)/50 {
			t.Errorf("%s: behind a gate %d of %d windows are missed", name, missed, len(bare))
		}
		if skipped < 150 {
			t.Errorf("%s: the gate kept only %d of %d windows from the model", name, skipped, len(bare))
		}
	}
}

func TestResetForgets(t *testing.T) {
	t.Parallel()
	m := open(t)
	rng := rand.New(rand.NewPCG(3, 4))
	pcm := synth(silero.Rate, func(i int) float64 { return 0.2 * math.Sin(float64(i)/9) * rng.Float64() })
	d := detector(t, m)
	first := probs(t, d, pcm)
	again := probs(t, d, pcm)
	d.Reset()
	fresh := probs(t, d, pcm)
	differ := false
	for i := range first {
		if first[i] != fresh[i] {
			t.Fatalf("window %d: %v after Reset, %v on a fresh detector", i, fresh[i], first[i])
		}
		differ = differ || first[i] != again[i]
	}
	if !differ {
		t.Error("the detector remembers nothing even without Reset")
	}
}

func TestDetectorsShareNothing(t *testing.T) {
	t.Parallel()
	m := open(t)
	rng := rand.New(rand.NewPCG(5, 6))
	pcm := synth(silero.Rate, func(i int) float64 { return 0.3 * math.Sin(float64(i)/11) * rng.Float64() })
	want := probs(t, detector(t, m), pcm)
	var wg sync.WaitGroup
	for range 8 {
		d := detector(t, m)
		wg.Go(func() {
			for range 5 {
				d.Reset()
				for i, w := range want {
					p, err := d.Detect(pcm[i*silero.Window : (i+1)*silero.Window])
					if err != nil || p != w {
						t.Errorf("window %d: %v, %v; want %v", i, p, err, w)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestBadUseIsAnError(t *testing.T) {
	t.Parallel()
	fs := files(t)
	r, err := ort.Open(fs.Runtime)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := silero.Open(r, fs.Encoder); err == nil {
		m.Close()
		t.Error("another model was taken for Silero")
	}
	m, err := silero.Open(r, fs.Silero)
	if err != nil {
		t.Fatal(err)
	}
	d := detector(t, m)
	for _, n := range []int{0, 1, 511, 513, 1024} {
		if _, err := d.Detect(make([]int16, n)); err == nil {
			t.Errorf("a window of %d samples was taken", n)
		}
	}
	m.Close()
	m.Close()
	if _, err := d.Detect(make([]int16, silero.Window)); !errors.Is(err, ort.ErrClosed) {
		t.Errorf("a closed model gave %v", err)
	}
	if _, err := m.NewDetector(); !errors.Is(err, ort.ErrClosed) {
		t.Errorf("a closed model gave a detector, or %v", err)
	}
	d.Close()
	d.Close()
	d.Reset()
	if _, err := d.Detect(make([]int16, silero.Window)); err == nil {
		t.Error("a closed detector answered")
	}
}

func TestDetectAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	d := detector(t, open(t))
	window := make([]int16, silero.Window)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := d.Detect(window); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per window", n)
	}
}

func BenchmarkDetect(b *testing.B) {
	d := detector(b, open(b))
	window := synth(silero.Window, func(i int) float64 { return 0.3 * math.Sin(float64(i)/11) })
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Detect(window); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewDetector(b *testing.B) {
	m := open(b)
	for b.Loop() {
		d, err := m.NewDetector()
		if err != nil {
			b.Fatal(err)
		}
		d.Close()
	}
}
