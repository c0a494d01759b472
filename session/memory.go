package session

import (
	"sori/history"
	"sori/stage"
)

// memory is what the model is told of earlier turns.
type memory struct {
	window int
	loaded bool // the store was asked
	turns  []stage.Exchange
}

func (m *memory) add(x stage.Exchange) {
	if x.User == "" && x.Reply == "" {
		return
	}
	m.turns = append(m.turns, x)
	if over := len(m.turns) - m.window; over > 0 {
		m.turns = append(m.turns[:0], m.turns[over:]...)
	}
}

// learn takes in a turn that ended: what the store told of earlier ones when it
// was asked during the turn, and the turn itself.
func (m *memory) learn(r *result, t history.Turn) {
	if r.loaded && !m.loaded {
		m.loaded = true
		m.turns = append(r.earlier, m.turns...)
	}
	m.add(stage.Exchange{User: t.ATOTText, Reply: t.TTOTText})
}
