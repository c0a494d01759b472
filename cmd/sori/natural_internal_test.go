package main

import (
	"testing"

	"sori/engines/models"
)

func TestNaturalFitsTheMachine(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	for free, want := range map[uint64]string{1 * gib: models.NameSmolLM, 3 * gib: models.NameQwen, 6 * gib: models.NameQwenLarge} {
		if got := modelFor(free); got != want {
			t.Errorf("%d GiB: %s, want %s", free/gib, got, want)
		}
	}
	for processors, want := range map[int]int{1: 1, 2: 1, 4: 2, 8: 4, 32: 4} {
		if got := threadsOf(processors); got != want {
			t.Errorf("%d processors: %d threads, want %d", processors, got, want)
		}
	}
	for _, name := range []string{models.NameSmolLM, models.NameQwen, models.NameQwenLarge} {
		if _, _, err := parseModel(name + "?threads=2"); err != nil {
			t.Error(err)
		}
	}
}
