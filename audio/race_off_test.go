//go:build !race

package audio_test

const underRace = false
