package audio_test

import (
	"testing"
	"time"

	"sori/audio"
)

func TestBytesAndDuration(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		d     time.Duration
		rate  int
		bytes int
	}{
		{0, 16000, 0},
		{20 * time.Millisecond, 16000, 640},
		{time.Second, 44100, 88200},
		{24 * time.Hour, 48000, 24 * 3600 * 96000},
	} {
		if got := audio.Bytes(c.d, c.rate); got != c.bytes {
			t.Errorf("%v at %d Hz is %d bytes, want %d", c.d, c.rate, got, c.bytes)
		}
		if got := audio.Duration(c.bytes, c.rate); got != c.d {
			t.Errorf("%d bytes at %d Hz are %v, want %v", c.bytes, c.rate, got, c.d)
		}
	}
	if audio.Bytes(-time.Second, 16000) != 0 || audio.Bytes(time.Second, 0) != 0 || audio.Duration(100, 0) != 0 || audio.Duration(-2, 16000) != 0 {
		t.Error("what can't be is not 0")
	}
	if got := audio.Bytes(99*time.Microsecond, 16000); got != 2 {
		t.Errorf("99 µs are %d bytes, want one whole sample", got)
	}
}
