package recognizer

import "slices"

// window is the number of samples that a detector takes: 32 ms.
const window = 512

// Cutting, in windows of 32 ms.
const (
	onset  = 0.5  // a window at least this likely begins speech
	offset = 0.35 // and goes on with it down to this

	near      = 62   // 2 s: so far from sure speech, loud sound may be speech too
	softer    = 0.01 // -20 dB: so much softer than the speech, it is as loud
	minSpeech = 4    // 128 ms: what is shorter is a click, not a word
	longPause = 47   // 1.5 s: always cut there, the model has nothing to hear
	padding   = 6    // 0.2 s of real audio around the words
	longest   = 468  // 15 s with padding
	shortest  = 156  // 5 s: where no pause forces it, no cut comes earlier
)

// span is a stretch of windows with speech at both ends, [from, to).
type span struct{ from, to int }

// plan finds the stretches to be heard one by one. probs and levels have one
// entry a window: how likely it is speech, and how loud it is.
func plan(probs []float32, levels []float64) []span {
	sure := mask(probs)
	speech := widen(sure, levels)
	var spans []span
	for at := 0; ; {
		from := nextSpeech(speech, at)
		if from == len(speech) {
			return spans
		}
		to := untilLongPause(speech, from)
		if to-from > longest-2*padding {
			to = cut(speech, levels, from)
		}
		at = to
		for to > from && !speech[to-1] {
			to--
		}
		if count(sure[from:to]) >= minSpeech {
			spans = append(spans, span{from, to})
		}
	}
}

// mask says which windows are speech, with hysteresis.
func mask(probs []float32) []bool {
	speech := make([]bool, len(probs))
	on := false
	for i, p := range probs {
		on = p >= onset || on && p >= offset
		speech[i] = on
	}
	return speech
}

// widen adds to what is surely speech what is nearly as loud and near to it: a
// detector that misses a word in the midst of others must not cost that word.
func widen(sure []bool, levels []float64) []bool {
	var sum float64
	n := 0
	for i, s := range sure {
		if s {
			sum, n = sum+levels[i], n+1
		}
	}
	speech := slices.Clone(sure)
	if n == 0 {
		return speech
	}
	loud := sum / float64(n) * softer
	last := -near - 1
	for i := range sure {
		if sure[i] {
			last = i
		}
		speech[i] = speech[i] || i-last <= near && levels[i] > loud
	}
	last = len(sure) + near
	for i := len(sure) - 1; i >= 0; i-- {
		if sure[i] {
			last = i
		}
		speech[i] = speech[i] || last-i <= near && levels[i] > loud
	}
	return speech
}

// nextSpeech is the first window of speech at or after at.
func nextSpeech(speech []bool, at int) int {
	for at < len(speech) && !speech[at] {
		at++
	}
	return at
}

// untilLongPause is where the speech that begins at from ends before a pause of
// longPause or more.
func untilLongPause(speech []bool, from int) int {
	last := from
	for i := from; i < len(speech) && i-last <= longPause; i++ {
		if speech[i] {
			last = i
		}
	}
	return last + 1
}

// cut finds where to end a stretch that is too long: in the middle of its
// longest pause, else where it is quietest.
func cut(speech []bool, levels []float64, from int) int {
	lo, hi := from+shortest, from+longest-2*padding
	best, length := 0, 0
	run := 0
	for i := lo; i < hi; i++ {
		if speech[i] {
			run = 0
			continue
		}
		if run++; run >= length {
			best, length = i-run/2, run
		}
	}
	if length > 0 {
		return best
	}
	best = hi - 1
	for i := lo + 1; i < hi-1; i++ {
		if around(levels, i) < around(levels, best) {
			best = i
		}
	}
	return best
}

// around is the level of a window and its neighbours.
func around(levels []float64, i int) float64 {
	return levels[max(i-1, 0)] + levels[i] + levels[min(i+1, len(levels)-1)]
}

func count(speech []bool) int {
	n := 0
	for _, s := range speech {
		if s {
			n++
		}
	}
	return n
}

// samples gives the samples of the span with pad samples of real audio on both
// sides, of n there are. The padding does not reach into the speech of the spans
// before and after.
func (s span) samples(spans []span, i, pad, n int) (from, to int) {
	lo, hi := 0, n
	if i > 0 {
		lo = (spans[i-1].to + s.from) * window / 2
	}
	if i+1 < len(spans) {
		hi = (s.to + spans[i+1].from) * window / 2
	}
	return max(s.from*window-pad, lo), min(s.to*window+pad, hi)
}
