//go:build race

package ort_test

const raceEnabled = true
