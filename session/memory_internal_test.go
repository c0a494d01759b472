package session

import (
	"strings"
	"testing"

	"sori/stage"
)

// However large the window is: of long texts the newest are remembered, and the
// very last one in any case.
func TestWhatIsRememberedIsBounded(t *testing.T) {
	t.Parallel()
	m := memory{window: 1000, loaded: true}
	long := strings.Repeat("a", 1<<20)
	for _, id := range []string{"a", "b", "c", "d", "e", "f"} {
		m.remember(Remember{ID: id, Exchange: stage.Exchange{User: long}})
	}
	if len(m.notes) != 4 || m.notes[0].id != "c" {
		t.Errorf("%d notes are remembered", len(m.notes))
	}
	m.remember(Remember{ID: "g", Exchange: stage.Exchange{Calls: []stage.Call{{Arguments: strings.Repeat(long, 5)}}}})
	if len(m.notes) != 1 || m.notes[0].id != "g" {
		t.Errorf("%d notes are remembered", len(m.notes))
	}
}
