package historytest

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// Growth times one operation on stores of several sizes, in turn within each
// round, so that a busy machine slows all of them alike. It reports the median
// of each size in microseconds, and the ratio of the last to the first: 1 says
// that the operation doesn't care how much there is.
func Growth(b *testing.B, sizes []int, prepare func(b *testing.B, size int) (op func(n int) error)) {
	b.Helper()
	ops := make([]func(n int) error, len(sizes))
	times := make([][]time.Duration, len(sizes))
	for i, size := range sizes {
		ops[i] = prepare(b, size)
	}
	n := 0
	for b.Loop() {
		for i, op := range ops {
			start := time.Now()
			if err := op(n); err != nil {
				b.Fatal(err)
			}
			times[i] = append(times[i], time.Since(start))
		}
		n++
	}
	medians := make([]float64, len(sizes))
	for i := range sizes {
		slices.Sort(times[i])
		medians[i] = float64(times[i][len(times[i])/2]) / float64(time.Microsecond)
		b.ReportMetric(medians[i], fmt.Sprintf("us@%d", sizes[i]))
	}
	b.ReportMetric(medians[len(medians)-1]/medians[0], "last/first")
	b.ReportMetric(0, "ns/op") // of all sizes together: it says nothing
}
