package audio_test

import (
	"testing"

	"sori/audio"
)

// Every byte of G.711 stands for a sample whose byte it is, and what is between
// goes to a neighbour.
func TestLaws(t *testing.T) {
	t.Parallel()
	for name, law := range map[string]struct {
		expand   func(byte) int16
		compress func(int16) byte
	}{"mu": {audio.MuLaw, audio.ToMuLaw}, "A": {audio.ALaw, audio.ToALaw}} {
		for b := range 256 {
			s := law.expand(byte(b))
			if back := law.expand(law.compress(s)); back != s {
				t.Errorf("%s: %#x is %d, which comes back as %d", name, b, s, back)
			}
		}
		for s := -32768; s < 32768; s++ {
			off := int(law.expand(law.compress(int16(s)))) - s
			if limit := max(16, max(s, -s)/16); off > limit || off < -limit {
				if s > -32500 && s < 32500 {
					t.Fatalf("%s: %d comes back %d off", name, s, off)
				}
			}
		}
	}
}
