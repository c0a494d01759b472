package session

import (
	"slices"

	"sori/history"
	"sori/stage"
)

// Bounds of what a session remembers beside the window of turns.
const (
	notesPerTurn = 4   // notes, for each turn of the window
	maxEmpty     = 256 // notes that say neither what was said nor what was answered
	maxAnswers   = 64  // results of calls whose turn has not ended yet

	maxRemembered = 4 << 20 // bytes of text; over it the oldest goes, whatever the window is
)

// memory is what the model is told of earlier turns, and what a client added.
type memory struct {
	window  int
	retain  float64 // share of the window that stays when it is full; 0: all
	loaded  bool    // the store was asked
	notes   []note
	answers map[string]string // of calls in turns that are not concluded, by the call's id
}

// note is one turn, or one thing that a client put into the conversation.
type note struct {
	id     string // the turn's, or the client's; "" for a turn of before the session
	x      stage.Exchange
	open   bool // a turn that is not concluded yet
	amends []Amend
}

// told is what the model is told, oldest first.
func (m *memory) told() []stage.Exchange {
	var xs []stage.Exchange
	for i := range m.notes {
		if x := m.notes[i].x; x.Note != "" || x.User != "" || x.Reply != "" || len(x.Calls) > 0 {
			x.Calls = slices.Clone(x.Calls)
			xs = append(xs, x)
		}
	}
	return xs
}

// reserve holds the place of a turn that begins.
func (m *memory) reserve(id string) { m.notes = append(m.notes, note{id: id, open: true}) }

func (m *memory) find(id string) int {
	return slices.IndexFunc(m.notes, func(n note) bool { return n.id == id && id != "" })
}

// learn takes in a turn that ended: what the store told of earlier ones when it
// was asked during the turn, and the turn itself.
func (m *memory) learn(r *result, t history.Turn) {
	if r.loaded && !m.loaded {
		m.loaded = true
		earlier := make([]note, 0, len(r.earlier)+len(m.notes))
		for _, x := range r.earlier {
			earlier = append(earlier, note{x: x})
		}
		m.notes = append(earlier, m.notes...)
	}
	n := note{id: t.ID, x: stage.Exchange{User: t.ATOTText, Reply: t.TTOTText, Calls: r.calls}}
	for i := range n.x.Calls {
		c := &n.x.Calls[i]
		if out, ok := m.answers[c.ID]; ok {
			c.Output, c.Answered = out, true
			delete(m.answers, c.ID)
		}
	}
	at := m.find(t.ID)
	if at < 0 {
		m.notes = append(m.notes, n)
		at = len(m.notes) - 1
	} else {
		n.amends = m.notes[at].amends
		m.notes[at] = n
	}
	for _, a := range n.amends {
		m.notes[at].amend(a)
	}
	m.notes[at].amends = nil
	m.trim()
}

// trim forgets the oldest turns over the window.
func (m *memory) trim() {
	said := 0
	for i := range m.notes {
		if m.notes[i].x.User != "" || m.notes[i].x.Reply != "" {
			said++
		}
	}
	empty := max(0, len(m.notes)-said-maxEmpty) // the oldest go, with what is before them
	turns := func(n *note) bool { return n.x.User != "" && n.x.Reply != "" }
	whole := 0
	for i := range m.notes {
		if turns(&m.notes[i]) {
			whole++
		}
	}
	keep := m.window
	if whole > keep && m.retain > 0 && m.retain < 1 {
		keep = max(1, int(m.retain*float64(m.window)))
	}
	bytes := 0
	for i := range m.notes {
		bytes += m.notes[i].bytes()
	}
	drop := 0
	for drop < len(m.notes) && !m.notes[drop].open &&
		(whole > keep || said > notesPerTurn*m.window || empty > 0 || bytes > maxRemembered && drop < len(m.notes)-1) {
		n := &m.notes[drop]
		bytes -= n.bytes()
		if turns(n) {
			whole--
		}
		if n.x.User != "" || n.x.Reply != "" {
			said--
		} else {
			empty--
		}
		drop++
	}
	m.notes = append(m.notes[:0], m.notes[drop:]...)
}

// bytes is how much text the note holds.
func (n *note) bytes() int {
	b := len(n.x.Note) + len(n.x.User) + len(n.x.Reply)
	for i := range n.x.Calls {
		c := &n.x.Calls[i]
		b += len(c.Name) + len(c.Arguments) + len(c.Output)
	}
	return b
}

// remember puts a note of a client's into the conversation.
func (m *memory) remember(r Remember) {
	n := note{id: r.ID, x: r.Exchange}
	at := len(m.notes)
	if r.First {
		at = 0
	} else if i := m.find(r.After); i >= 0 {
		at = i + 1
	}
	m.notes = slices.Insert(m.notes, at, n)
	m.trim()
}

// amend changes a note, as soon as it is whole.
func (m *memory) amend(a Amend) {
	i := m.find(a.ID)
	switch {
	case i < 0:
	case m.notes[i].open:
		if len(m.notes[i].amends) < maxAnswers {
			m.notes[i].amends = append(m.notes[i].amends, a)
		}
	default:
		m.notes[i].amend(a)
	}
}

func (n *note) amend(a Amend) {
	assign(&n.x.Note, a.Note)
	assign(&n.x.User, a.User)
	assign(&n.x.Reply, a.Reply)
	if a.DropCall != "" {
		n.x.Calls = slices.DeleteFunc(n.x.Calls, func(c stage.Call) bool { return c.ID == a.DropCall })
	}
}

// answer notes what a call gave.
func (m *memory) answer(a Answer) {
	for i := range m.notes {
		for j := range m.notes[i].x.Calls {
			if c := &m.notes[i].x.Calls[j]; c.ID == a.CallID {
				c.Output, c.Answered = a.Output, !a.Withdrawn
				return
			}
		}
	}
	if m.answers == nil {
		m.answers = make(map[string]string)
	}
	if a.Withdrawn {
		delete(m.answers, a.CallID)
	} else if len(m.answers) < maxAnswers {
		m.answers[a.CallID] = a.Output
	}
}
