package session

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// show writes a phase, an event or effects the way the table does: the type's
// name and its fields.
func show(v any) string {
	s := strings.TrimPrefix(fmt.Sprintf("%T", v), "session.")
	if f := strings.Trim(fmt.Sprintf("%v", v), "{}"); f != "" {
		s += "(" + f + ")"
	}
	return s
}

func showAll(fs effects) string {
	var parts []string
	for _, f := range fs {
		if f != nil {
			parts = append(parts, show(f))
		}
	}
	return strings.Join(parts, ", ")
}

// The turn under way is 3, and 3 is the newest.
func phases() []phase {
	return []phase{unready{}, idle{}, listening{3}, live{3}, held{3}, stopping{3, 0}, stopping{3, maxWaiting}, keeping{3, 0}, keeping{3, 1}, keeping{3, 2}, leaving{3, false}, leaving{3, true}, gone{}}
}

func events() []event {
	return []event{
		configured{},
		heard{},
		committed{},
		committed{empty: true},
		queued{},
		queued{empty: true},
		overheard{},
		overheard{floor: true},
		overheard{empty: true, floor: true},
		asked{},
		asked{joins: true},
		typed{},
		cleared{},
		cancelled{0},
		cancelled{3},
		cancelled{2},
		silenced{0},
		silenced{3},
		silenced{2},
		drained{3},
		drained{2},
		kept{turn: 3},
		kept{turn: 3, then: listens},
		kept{turn: 3, then: stays},
		kept{turn: 2},
		overdue{3},
		overdue{2},
		spoke{},
		seized{},
		dismissed{},
		ended{},
	}
}

