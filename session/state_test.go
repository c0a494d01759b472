package session_test

import (
	"reflect"
	"testing"

	"sori/history"
	"sori/session"
)

// What the client knows counts where it is more than was noted.
func TestStateHeedsTheClient(t *testing.T) {
	t.Parallel()
	const four, five = "0195f2c6-0000-7000-8000-000000000004", "0195f2c6-0000-7000-8000-000000000005"
	live := func(n int, id string) *session.LiveTurn { return &session.LiveTurn{Number: n, ID: id} }
	for name, tc := range map[string]struct {
		state     session.State
		forgotten uint64
		turn      int
		live      string
		want      session.State
	}{
		"it says nothing": {
			state: session.State{Turn: 4, Live: live(4, four), Settled: 7, Typed: []uint64{9}},
			want:  session.State{Turn: 4, Live: live(4, four), Settled: 7, Typed: []uint64{9}},
		},
		"it keeps less": {
			state: session.State{Settled: 7, Typed: []uint64{9, 13}}, forgotten: 12,
			want: session.State{Settled: 12, Typed: []uint64{13}},
		},
		"it keeps more": {
			state: session.State{Settled: 7, Typed: []uint64{9}}, forgotten: 3,
			want: session.State{Settled: 7, Typed: []uint64{9}},
		},
		"it has heard the end": {
			state: session.State{Turn: 4, Live: live(4, four)}, turn: 4,
			want: session.State{Turn: 4},
		},
		"it waits for the end of the same turn": {
			state: session.State{Turn: 4, Live: live(4, four)}, turn: 4, live: four,
			want: session.State{Turn: 4, Live: live(4, four)},
		},
		"a turn that nobody noted": {
			state: session.State{Turn: 4, Live: live(4, four)}, turn: 5, live: five,
			want: session.State{Turn: 5, Live: live(5, five)},
		},
		"a turn that nobody noted, and its end": {
			state: session.State{Turn: 4}, turn: 5,
			want: session.State{Turn: 5},
		},
		"a turn of which it has not heard": {
			state: session.State{Turn: 5, Live: live(5, five)}, turn: 4,
			want: session.State{Turn: 5, Live: live(5, five)},
		},
		"the end that it lacks is not at hand": {
			state: session.State{Turn: 5}, turn: 4, live: four,
			want: session.State{Turn: 5, Live: live(4, four)},
		},
		"what is no id": {
			state: session.State{Turn: 4}, turn: 5, live: "../5",
			want: session.State{Turn: 5},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := tc.state
			st.Heed(tc.forgotten, tc.turn, tc.live)
			if len(st.Typed) == 0 {
				st.Typed = nil
			}
			if !reflect.DeepEqual(st, tc.want) {
				t.Errorf("%+v, %+v; want %+v, %+v", st, st.Live, tc.want, tc.want.Live)
			}
			st.Recover([]history.Turn{{ID: five, Number: 5}})
			if st.Turn != 5 {
				t.Errorf("the last turn is %d", st.Turn)
			}
		})
	}
}
