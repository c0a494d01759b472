package redisstore_test

import (
	"errors"
	"testing"

	"sori/history"
	"sori/history/historytest"
	"sori/history/redisstore"
	"sori/history/redisstore/redistest"
	"sori/redisconn"
)

// A turn gets in while its session's fence is no higher than its own.
func TestFence(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	conn, err := redisconn.Open(server.URL(), redisconn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := redisstore.New(conn, redisstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := redisconn.NewKeys("")
	if err != nil {
		t.Fatal(err)
	}
	turn := func(n int, fence uint64) history.Turn {
		x := historytest.Turn("10", n)
		x.Fence = fence
		return x
	}
	const now = uint64(1_790_000_000_000_000) // microseconds: no precision may be lost
	set := func(fence uint64) {
		t.Helper()
		if err := conn.Client().HSet(t.Context(), keys.Session("10", turn(1, 0).SessionID), "fence", fence).Err(); err != nil {
			t.Fatal(err)
		}
	}
	want := func(x history.Turn, want error) {
		t.Helper()
		if err := s.Append(t.Context(), x); !errors.Is(err, want) {
			t.Errorf("turn %d with fence %d: %v, want %v", x.Number, x.Fence, err, want)
		}
	}
	want(turn(1, now), nil) // a session that nobody entered
	set(now)
	want(turn(2, now), nil)
	set(now + 1)
	want(turn(3, now), history.ErrFenced)
	want(turn(2, now), nil) // it is there
	want(turn(4, now+1), nil)
	want(turn(5, 0), nil) // set aside earlier
	wantTurns(t, s, 1, 2, 4, 5)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := conn.Client().Ping(t.Context()).Err(); err != nil {
		t.Errorf("the shared connection after the store's end: %v", err)
	}
	want(turn(6, 0), history.ErrClosed)
}

// A turn that was set aside goes before the later ones of its session, which
// another process wrote meanwhile, and nowhere else.
func TestATurnThatComesLate(t *testing.T) {
	t.Parallel()
	s := open(t, redistest.Start(t).URL(), redisstore.Options{Limit: 6})
	add := func(n int, session string, fence uint64) {
		t.Helper()
		x := historytest.Turn("10", n)
		x.SessionID, x.Fence = session, fence
		for range 2 { // an answer was lost
			if err := s.Append(t.Context(), x); err != nil {
				t.Fatal(err)
			}
		}
	}
	add(1, "a", 1)
	add(4, "a", 2)
	add(5, "a", 2)
	add(3, "a", 0)
	wantTurns(t, s, 1, 3, 4, 5)
	add(2, "b", 0) // another session's
	add(7, "a", 2)
	add(6, "a", 0)
	wantTurns(t, s, 3, 4, 5, 2, 6, 7)
	turns, _, err := s.Page(t.Context(), "10", historytest.Turn("10", 6).ID, 2)
	if err != nil || len(turns) != 2 || turns[0].Number != 2 || turns[1].Number != 5 {
		t.Errorf("the page before it: %v, %v", turns, err)
	}
}

// An heir that took a turn for lost did not know that its end waited in a spool,
// acknowledged: it comes late, and counts.
func TestATurnThatWasTakenForLost(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Replica(t)
	for user, url := range map[string]string{"10": server.URL(), "11": server.URL() + "?replicas=1"} {
		s := open(t, url, redisstore.Options{})
		add := func(fence uint64, code, text string) {
			t.Helper()
			x := historytest.Turn(user, 1)
			x.Fence, x.ATOTText = fence, text
			if x.Error = nil; code != "" {
				x.Error = &history.Failure{Stage: "tts", Code: code}
			}
			if err := s.Append(t.Context(), x); err != nil {
				t.Fatal(err)
			}
		}
		want := func(text string) {
			t.Helper()
			turns, err := s.Recent(t.Context(), user, 5)
			if err != nil || len(turns) != 1 || turns[0].ATOTText != text {
				t.Errorf("%+v, %v; want one turn with %q", turns, err, text)
			}
		}
		add(2, "process_lost", "lost")
		add(1, "", "of one that slept, and told nobody")
		want("lost")
		add(0, "", "told")
		want("told")
		add(2, "process_lost", "lost")
		add(0, "process_lost", "lost")
		want("told")
	}
}
