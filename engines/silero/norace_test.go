//go:build !race

package silero_test

const raceEnabled = false
