// Package ear decides, window by window, when a person begins to speak, pauses,
// goes on and has finished: endpointing. It is pure: probabilities go in,
// changes come out, and time is counted in windows of sound.
package ear

import "time"

// Window is the length of sound behind one probability: 512 samples at 16,000 Hz.
const Window = 32 * time.Millisecond

// Settings says what counts as speech and as its end.
type Settings struct {
	Threshold float32       // probability, 0 to 1, from which a window is speech
	MinSpeech time.Duration // so much speech begins an utterance; less is a click or a cough
	Pause     time.Duration // so much silence is a pause
	Silence   time.Duration // so much silence ends the utterance, unless SetPatience says otherwise
}

// The defaults of [Settings].
const (
	DefaultThreshold = 0.5
	DefaultMinSpeech = 150 * time.Millisecond
	DefaultPause     = 200 * time.Millisecond
	DefaultSilence   = 500 * time.Millisecond
)

// slack is how far below the threshold a window still counts as speech once
// speech has begun: soft endings of words belong to it.
const slack = 0.15

// gap is how much silence may lie within the sound that begins an utterance.
const gap = 96 * time.Millisecond

// Change is what a window changed.
type Change int

// The changes that an ear hears.
const (
	Nothing Change = iota
	Started        // speech began; Onset says how long ago
	Paused         // silence since Settings.Pause
	Resumed        // speech again, after Paused
	Stopped        // the utterance is over; SpeechEnd says how long ago speech ended
)

// Ear listens to one stream. One goroutine owns it.
type Ear struct {
	set      Settings
	patience time.Duration

	speaking bool
	paused   bool
	voiced   time.Duration // speech windows since onset
	said     time.Duration // speech windows of the utterance that ended last
	onset    time.Duration // since the first window of the speech, while it is heard
	quiet    time.Duration // since the last window of speech
}

// New gives an ear that hears nothing yet.
func New(s Settings) *Ear {
	return &Ear{set: s, patience: s.Silence}
}

// Hear takes the probability of the next window and says what it changes.
func (e *Ear) Hear(p float32) Change {
	if e.speaking {
		return e.hearOn(p)
	}
	if p < e.set.Threshold {
		e.quiet += Window
		e.onset += Window
		if e.quiet > gap {
			e.voiced, e.onset = 0, 0
		}
		return Nothing
	}
	if e.voiced == 0 {
		e.onset = 0
	}
	e.quiet = 0
	e.voiced += Window
	e.onset += Window
	if e.voiced < e.set.MinSpeech {
		return Nothing
	}
	e.speaking, e.paused = true, false
	e.patience = e.set.Silence
	return Started
}

func (e *Ear) hearOn(p float32) Change {
	e.onset += Window
	if p >= e.set.Threshold-slack {
		e.quiet = 0
		e.voiced += Window
		if e.paused {
			e.paused = false
			e.patience = e.set.Silence
			return Resumed
		}
		return Nothing
	}
	e.quiet += Window
	switch {
	case e.quiet >= e.patience:
		e.end()
		return Stopped
	case !e.paused && e.quiet >= e.set.Pause:
		e.paused = true
		return Paused
	}
	return Nothing
}

func (e *Ear) end() {
	e.speaking, e.paused = false, false
	e.said = e.voiced
	e.voiced, e.onset = 0, 0
}

// End says that no more sound comes: it gives Stopped if speech was under way.
func (e *Ear) End() Change {
	if !e.speaking {
		e.voiced, e.onset = 0, 0
		return Nothing
	}
	e.end()
	return Stopped
}

// Reset forgets everything.
func (e *Ear) Reset() { e.end(); e.quiet = 0 }

// Set changes the settings. Speech under way stays under way.
func (e *Ear) Set(s Settings) { e.set, e.patience = s, s.Silence }

// SetPatience says how much silence ends this utterance. It holds until speech
// goes on.
func (e *Ear) SetPatience(d time.Duration) { e.patience = max(d, e.set.Pause) }

// Speaking says whether an utterance is under way, pauses included.
func (e *Ear) Speaking() bool { return e.speaking }

// Paused says whether the utterance under way is in a pause.
func (e *Ear) Paused() bool { return e.paused }

// Onset is how long ago, in sound, the speech under way began: 0 when there is
// none.
func (e *Ear) Onset() time.Duration { return e.onset }

// Voiced is how much speech the utterance under way holds.
func (e *Ear) Voiced() time.Duration { return e.voiced }

// Said is how much speech the last utterance held that ended.
func (e *Ear) Said() time.Duration { return e.said }

// Quiet is how long ago, in sound, the last window of speech was.
func (e *Ear) Quiet() time.Duration { return e.quiet }
