package ort_test

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"

	"sori/engines/ort"
)

// resident is the process's resident memory in bytes.
func resident(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

//nolint:paralleltest // it measures the whole process
func TestRunsKeepNoMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	r, fs := open(t)
	s := session(t, r, fs.Silero)
	in := sileroInputs(t, r)
	ctx, cancel := context.WithCancel(t.Context()) // so that each run has options
	defer cancel()
	run := func(n int) {
		for range n {
			out, err := s.Run(ctx, in)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range out {
				v.Free()
			}
			// Large enough that one left behind at each run is seen.
			big, err := ort.NewValue(r, make([]float32, 4096), 4096)
			if err != nil {
				t.Fatal(err)
			}
			big.Free()
		}
	}
	run(300)
	before := resident(t)
	run(3000)
	after := resident(t)
	t.Logf("resident memory went from %.1f to %.1f MB", float64(before)/1e6, float64(after)/1e6)
	if after > before+8<<20 { // one page at each run would be 12 MB
		t.Errorf("resident memory went from %d to %d bytes", before, after)
	}
}
