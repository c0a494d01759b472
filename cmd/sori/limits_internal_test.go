package main

import "testing"

func TestByteSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]byteSize{
		"0": 0, "1000": 1000, "1.5k": 1536, "500MB": 500e6, "2GiB": 2 << 30, "3 mb": 3e6, "7b": 7, "1TiB": 1 << 40,
	} {
		var got byteSize
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "MB", "-1", "1XB", "1e300", "2GBB", "NaN", "Inf"} {
		var got byteSize
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was taken: %d", text, got)
		}
	}
}

func TestLimitsCheck(t *testing.T) {
	t.Parallel()
	for _, l := range []limits{{MaxWaiting: -1}, {UserTurns: -1}, {KeyAudio: -1}, {MaxMemory: 1 << 20}} {
		if l.check() == nil {
			t.Errorf("%+v was taken", l)
		}
	}
	if err := (&limits{MaxMemory: 1 << 30, UserTurns: 5}).check(); err != nil {
		t.Error(err)
	}
}
