package bench

import (
	"strings"
	"testing"
	"time"
)

func TestPeerIntroducesItself(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, says  string
		called, at  string
		isListening bool
	}{
		{"as it should", "peer Some Server 1.2\nlistening 127.0.0.1:81\n", "Some Server 1.2", "127.0.0.1:81", true},
		{"without a name", "a warning\nlistening 127.0.0.1:82\n", "", "127.0.0.1:82", true},
		{"not at all", "peer Some Server\nI listen at 83\n", "Some Server", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var name string
			var c child
			look, listening := introduces(&name), false
			for line := range strings.Lines(tt.says) {
				listening = listening || look(strings.TrimSuffix(line, "\n"), &c)
			}
			if name != tt.called || c.addr != tt.at || listening != tt.isListening {
				t.Errorf("name %q, address %q, listening %v", name, c.addr, listening)
			}
		})
	}
}

// Each figure of sori stands over the peer's, and is held against its goal.
func TestPeerIsCompared(t *testing.T) {
	t.Parallel()
	o := Options{Duration: time.Second, Rounds: 3, Script: DefaultScript()}
	b := &bench{Options: o, report: newReport(o), current: peerScenario}
	b.Progress = new(strings.Builder)
	round := func(cpu, p99, whole float64) talked {
		return talked{cpu: cpu, added: [3]float64{1, 2, p99}, whole: whole, turns: 10}
	}
	b.compare(50, &beside{
		name:   "Some Server 1.2",
		ours:   []talked{round(6, 3, 30), round(5, 4, 40), round(7, 100, 50)},
		theirs: []talked{round(30, 100, 240), round(20, 90, 250), round(28, 110, 260)},
	})
	got := map[string]Figure{}
	for _, f := range b.report.Figures {
		got[f.Name] = f
	}
	for _, want := range []struct {
		name         string
		value, floor float64
		met          bool
	}{
		{"CPU per turn", 6, 28, true},
		{"turn overhead p99", 4, 100, true},
		{"memory of the process", 40, 250, false},
	} {
		f := got[want.name]
		if f.Value != want.value || f.Floor != want.floor || f.Met == nil || *f.Met != want.met || f.FloorIs != "peer" || len(f.Floors) != 3 {
			t.Errorf("%s: %+v", want.name, f)
		}
	}
	if f := got["turn overhead p50"]; f.Met != nil || f.Ratio != 1 {
		t.Errorf("what has no goal: %+v", f)
	}
	var table strings.Builder
	if err := b.report.Table(&table); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(table.String(), "the peer is Some Server 1.2") || !strings.Contains(table.String(), "peer 28.0   0.21×   goal 0.25: met") {
		t.Errorf("the table:\n%s", table.String())
	}
}

// Without a command the peer is left out, and with one it is all that is
// measured unless more is asked for.
func TestPeerIsChosen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		o      Options
		chosen int
		peer   bool
	}{
		{"no peer", Options{}, len(Scenarios()) - 1, false},
		{"a peer", Options{Peer: "x"}, 1, true},
		{"a peer and more", Options{Peer: "x", Only: []string{"peer", "idle"}}, 2, true},
		{"other things", Options{Peer: "x", Only: []string{"idle"}}, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			chosen, err := choose(tt.o)
			if err != nil || len(chosen) != tt.chosen || (chosen[len(chosen)-1].Name == peerScenario) != tt.peer {
				t.Errorf("%v, %d chosen", err, len(chosen))
			}
		})
	}
}
