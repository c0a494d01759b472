package session

import (
	"slices"
	"time"

	"sori/protocol"
)

// ackEvery is how often a client is told what it may forget, when no turn is
// kept meanwhile.
const ackEvery = 5 * time.Second

// receipt keeps account of the client's frames, by their numbers. Settled is
// what no other process will ever need again: the turn that it belongs to is
// kept, or it made none. What came later a client keeps and sends again to
// whoever goes on with the session.
//
// Owned by the goroutine of Run.
type receipt struct {
	on       bool
	received uint64   // the frame that came last
	before   uint64   // the last one that is not in the pending utterance
	settled  uint64   // as above
	typed    []uint64 // frames after settled whose turn is kept: typed ones, which leave the utterance pending
	split    bool     // a part of the frame that filled the utterance belongs to the next one
	told     uint64   // what of settled the client knows
	toldAt   time.Time
}

// known takes in a frame's number and says whether it was used already.
func (r *receipt) known(frame uint64) bool {
	if frame == 0 || !r.on {
		return false
	}
	r.received = max(r.received, frame)
	return slices.Contains(r.typed, frame)
}

// settle notes that all frames up to n are used.
func (r *receipt) settle(n uint64) {
	if n <= r.settled {
		return
	}
	r.settled = n
	r.typed = slices.DeleteFunc(r.typed, func(f uint64) bool { return f <= n })
}

// settleInput looks at what the last input left behind.
func (s *Session) settleInput() {
	r := &s.receipt
	if !r.on {
		return
	}
	if s.utterance.Len() == 0 {
		r.before = r.received
	}
	// Who hands the session over has dropped what waited: it is said again.
	if s.turn == nil && len(s.waiting) == 0 && !s.handing {
		r.settle(r.before)
	}
	if r.settled > r.told && time.Since(r.toldAt) >= ackEvery {
		s.acknowledge()
	}
}

// settleKeeping notes that all but the last frames of the pending utterance were
// dropped.
func (s *Session) settleKeeping() {
	r := &s.receipt
	if n := uint64(max(1, len(s.scratch))); r.on { //nolint:gosec // a length
		kept := (uint64(s.utterance.Len()) + n - 1) / n //nolint:gosec // a length
		r.before = max(r.before, r.received-min(r.received, kept))
	}
}

// settleTurn notes that a turn is kept.
func (s *Session) settleTurn(t *turn) {
	r := &s.receipt
	if !r.on {
		return
	}
	if t.job.entry.text != "" && t.settles > r.settled {
		r.typed = append(r.typed, t.settles)
	}
	if t.job.entry.clip != nil {
		r.settle(t.settles)
	}
}

// acknowledge tells the client what it may forget.
func (s *Session) acknowledge() {
	r := &s.receipt
	if r.settled <= r.told {
		return
	}
	r.told, r.toldAt = r.settled, time.Now()
	it := item{ms: s.now(), event: protocol.Ack{Received: r.settled}, aside: true}
	if s.opts.Checkpoints {
		it.state = s.state()
	}
	s.out.events.push(it)
}