// Every cell: phase, event → phase: effects. A cell that is not here must change
// nothing and ask for nothing.
const cells = `
unready, configured → idle: configure
unready, heard → unready: refuse(not_configured)
unready, committed(false) → unready: refuse(not_configured)
unready, committed(true) → unready: refuse(not_configured)
unready, typed → unready: refuse(not_configured)
unready, cleared → unready: refuse(not_configured)
unready, ended → gone: leave
unready, queued(false) → unready: refuse(not_configured)
unready, queued(true) → unready: refuse(not_configured)
unready, overheard(false false) → unready: refuse(not_configured)
unready, overheard(false true) → unready: refuse(not_configured)
unready, overheard(true true) → unready: refuse(not_configured)
unready, asked(false) → unready: refuse(not_configured)
unready, asked(true) → unready: refuse(not_configured)

idle, configured → idle: configure
idle, heard → idle: listen
idle, committed(false) → live(4): start(4)
idle, committed(true) → idle: refuse(utterance_empty)
idle, typed → live(4): start(4)
idle, cleared → idle: forget
idle, ended → gone: leave
idle, queued(false) → live(4): start(4)
idle, queued(true) → idle: refuse(utterance_empty)
idle, overheard(false false) → listening(4): start(4)
idle, overheard(false true) → listening(4): start(4)
idle, overheard(true true) → idle: refuse(utterance_empty)
idle, asked(false) → live(4): start(4)
idle, asked(true) → live(4): start(4)

listening(3), configured → listening(3): configure
listening(3), heard → listening(3): listen
listening(3), committed(false) → stopping(3 1): enqueue
listening(3), committed(true) → listening(3): refuse(utterance_empty)
listening(3), queued(false) → stopping(3 1): enqueue
listening(3), queued(true) → listening(3): refuse(utterance_empty)
listening(3), overheard(false false) → stopping(3 1): enqueue
listening(3), overheard(false true) → stopping(3 1): enqueue
listening(3), overheard(true true) → listening(3): refuse(utterance_empty)
listening(3), asked(false) → stopping(3 1): enqueue
listening(3), asked(true) → live(3): answer
listening(3), typed → stopping(3 1): enqueue
listening(3), cleared → listening(3): forget
listening(3), cancelled(0) → stopping(3 0): kill(3 client)
listening(3), cancelled(3) → stopping(3 0): kill(3 client)
listening(3), drained(3) → keeping(3 0): keep(3)
listening(3), ended → leaving(3 false): kill(3 session)

live(3), configured → live(3): configure
live(3), heard → live(3): listen
live(3), committed(false) → stopping(3 1): hush(3 superseded), enqueue
live(3), committed(true) → live(3): refuse(utterance_empty)
live(3), typed → stopping(3 1): hush(3 superseded), enqueue
live(3), cleared → live(3): forget
live(3), cancelled(0) → stopping(3 0): kill(3 client)
live(3), cancelled(3) → stopping(3 0): kill(3 client)
live(3), drained(3) → keeping(3 0): keep(3)
live(3), spoke → held(3): hold
live(3), ended → leaving(3 false): kill(3 session)
live(3), queued(false) → stopping(3 1): enqueue
live(3), queued(true) → live(3): refuse(utterance_empty)
live(3), overheard(false false) → stopping(3 1): enqueue
live(3), overheard(false true) → stopping(3 1): hush(3 superseded), enqueue
live(3), overheard(true true) → live(3): refuse(utterance_empty)
live(3), asked(false) → stopping(3 1): enqueue
live(3), asked(true) → stopping(3 1): enqueue
live(3), silenced(0) → stopping(3 0): hush(3 client)
live(3), silenced(3) → stopping(3 0): hush(3 client)

held(3), configured → held(3): configure
held(3), heard → held(3): listen
held(3), committed(false) → stopping(3 1): hush(3 interrupted), enqueue
held(3), committed(true) → held(3): refuse(utterance_empty)
held(3), typed → stopping(3 1): hush(3 superseded), enqueue
held(3), cleared → held(3): forget
held(3), cancelled(0) → stopping(3 0): kill(3 client)
held(3), cancelled(3) → stopping(3 0): kill(3 client)
held(3), drained(3) → keeping(3 0): keep(3)
held(3), seized → stopping(3 0): hush(3 interrupted)
held(3), dismissed → live(3): release
held(3), ended → leaving(3 false): kill(3 session)
held(3), queued(false) → stopping(3 1): release, enqueue
held(3), queued(true) → held(3): refuse(utterance_empty)
held(3), overheard(false false) → stopping(3 1): release, enqueue
held(3), overheard(false true) → stopping(3 1): hush(3 interrupted), enqueue
held(3), overheard(true true) → held(3): refuse(utterance_empty)
held(3), asked(false) → stopping(3 1): release, enqueue
held(3), asked(true) → stopping(3 1): release, enqueue
held(3), silenced(0) → stopping(3 0): hush(3 client)
held(3), silenced(3) → stopping(3 0): hush(3 client)

stopping(3 0), configured → stopping(3 0): configure
stopping(3 0), heard → stopping(3 0): listen
stopping(3 0), committed(false) → stopping(3 1): enqueue
stopping(3 0), committed(true) → stopping(3 0): refuse(utterance_empty)
stopping(3 0), typed → stopping(3 1): enqueue
stopping(3 0), cleared → stopping(3 0): forget
stopping(3 0), cancelled(0) → stopping(3 0): kill(3 client)
stopping(3 0), cancelled(3) → stopping(3 0): kill(3 client)
stopping(3 0), drained(3) → keeping(3 0): keep(3)
stopping(3 0), overdue(3) → stopping(3 0): kill(3 superseded)
stopping(3 0), ended → leaving(3 false): kill(3 session)
stopping(3 0), queued(false) → stopping(3 1): enqueue
stopping(3 0), queued(true) → stopping(3 0): refuse(utterance_empty)
stopping(3 0), overheard(false false) → stopping(3 1): enqueue
stopping(3 0), overheard(false true) → stopping(3 1): enqueue
stopping(3 0), overheard(true true) → stopping(3 0): refuse(utterance_empty)
stopping(3 0), asked(false) → stopping(3 1): enqueue
stopping(3 0), asked(true) → stopping(3 0): answerWaiting
stopping(3 0), silenced(0) → stopping(3 0): hush(3 client)
stopping(3 0), silenced(3) → stopping(3 0): hush(3 client)

stopping(3 8), configured → stopping(3 8): configure
stopping(3 8), heard → stopping(3 8): listen
stopping(3 8), committed(false) → stopping(3 8): refuse(too_many_turns)
stopping(3 8), committed(true) → stopping(3 8): refuse(utterance_empty)
stopping(3 8), typed → stopping(3 8): refuse(too_many_turns)
stopping(3 8), cleared → stopping(3 8): forget
stopping(3 8), cancelled(0) → stopping(3 8): kill(3 client)
stopping(3 8), cancelled(3) → stopping(3 8): kill(3 client)
stopping(3 8), drained(3) → keeping(3 8): keep(3)
stopping(3 8), overdue(3) → stopping(3 8): kill(3 superseded)
stopping(3 8), ended → leaving(3 false): kill(3 session)
stopping(3 8), queued(false) → stopping(3 8): refuse(too_many_turns)
stopping(3 8), queued(true) → stopping(3 8): refuse(utterance_empty)
stopping(3 8), overheard(false false) → stopping(3 8): refuse(too_many_turns)
stopping(3 8), overheard(false true) → stopping(3 8): refuse(too_many_turns)
stopping(3 8), overheard(true true) → stopping(3 8): refuse(utterance_empty)
stopping(3 8), asked(false) → stopping(3 8): refuse(too_many_turns)
stopping(3 8), asked(true) → stopping(3 8): answerWaiting
stopping(3 8), silenced(0) → stopping(3 8): hush(3 client)
stopping(3 8), silenced(3) → stopping(3 8): hush(3 client)

keeping(3 0), configured → keeping(3 0): configure
keeping(3 0), heard → keeping(3 0): listen
keeping(3 0), committed(false) → keeping(3 1): enqueue
keeping(3 0), committed(true) → keeping(3 0): refuse(utterance_empty)
keeping(3 0), typed → keeping(3 1): enqueue
keeping(3 0), cleared → keeping(3 0): forget
keeping(3 0), kept(3 0) → idle: conclude(3)
keeping(3 0), ended → leaving(3 true):
keeping(3 0), queued(false) → keeping(3 1): enqueue
keeping(3 0), queued(true) → keeping(3 0): refuse(utterance_empty)
keeping(3 0), overheard(false false) → keeping(3 1): enqueue
keeping(3 0), overheard(false true) → keeping(3 1): enqueue
keeping(3 0), overheard(true true) → keeping(3 0): refuse(utterance_empty)
keeping(3 0), asked(false) → keeping(3 1): enqueue
keeping(3 0), asked(true) → keeping(3 0): answerWaiting
keeping(3 0), kept(3 1) → idle: conclude(3)
keeping(3 0), kept(3 2) → idle: conclude(3)

keeping(3 1), configured → keeping(3 1): configure
keeping(3 1), heard → keeping(3 1): listen
keeping(3 1), committed(false) → keeping(3 2): enqueue
keeping(3 1), committed(true) → keeping(3 1): refuse(utterance_empty)
keeping(3 1), typed → keeping(3 2): enqueue
keeping(3 1), cleared → keeping(3 1): forget
keeping(3 1), kept(3 0) → live(4): conclude(3), startWaiting(4 false)
keeping(3 1), ended → leaving(3 true):
keeping(3 1), queued(false) → keeping(3 2): enqueue
keeping(3 1), queued(true) → keeping(3 1): refuse(utterance_empty)
keeping(3 1), overheard(false false) → keeping(3 2): enqueue
keeping(3 1), overheard(false true) → keeping(3 2): enqueue
keeping(3 1), overheard(true true) → keeping(3 1): refuse(utterance_empty)
keeping(3 1), asked(false) → keeping(3 2): enqueue
keeping(3 1), asked(true) → keeping(3 1): answerWaiting
keeping(3 1), kept(3 1) → listening(4): conclude(3), startWaiting(4 false)
keeping(3 1), kept(3 2) → live(4): conclude(3), startWaiting(4 false)

keeping(3 2), configured → keeping(3 2): configure
keeping(3 2), heard → keeping(3 2): listen
keeping(3 2), committed(false) → keeping(3 3): enqueue
keeping(3 2), committed(true) → keeping(3 2): refuse(utterance_empty)
keeping(3 2), typed → keeping(3 3): enqueue
keeping(3 2), cleared → keeping(3 2): forget
keeping(3 2), kept(3 0) → stopping(4 1): conclude(3), startWaiting(4 true)
keeping(3 2), ended → leaving(3 true):
keeping(3 2), queued(false) → keeping(3 3): enqueue
keeping(3 2), queued(true) → keeping(3 2): refuse(utterance_empty)
keeping(3 2), overheard(false false) → keeping(3 3): enqueue
keeping(3 2), overheard(false true) → keeping(3 3): enqueue
keeping(3 2), overheard(true true) → keeping(3 2): refuse(utterance_empty)
keeping(3 2), asked(false) → keeping(3 3): enqueue
keeping(3 2), asked(true) → keeping(3 2): answerWaiting
keeping(3 2), kept(3 1) → stopping(4 1): conclude(3), startWaiting(4 false)
keeping(3 2), kept(3 2) → stopping(4 1): conclude(3), startWaiting(4 false)

leaving(3 false), drained(3) → leaving(3 true): keep(3)
leaving(3 false), kept(3 0) → gone: conclude(3), keepWaiting, leave
leaving(3 false), kept(3 1) → gone: conclude(3), keepWaiting, leave
leaving(3 false), kept(3 2) → gone: conclude(3), keepWaiting, leave
leaving(3 true), kept(3 0) → gone: conclude(3), keepWaiting, leave
leaving(3 true), kept(3 1) → gone: conclude(3), keepWaiting, leave
leaving(3 true), kept(3 2) → gone: conclude(3), keepWaiting, leave
`

