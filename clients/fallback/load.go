package fallback

import (
	"slices"
	"sync"
	"time"
)

// Load says how much a stage has to do.
type Load struct {
	Waiting int           // calls that wait for the first piece of their answer
	First   time.Duration // what half of the recent calls waited for it at least; 0 where there were too few
	Engines int           // how many engines there are
	Resting []string      // those of them that are passed over, since they kept failing
	Serves  string        // the one that a call would ask first
}

const (
	recentCalls = 64               // how many calls are looked at
	recentTime  = 30 * time.Second // and how old they may be
	fewestCalls = 5                // fewer say nothing
)

// meter measures how long calls wait for the first piece of their answer. Calls
// of many sessions share it.
type meter struct {
	mu      sync.Mutex
	next    uint64
	waiting map[uint64]time.Time // since when
	recent  [recentCalls]wait    // a ring
	at      int
}

// wait is one call's.
type wait struct {
	end  time.Time
	took time.Duration
}

// begin notes a call that waits. The func that it gives ends the wait;
// answered says that something came. Only its first use counts.
func (m *meter) begin() (end func(answered bool)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waiting == nil {
		m.waiting = make(map[uint64]time.Time)
	}
	m.next++
	n, began := m.next, time.Now()
	m.waiting[n] = began
	return func(answered bool) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if _, ok := m.waiting[n]; !ok {
			return
		}
		delete(m.waiting, n)
		if answered {
			now := time.Now()
			m.recent[m.at] = wait{now, now.Sub(began)}
			m.at = (m.at + 1) % recentCalls
		}
	}
}

// read gives how many calls wait, and the median of what recent ones waited.
// Calls that wait now count with what they waited so far where that is more:
// an engine that hangs is seen before its calls fail.
func (m *meter) read() (waiting int, first time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	var took []time.Duration
	for i := range m.recent {
		w := &m.recent[i]
		if !w.end.IsZero() && now.Sub(w.end) <= recentTime {
			took = append(took, w.took)
		}
	}
	slices.Sort(took)
	median := time.Duration(0)
	if len(took) > 0 {
		median = took[len(took)/2]
	}
	for _, began := range m.waiting {
		if d := now.Sub(began); d > median {
			took = append(took, d)
		}
	}
	if len(took) < fewestCalls {
		return len(m.waiting), 0
	}
	slices.Sort(took)
	return len(m.waiting), took[len(took)/2]
}

// Load says how much the stage has to do now.
func (g *Group) Load() Load {
	l := Load{Engines: len(g.engines)}
	l.Waiting, l.First = g.meter.read()
	for i, b := range g.breakers {
		if b.resting() {
			l.Resting = append(l.Resting, g.engines[i])
		} else if l.Serves == "" {
			l.Serves = g.engines[i]
		}
	}
	if l.Serves == "" { // all rest: the first is asked all the same
		l.Serves = g.engines[0]
	}
	return l
}
