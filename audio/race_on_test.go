//go:build race

package audio_test

// underRace says that sync.Pool drops things at random, so that allocations
// can't be counted.
const underRace = true
