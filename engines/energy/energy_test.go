package energy_test

import (
	"math"
	"testing"

	"sori/engines/energy"
)

func TestWhatIsNoSpeech(t *testing.T) {
	t.Parallel()
	for name, pcm := range map[string][]int16{
		"silence":            synth(6, func(int) float64 { return 0 }),
		"a constant":         synth(6, func(int) float64 { return 0.3 }),
		"white noise -70 dB": synth(6, white(-70)),
		"white noise -50 dB": synth(6, white(-50)),
		"white noise -30 dB": synth(6, white(-30)),
		"pink noise -50 dB":  synth(6, pink(-50)),
		"pink noise -30 dB":  synth(6, pink(-30)),
		"hum of 50 Hz":       synth(6, tone(-20, 50)),
		"hum of 120 Hz":      synth(6, plus(tone(-20, 60), tone(-30, 120))),
		"a tone":             synth(6, tone(-20, 440)),
		"a tone that begins": append(synth(1, white(-65)), synth(5, tone(-20, 440))...),
		"clicks":             synth(6, clicks(4000)),
		"clicks in noise":    synth(6, plus(clicks(3100), white(-55))),
		"full scale":         synth(6, func(i int) float64 { return float64(i%2*2 - 1) }),
	} {
		ps := hear(t, energy.New(), pcm)
		if s := share(ps); s > 0.07 {
			t.Errorf("%s: %.0f %% is taken for speech", name, 100*s)
		}
		if s := share(ps[len(ps)/2:]); s > 0 {
			t.Errorf("%s: %.0f %% is taken for speech after 3 s", name, 100*s)
		}
	}
}

func TestWhatIsSpeech(t *testing.T) {
	t.Parallel()
	for name, pcm := range map[string][]int16{
		"loud":             synth(6, voice(-20)),
		"soft":             synth(6, plus(voice(-35), white(-65))),
		"in noise":         synth(6, plus(voice(-20), white(-45))),
		"in pink noise":    synth(6, plus(voice(-20), pink(-45))),
		"with an offset":   synth(6, plus(voice(-20), func(int) float64 { return 0.1 })),
		"after 5 s of hum": append(synth(5, tone(-40, 50)), synth(6, plus(voice(-20), tone(-40, 50)))...),
	} {
		ps := hear(t, energy.New(), pcm)
		ps = ps[len(ps)-187:] // the last 6 s
		if s := share(ps); s < 0.3 || s > 0.9 {
			t.Errorf("%s: %.0f %% is taken for speech", name, 100*s)
		}
	}
}

func TestRealSpeech(t *testing.T) {
	t.Parallel()
	for name, pcm := range recordings(t) {
		for _, gain := range []float64{1, 0.1} {
			softer := make([]int16, len(pcm))
			for i, s := range pcm {
				softer[i] = int16(math.Round(gain * float64(s)))
			}
			s := share(hear(t, energy.New(), softer))
			t.Logf("%s at %.0f %%: %.0f %% is taken for speech", name, 100*gain, 100*s)
			if s < 0.25 {
				t.Errorf("%s at %.0f %%: only %.0f %% is taken for speech", name, 100*gain, 100*s)
			}
		}
	}
}

func TestPausesAreHeard(t *testing.T) {
	t.Parallel()
	pcm := append(synth(3, plus(voice(-20), white(-60))), synth(2, white(-60))...)
	ps := hear(t, energy.New(), pcm)
	if s := share(ps[len(ps)-50:]); s != 0 {
		t.Errorf("%.0f %% of the pause is taken for speech", 100*s)
	}
}

func TestResetForgets(t *testing.T) {
	t.Parallel()
	d := energy.New()
	pcm := synth(3, plus(voice(-25), white(-50)))
	first := hear(t, d, pcm)
	hear(t, d, synth(4, white(-25)))
	d.Reset()
	for i, p := range hear(t, d, pcm) {
		if p != first[i] {
			t.Fatalf("window %d: %v after Reset, %v at first", i, p, first[i])
		}
	}
	d.Close()
}

func TestWindowsOfOtherSizes(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 511, 513, 1024} {
		if _, err := energy.New().Detect(make([]int16, n)); err == nil {
			t.Errorf("a window of %d samples was taken", n)
		}
		if _, err := energy.NewGate(energy.New()).Detect(make([]int16, n)); err == nil {
			t.Errorf("the gate took a window of %d samples", n)
		}
	}
}

func FuzzDetect(f *testing.F) {
	f.Add(int16(-32768), int16(32767), uint8(1))
	f.Add(int16(0), int16(0), uint8(0))
	f.Add(int16(1), int16(-1), uint8(200))
	f.Fuzz(func(t *testing.T, a, b int16, period uint8) {
		pcm := synth(2, func(int) float64 { return 0 })
		for i := range pcm {
			pcm[i] = a
			if i%(int(period)+1) == 0 {
				pcm[i] = b
			}
		}
		hear(t, energy.New(), pcm) // fails on what is no probability
	})
}

func TestDetectAllocatesNothing(t *testing.T) {
	d := energy.New()
	g := energy.NewGate(energy.New())
	speech, silence := synth(1, voice(-20)), make([]int16, energy.Window)
	n := testing.AllocsPerRun(100, func() {
		hearAll(d, speech)
		hearAll(g, speech)
		hearAll(g, silence)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func hearAll(d detector, pcm []int16) {
	for i := 0; i+energy.Window <= len(pcm); i += energy.Window {
		_, _ = d.Detect(pcm[i : i+energy.Window]) // fails for another size only
	}
}

func BenchmarkDetect(b *testing.B) {
	d := energy.New()
	w := synth(1, voice(-20))[8000 : 8000+energy.Window]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Detect(w); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGateIdle(b *testing.B) {
	g := energy.NewGate(energy.New())
	pcm := synth(2, white(-62))
	hear(b, g, pcm)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Detect(pcm[:energy.Window]); err != nil {
			b.Fatal(err)
		}
	}
}
