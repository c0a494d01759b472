// Package energy tells speech from everything else by arithmetic alone: how
// loud a window is over the noise before it, how it changes, and how its sound
// is spread. A [Detector] stands in where no model is there; a [Gate] stands in
// front of one, so that a stream in which nothing happens costs next to nothing.
package energy

import (
	"fmt"
	"math"
)

const (
	// Window is how many samples are judged at a time: 32 ms at 16,000 Hz.
	Window = 512

	// The weights that a window's features take away from its probability.
	steadySpread = 4.0   // dB: what changes less over steadyOver windows is a machine
	steadyOver   = 12    // windows, 0.4 s
	toneSpread   = 0.8   // dB: what changes less over toneOver windows is a tone
	toneOver     = 4     // windows, 0.13 s
	humTilt      = 0.004 // what has less of its energy in changes from sample to sample is below about 160 Hz
	hissCrossing = 195   // zero crossings, about 6 kHz: noise, or an s beside a vowel
	vowelNear    = 8     // windows, 0.25 s: an s is that close to a vowel
	clickCrest   = 100.0 // peak power over mean power: voices stay below 30
	clearSNR     = 9.0   // dB over the floor at which a window is as likely speech as not
	audible      = -60.0 // dBFS: below it nothing is speech
	lowest       = -65.0 // dBFS: a quieter floor says nothing more about what is speech
)

// Detector judges one stream. One goroutine uses it at a time. It satisfies the
// same contract as a model: see Detect.
type Detector struct {
	floor  floor
	levels [steadyOver]float64 // dB, a ring
	seen   int                 // windows since Reset
	vowel  int                 // the window after the last vowel-like one, 0 when there was none
	before [2]float64          // what the last windows would have got alone
}

// New gives a detector.
func New() *Detector {
	d := &Detector{}
	d.Reset()
	return d
}

// Reset forgets what was heard.
func (d *Detector) Reset() {
	*d = Detector{}
	d.floor.reset()
}

// Close does nothing; it is there because models have one.
func (d *Detector) Close() {}

// Detect takes the next 512 samples at 16,000 Hz (32 ms) and gives the
// probability, 0 to 1, that they hold speech. It answers one window late at the
// beginning and end of speech, and allocates nothing.
func (d *Detector) Detect(window []int16) (float32, error) {
	if len(window) != Window {
		return 0, fmt.Errorf("energy: a window of %d samples, want %d", len(window), Window)
	}
	s := measure(window)
	d.levels[d.seen%steadyOver] = s.level
	d.seen++
	now := d.judge(s)
	d.floor.hear(s.level)
	// The middle one of three: a click is one window, a word is more.
	p := middle(d.before[0], d.before[1], now)
	d.before[0], d.before[1] = d.before[1], now
	return float32(p), nil
}

// judge gives the probability of a window by itself.
func (d *Detector) judge(s sound) float64 {
	if s.level < audible {
		return 0
	}
	p := 1 / (1 + math.Exp(-(s.level-max(d.floor.level(), lowest)-clearSNR)/2))
	if s.crossings < hissCrossing/2 && s.tilt > humTilt {
		d.vowel = d.seen
	}
	switch {
	case s.crest > clickCrest, s.tilt < humTilt:
		p *= 0.1
	case s.crossings > hissCrossing && (d.vowel == 0 || d.seen-d.vowel > vowelNear):
		p *= 0.2
	case d.steady():
		p *= 0.3
	}
	return p
}

// steady says that the level has not changed for a while.
func (d *Detector) steady() bool {
	return d.spread(toneOver) < toneSpread || d.spread(steadyOver) < steadySpread
}

// spread is by how much the level changed over the last n windows, in dB.
func (d *Detector) spread(n int) float64 {
	if d.seen < n {
		return math.Inf(1)
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for i := range n {
		l := d.levels[(d.seen-1-i)%steadyOver]
		lo, hi = min(lo, l), max(hi, l)
	}
	return hi - lo
}

func middle(a, b, c float64) float64 { return max(min(a, b), min(max(a, b), c)) }

// sound is what one window is like.
type sound struct {
	level     float64 // dBFS, without a constant offset
	tilt      float64 // power of the change from sample to sample over power: 0 for rumble, 2 for white noise, 4 at most
	crest     float64 // peak power over mean power
	crossings int     // of zero
}

// silent is the level of digital silence, in dBFS.
const silent = -120.0

func measure(w []int16) sound {
	var sum, squares, change int64
	var crossings uint32
	last := int32(w[0])
	lo, hi := last, last
	for _, v := range w {
		s := int32(v)
		sum += int64(s)
		squares += int64(s * s) // at most 2^30
		d := s - last
		change += int64(d) * int64(d)
		crossings += uint32(s^last) >> 31
		lo, hi = min(lo, s), max(hi, s)
		last = s
	}
	n := float64(len(w))
	mean := float64(sum) / n
	power := float64(squares)/n - mean*mean
	if power < 1e-3 {
		return sound{level: silent}
	}
	peak := max(float64(hi)-mean, mean-float64(lo))
	return sound{
		level:     10 * math.Log10(power/(32768*32768)),
		tilt:      float64(change) / n / power,
		crest:     peak * peak / power,
		crossings: int(crossings),
	}
}

// loudness is the level of a window alone, in dBFS.
func loudness(w []int16) float64 {
	var sum, squares int64
	for _, v := range w {
		s := int64(v)
		sum += s
		squares += s * s
	}
	n := float64(len(w))
	mean := float64(sum) / n
	power := float64(squares)/n - mean*mean
	if power < 1e-3 {
		return silent
	}
	return 10 * math.Log10(power/(32768*32768))
}
