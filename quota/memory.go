package quota

import (
	"context"
	"sync"
	"time"
)

// maxRows bounds how many accounts a Memory knows. Beyond it those that nobody
// holds a session of are forgotten, in no order.
const maxRows = 100_000

// Memory is the ledger of a single process.
type Memory struct {
	mu   sync.Mutex
	rows map[string]*row
}

// row is one account.
type row struct {
	sessions map[string]holder // by process
	turns    window
	audio    window
	bytes    int64
}

// holder is the sessions of one process.
type holder struct {
	sessions int
	until    time.Time
}

// window is an amount that is forgotten at its end.
type window struct {
	amount int64
	end    time.Time
}

func (w *window) add(n int64, length time.Duration, now time.Time) {
	if !now.Before(w.end) {
		*w = window{}
	}
	if n != 0 && w.end.IsZero() {
		w.end = now.Add(length)
	}
	w.amount += n
}

func (w *window) left(now time.Time) time.Duration {
	if w.end.IsZero() {
		return 0
	}
	return max(0, w.end.Sub(now))
}

// NewMemory gives an empty ledger.
func NewMemory() *Memory { return &Memory{rows: make(map[string]*row)} }

// Sync takes in a report.
func (m *Memory) Sync(_ context.Context, account string, r Report) (Totals, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	a := m.rows[account]
	if a == nil {
		m.makeRoom(now)
		a = &row{sessions: make(map[string]holder)}
		m.rows[account] = a
	}
	t := Totals{}
	for process, h := range a.sessions {
		switch {
		case !now.Before(h.until):
			delete(a.sessions, process)
		case process != r.Process:
			t.Elsewhere += h.sessions
		}
	}
	before := a.sessions[r.Process].sessions
	t.Refused = r.Most > 0 && r.Sessions > before && r.Sessions+t.Elsewhere > r.Most
	if t.Refused {
		r.Sessions = before
	}
	delete(a.sessions, r.Process)
	if r.Sessions > 0 {
		a.sessions[r.Process] = holder{r.Sessions, now.Add(r.TTL)}
	}
	a.turns.add(r.Turns, TurnWindow, now)
	a.audio.add(int64(r.Audio), AudioWindow, now)
	if r.Set {
		a.bytes = 0
	}
	a.bytes = max(0, a.bytes+r.Bytes)
	t.Turns, t.TurnsEnd = a.turns.amount, a.turns.left(now)
	t.Audio, t.AudioEnd = time.Duration(a.audio.amount), a.audio.left(now)
	t.Bytes = a.bytes
	return t, nil
}

// makeRoom forgets accounts when there are too many: first those of which
// nothing is known any more.
func (m *Memory) makeRoom(now time.Time) {
	if len(m.rows) < maxRows {
		return
	}
	for name, a := range m.rows {
		if len(a.sessions) == 0 && a.bytes == 0 && a.turns.left(now) == 0 && a.audio.left(now) == 0 {
			delete(m.rows, name)
		}
	}
	for name, a := range m.rows {
		if len(m.rows) < maxRows*9/10 {
			return
		}
		if len(a.sessions) == 0 {
			delete(m.rows, name)
		}
	}
}
