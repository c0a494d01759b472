package session_test

import (
	"context"
	"iter"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sori/protocol"
	"sori/session"
	"sori/stage"
)

// When the words come long after the speech over the reply has ended, the turn
// still holds all of that speech.
func TestALateVerdictLosesNoSpeech(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]time.Duration{"late": 1900 * time.Millisecond, "too late": 20 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r, a := interrupted(t, late)
				r.say(1500 * time.Millisecond)
				r.quiet(6 * time.Second)
				settle(time.Minute)
				if c := find[protocol.TurnCancelled](r); len(c) != 1 || c[0].Reason != protocol.CancelledByBargeIn {
					t.Fatalf("cancelled %+v of %v", c, r.types())
				}
				if last := a.last(); last < 1400*time.Millisecond {
					t.Errorf("the turn holds %v of 1.5 s of speech", last)
				}
				r.check()
			})
		})
	}
}

// Where the words are not known in time, a short word takes the floor, and a cough
// does not.
func TestAVerdictThatNeverComes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		speech time.Duration
		floor  bool
	}{"a cough": {400 * time.Millisecond, false}, "stop, please": {700 * time.Millisecond, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r, _ := interrupted(t, 20*time.Second)
				r.say(c.speech)
				r.quiet(6 * time.Second)
				settle(time.Minute)
				if cut := len(find[protocol.TurnCancelled](r)) == 1; cut != c.floor {
					t.Errorf("the reply was cut: %v, want %v: %v", cut, c.floor, r.types())
				}
				r.check()
			})
		})
	}
}

// Who goes on before the words are known has said one thing.
func TestGoingOnBeforeTheVerdict(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, a := interrupted(t, 1800*time.Millisecond)
		r.say(600 * time.Millisecond)
		r.quiet(900 * time.Millisecond)
		r.say(600 * time.Millisecond)
		r.quiet(6 * time.Second)
		settle(time.Minute)
		if n := len(find[protocol.SpeechStarted](r)); n != 1 {
			t.Errorf("speech started %d times", n)
		}
		if last := a.last(); last < 1100*time.Millisecond {
			t.Errorf("the turn holds %v of 1.2 s of speech", last)
		}
		r.check()
	})
}

// asked is how much speech was in what ATOT was asked about, in order.
type asked struct {
	mu     sync.Mutex
	speech []time.Duration
}

func (a *asked) add(u stage.Utterance) {
	samples := make([]int16, u.Audio.Samples())
	u.Audio.ReadSamples(samples, 0)
	samples = slices.DeleteFunc(samples, func(v int16) bool { return v < 1000 })
	a.mu.Lock()
	defer a.mu.Unlock()
	a.speech = append(a.speech, time.Duration(len(samples))*time.Second/16000)
}

// last is what the turn's own question held.
func (a *asked) last() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.speech[len(a.speech)-1]
}

// interrupted is a session that tells a story, and whose ATOT is late.
func interrupted(t *testing.T, late time.Duration) (*rig, *asked) {
	t.Helper()
	d := storyteller()
	a := &asked{}
	h := hears(late, "Stop that now please")
	d.ATOT = atot{func(ctx context.Context, u stage.Utterance) iter.Seq2[stage.Transcript, error] {
		a.add(u)
		return h.transcribe(ctx, u)
	}}
	r := open(t, session.Options{}, d)
	r.handsFree()
	r.send(protocol.Text{Text: "talk"})
	r.quiet(3 * time.Second)
	return r, a
}
