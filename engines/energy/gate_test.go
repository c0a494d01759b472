package energy_test

import (
	"errors"
	"slices"
	"testing"

	"sori/engines/energy"
)

// model is a stand-in for a model: a struct of what it heard.
type model struct {
	heard  [][]int16 // windows since Reset
	asked  int
	resets int
	closed int
	fail   error
	inner  *energy.Detector
}

func newModel() *model { return &model{inner: energy.New()} }

func (m *model) Detect(w []int16) (float32, error) {
	if m.fail != nil {
		return 0, m.fail
	}
	m.asked++
	m.heard = append(m.heard, slices.Clone(w))
	return m.inner.Detect(w)
}

func (m *model) Reset() { m.resets++; m.heard = nil; m.inner.Reset() }
func (m *model) Close() { m.closed++ }

func windows(pcm []int16) [][]int16 {
	return slices.Collect(slices.Chunk(pcm[:len(pcm)/energy.Window*energy.Window], energy.Window))
}

func TestGateSparesTheModelInQuiet(t *testing.T) {
	t.Parallel()
	for name, pcm := range map[string][]int16{
		"silence":   synth(20, func(int) float64 { return 0 }),
		"a room":    synth(20, white(-60)),
		"soft hiss": synth(20, white(-50)),
		"soft hum":  synth(20, plus(tone(-50, 50), white(-65))),
	} {
		m := newModel()
		g := energy.NewGate(m)
		ps := hear(t, g, pcm[:5*rate]) // it learns the floor in 3 s, and waits for 0.5 s
		learning := m.asked
		ps = append(ps, hear(t, g, pcm[5*rate:])...)
		if share(ps) > 0 {
			t.Errorf("%s: speech is heard", name)
		}
		if m.asked != learning {
			t.Errorf("%s: the model was asked for %d more windows", name, m.asked-learning)
		}
	}
}

func TestGateAlwaysAsksInLoudNoise(t *testing.T) {
	t.Parallel()
	m := newModel()
	ps := hear(t, energy.NewGate(m), synth(10, white(-30)))
	if m.asked != len(ps) {
		t.Errorf("the model was asked for %d of %d windows", m.asked, len(ps))
	}
}

func TestGateCostsNoSpeech(t *testing.T) {
	t.Parallel()
	for name, pcm := range map[string][]int16{
		"at once":         synth(6, plus(voice(-25), white(-60))),
		"after a silence": append(synth(5, white(-60)), synth(6, plus(voice(-25), white(-60)))...),
		"soft":            append(synth(5, white(-70)), synth(6, plus(voice(-45), white(-70)))...),
	} {
		m := newModel()
		hear(t, energy.NewGate(m), pcm)
		all := windows(pcm)
		// From the first syllable on, the model hears everything in order, with
		// what came before it.
		tail := all[len(all)-187:]
		if len(m.heard) < len(tail) || !slices.EqualFunc(m.heard[len(m.heard)-len(tail):], tail, slices.Equal) {
			t.Errorf("%s: the model did not hear all of the speech (%d windows of %d)", name, len(m.heard), len(all))
		}
	}
}

func TestGateLetsTheModelHearWhatCameBefore(t *testing.T) {
	t.Parallel()
	m := newModel()
	g := energy.NewGate(m)
	quiet := synth(10, white(-60))
	hear(t, g, quiet)
	if m.resets != 0 {
		t.Fatalf("the model was reset %d times before anything was kept from it", m.resets)
	}
	loud := synth(0.032, voice(-15))
	hear(t, g, loud)
	if m.resets != 1 {
		t.Errorf("the model was reset %d times after a long quiet, want once", m.resets)
	}
	want := windows(quiet)
	want = append(want[len(want)-6:], loud)
	if !slices.EqualFunc(m.heard, want, slices.Equal) {
		t.Errorf("the model heard %d windows after the quiet, want the last 6 of it and the new one, in order", len(m.heard))
	}
}

func TestGateResetsAndCloses(t *testing.T) {
	t.Parallel()
	m := newModel()
	g := energy.NewGate(m)
	pcm := append(synth(4, white(-60)), synth(2, plus(voice(-25), white(-60)))...)
	first := hear(t, g, pcm)
	hear(t, g, synth(4, white(-50)))
	g.Reset()
	if again := hear(t, g, pcm); !slices.Equal(first, again) {
		t.Error("the gate remembers after Reset")
	}
	g.Close()
	if m.closed != 1 {
		t.Errorf("the model was closed %d times", m.closed)
	}
}

func TestGateSaysThatTheModelFails(t *testing.T) {
	t.Parallel()
	m := newModel()
	g := energy.NewGate(m)
	hear(t, g, synth(4, white(-60)))
	m.fail = errors.New("broken")
	if _, err := g.Detect(synth(0.032, voice(-15))); !errors.Is(err, m.fail) {
		t.Errorf("catching up gave %v", err)
	}
	g.Reset()
	if _, err := g.Detect(synth(0.032, voice(-15))); !errors.Is(err, m.fail) {
		t.Errorf("asking gave %v", err)
	}
}
