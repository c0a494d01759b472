//go:build !race

package ort_test

const raceEnabled = false
