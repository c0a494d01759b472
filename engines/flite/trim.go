package flite

import "strings"

const (
	// quiet is the largest sample that counts as silence (-44 dB of full scale).
	quiet = 200
	// leadSamples of silence stay before a clause's first sound: soft consonants
	// begin below quiet.
	leadSamples = SampleRate * 40 / 1000
	// restSamples is the pause that stands for text without a word.
	restSamples = SampleRate * 100 / 1000
	// Pauses that stay at the end: after a sentence, and after a clause of one.
	sentencePause = SampleRate * 220 / 1000
	clausePause   = SampleRate * 120 / 1000
)

// trimmer shortens the silence that flite puts around each clause, while the
// audio streams through: the beginning should be heard at once.
type trimmer struct {
	started bool   // a sound was heard
	held    []byte // silence that may be the last
	tail    int    // samples of it that stay at the end
	out     []byte // what push gave last
}

func newTrimmer(clause string) trimmer {
	t := trimmer{tail: clausePause}
	if strings.HasSuffix(clause, ".") || strings.HasSuffix(clause, "!") || strings.HasSuffix(clause, "?") {
		t.tail = sentencePause
	}
	return t
}

// push takes s16le audio and gives what can be passed on: valid until the next call.
func (t *trimmer) push(pcm []byte) []byte {
	last := -1 // the last sound's position
	for i := len(pcm) - 2; i >= 0; i -= 2 {
		if v := int16(uint16(pcm[i]) | uint16(pcm[i+1])<<8); v > quiet || v < -quiet {
			last = i
			break
		}
	}
	if last < 0 {
		t.held = append(t.held, pcm...)
		if !t.started {
			t.held = t.held[max(0, len(t.held)-2*leadSamples):]
		}
		return nil
	}
	if !t.started {
		t.started = true
		first := 0
		for v := int16(0); v <= quiet && v >= -quiet; first += 2 {
			v = int16(uint16(pcm[first]) | uint16(pcm[first+1])<<8)
		}
		t.held = append(t.held, pcm[:first]...)
		t.held = t.held[max(0, len(t.held)-2*leadSamples):]
		pcm, last = pcm[first:], last-first
	}
	t.out = append(append(t.out[:0], t.held...), pcm[:last+2]...)
	t.held = append(t.held[:0], pcm[last+2:]...)
	return t.out
}

// end gives the pause after the clause.
func (t *trimmer) end() []byte {
	return t.held[:min(len(t.held), 2*t.tail)]
}
