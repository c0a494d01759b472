//go:build e2e

package e2e_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"sori/client"
	"sori/history"
	"sori/protocol"
)

// ledger is what one client heard of one session, over all its connections.
type ledger struct {
	records []history.Turn // as sori told of their end, in that order
	lost    uint64         // messages that are gone for good
	delayed int            // turns of which it was warned that they wait for the store
	wrong   []string       // what no client may hear

	seq  uint64 // of the last message
	turn int    // the newest one
	live bool   // it has not ended
}

// mostPongs is how many of its own [client.Conn.Ask] keeps to itself, at most,
// between two messages that it shows.
const mostPongs = 3

func (l *ledger) see(m client.Message) {
	switch e := m.Event.(type) {
	case protocol.Resumed:
		l.lost += e.Lost
		if gone := m.Head.Seq - l.seq; m.Head.Seq < l.seq || gone > e.Lost+mostPongs {
			l.complain("it goes on behind message %d, %d were lost, the last was %d", m.Head.Seq, e.Lost, l.seq)
		}
		l.seq = m.Head.Seq
		return
	case protocol.GoingAway: // takes no number
		return
	case protocol.TurnStarted:
		if l.live || m.Head.Turn <= l.turn {
			l.complain("turn %d starts after turn %d, live %v", m.Head.Turn, l.turn, l.live)
		}
		l.turn, l.live = m.Head.Turn, true
	case protocol.Warning:
		if e.Code == protocol.WarnHistoryDelayed {
			l.delayed++
		}
	}
	if m.Head.Seq <= l.seq || m.Head.Seq > l.seq+1+mostPongs {
		l.complain("message %d comes after %d", m.Head.Seq, l.seq)
	}
	l.seq = m.Head.Seq
	if turn, ok := client.Terminal(m.Event); ok {
		if !l.live || m.Head.Turn != l.turn || turn.Number != l.turn {
			l.complain("turn %d, which is %d in its record, ends while the newest is %d, live %v", m.Head.Turn, turn.Number, l.turn, l.live)
		}
		l.live = false
		l.records = append(l.records, turn)
	}
}

func (l *ledger) complain(format string, args ...any) {
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

// compare holds what the client heard against history: each turn that ended is
// there, once and in order, and no number of its session was used twice.
func (l *ledger) compare(t *testing.T, s *sori, user string) {
	t.Helper()
	for _, what := range l.wrong {
		t.Errorf("%s: %s", user, what)
	}
	if l.lost > 0 {
		t.Errorf("%s missed %d messages", user, l.lost)
	}
	kept := l.settled(t, s, user)
	type place struct {
		session string
		number  int
	}
	used := map[place]string{}
	var ids []string
	for _, turn := range kept {
		at := place{turn.SessionID, turn.Number}
		if used[at] != "" {
			t.Errorf("%s: turns %s and %s are both number %d", user, used[at], turn.ID, turn.Number)
		}
		used[at] = turn.ID
		ids = append(ids, turn.ID)
	}
	var told []string
	for _, turn := range l.records {
		told = append(told, turn.ID)
	}
	// What was kept and not told when a process died may be there, too.
	got := slices.DeleteFunc(ids, func(id string) bool { return !slices.Contains(told, id) })
	if !slices.Equal(got, told) {
		t.Errorf("%s: of what it was told, in this order:\n%v\nhistory has\n%v", user, told, got)
	}
}

// settled gives the user's history once all turns are in it whose end the client
// heard: some wait, and two processes may each have some. After 30 s it gives what
// there is.
func (l *ledger) settled(t *testing.T, s *sori, user string) (kept []history.Turn) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		kept = turnsIn(t, s, user)
		have := map[string]bool{}
		for _, turn := range kept {
			have[turn.ID] = true
		}
		lacks := func(turn history.Turn) bool { return !have[turn.ID] }
		if !slices.ContainsFunc(l.records, lacks) || time.Now().After(deadline) {
			return kept
		}
	}
}