func TestNextCellByCell(t *testing.T) {
	t.Parallel()
	want := map[string]string{}
	for line := range strings.Lines(cells) {
		if line = strings.TrimSpace(line); line != "" {
			cell, to, _ := strings.Cut(line, " → ")
			want[cell] = to
		}
	}
	for _, p := range phases() {
		for _, e := range events() {
			cell := show(p) + ", " + show(e)
			expect, listed := want[cell]
			if !listed {
				expect = show(p) + ":"
			}
			delete(want, cell)
			to, do := next(p, e, 3)
			if got := strings.TrimSpace(show(to) + ": " + showAll(do)); got != expect {
				t.Errorf("%s\n got %s\nwant %s", cell, got, expect)
			}
		}
	}
	for cell := range want {
		t.Errorf("the table has a cell that does not exist: %s", cell)
	}
}

// A transition runs for every audio frame.
func TestNextAllocatesNothingForAFrame(t *testing.T) {
	for _, p := range []phase{idle{}, live{3000}, held{3000}, stopping{3000, 1}, keeping{3000, 0}} {
		if n := testing.AllocsPerRun(100, func() { next(p, heard{}, 3000) }); n != 0 {
			t.Errorf("%T: %v allocations", p, n)
		}
	}
}

// Whatever happens, in whatever order, the effects tell one sound story: turns
// start one after the other, each is kept once and then concluded once, nothing
// that was queued is forgotten, and the end is final.
func TestNextRandomWalk(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var p phase = unready{}
		last, open, queued := 0, 0, 0
		var isKept, left bool
		for range 60 {
			all := events()
			e := all[rng.IntN(len(all))]
			switch raised := e.(type) { // what the actor can raise names the turn under way
			case drained:
				e = drained{open}
				if isKept || open == 0 {
					continue
				}
			case kept:
				if !isKept {
					continue
				}
				e = kept{open, raised.then}
			case overdue:
				e = overdue{open}
			}
			to, do := next(p, e, last)
			p = to
			for _, f := range do {
				if f != nil && left {
					t.Fatalf("seed %d: %s after leave", seed, show(f))
				}
				switch f := f.(type) {
				case start:
					if open != 0 || f.turn != last+1 || queued != 0 {
						t.Fatalf("seed %d: start %d with %d open, %d queued", seed, f.turn, open, queued)
					}
					last, open, isKept = f.turn, f.turn, false
				case startWaiting:
					if open != 0 || f.turn != last+1 || queued == 0 || f.mute && queued == 1 {
						t.Fatalf("seed %d: %s with %d open, %d queued", seed, show(f), open, queued)
					}
					queued--
					last, open, isKept = f.turn, f.turn, false
				case enqueue:
					if queued++; queued > maxWaiting {
						t.Fatalf("seed %d: %d queued", seed, queued)
					}
				case keep:
					if f.turn != open || isKept {
						t.Fatalf("seed %d: keep %d, open %d, kept %v", seed, f.turn, open, isKept)
					}
					isKept = true
				case conclude:
					if f.turn != open || !isKept {
						t.Fatalf("seed %d: conclude %d, open %d, kept %v", seed, f.turn, open, isKept)
					}
					open = 0
				case hush:
					if f.turn != open {
						t.Fatalf("seed %d: hush %d, open %d", seed, f.turn, open)
					}
				case kill:
					if f.turn != open {
						t.Fatalf("seed %d: kill %d, open %d", seed, f.turn, open)
					}
				case keepWaiting:
					queued = 0
				case leave:
					if open != 0 || queued != 0 {
						t.Fatalf("seed %d: leave with %d open, %d queued", seed, open, queued)
					}
					left = true
				case refuse, configure, listen, forget, hold, release, nil:
				}
			}
		}
	}
}
