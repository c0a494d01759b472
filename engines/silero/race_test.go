//go:build race

package silero_test

const raceEnabled = true
