package bench

import (
	"slices"
	"sync"
	"time"
)

// samples gathers times. Any number of goroutines may add; who reads comes
// after them.
type samples struct {
	mu  sync.Mutex
	all []time.Duration
}

func (s *samples) add(d time.Duration) {
	s.mu.Lock()
	s.all = append(s.all, d)
	s.mu.Unlock()
}

func (s *samples) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

// ms gives the share p of the samples in milliseconds, 0 without samples.
func (s *samples) ms(p float64) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == 0 {
		return 0
	}
	slices.Sort(s.all)
	at := min(len(s.all)-1, int(p*float64(len(s.all))))
	return float64(s.all[at].Microseconds()) / 1000
}

// median gives the middle one of several rounds, 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}
