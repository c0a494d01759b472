// Package historytest is the conformance suite of history.Store: what a store
// has to do, seen from those who use it. Every store's tests run all of it:
// Run, Reopen, and Trim where the store bounds a user's turns.
package historytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"sori/history"
)

// patience bounds every call of the suite, so that a store that hangs fails.
const patience = time.Minute

// Run holds a store to the Store interface. open gives an empty store that
// keeps at least 1,000 turns of a user; the suite closes it.
func Run(t *testing.T, open func(t *testing.T) history.Store) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(t *testing.T, s history.Store)
	}{
		{"append and read back", testAppend},
		{"append is idempotent", testIdempotent},
		{"the order is that of appending", testOrder},
		{"recent", testRecent},
		{"page", testPage},
		{"page after a delete", testPageOfDeleted},
		{"nulls survive", testNulls},
		{"text of any kind", testText},
		{"a turn that can't be stored", testInvalid},
		{"unknown users", testUnknownUser},
		{"ensure user", testEnsureUser},
		{"users in order", testUserOrder},
		{"odd user ids", testOddUsers},
		{"delete user", testDelete},
		{"many goroutines, one user", testOneUserManyWriters},
		{"many goroutines, many users", testManyUsers},
		{"the same turn from many goroutines", testSameTurn},
		{"cancelled context", testCancelled},
		{"close", testClose},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, opened(t, open))
		})
	}
}

func opened(t *testing.T, open func(t *testing.T) history.Store) history.Store {
	t.Helper()
	s := open(t)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// limited gives the context of one test.
func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// Turn makes the n-th turn of a user: every field is set, and ids sort by n.
func Turn(userID string, n int) history.Turn {
	in := fmt.Sprintf("/users/%d/recordings/%d-input.wav", n, n)
	out := fmt.Sprintf("/users/%d/recordings/%d-reply.wav", n, n)
	ms := func(v float64) *float64 { return &v }
	at := time.Date(2026, 11, 23, 9, 0, 0, 123456789, time.UTC).Add(time.Duration(n) * time.Minute)
	return history.Turn{
		ID:        fmt.Sprintf("0193a5c0-0000-7000-8000-%012d", n),
		UserID:    userID,
		SessionID: "0193a5c0-5e55-7000-8000-000000000001",
		Number:    n,
		Status:    history.Done,
		StartedAt: at,
		EndedAt:   at.Add(1500 * time.Millisecond),
		Language:  "en",
		InputWAV:  &in,
		ATOTText:  fmt.Sprintf("what is %d plus one", n),
		TTOTText:  fmt.Sprintf("That is %d.", n+1),
		OutputWAV: &out,
		InputMS:   1200,
		OutputMS:  900,
		Engines:   history.Engines{ATOT: "moonshine-tiny-en", TTOT: "responder", TTS: "flite"},
		Error:     &history.Failure{Stage: "tts", Code: "engine_failed", Message: "the engine closed early"},
		Apology:   "Sorry, not now.",
		Timings: history.Timings{
			ATOTDone: ms(101.5), TTOTFirst: ms(120), ClauseFirst: ms(130.25), TTSFirst: ms(200),
			AudioFirst: ms(201), TTOTDone: ms(250), TTSDone: ms(400), End: ms(401.125),
		},
		Received: uint64(100 + n),
	}
}

func appendAll(t *testing.T, s history.Store, turns ...history.Turn) {
	t.Helper()
	ctx := limited(t)
	for i := range turns {
		if err := s.Append(ctx, turns[i]); err != nil {
			t.Fatalf("Append %s of user %q: %v", turns[i].ID, turns[i].UserID, err)
		}
	}
}

func recent(t *testing.T, s history.Store, userID string, n int) []history.Turn {
	t.Helper()
	got, err := s.Recent(limited(t), userID, n)
	if err != nil {
		t.Fatalf("Recent(%q, %d): %v", userID, n, err)
	}
	return got
}

// same compares whole records, as they are kept.
func same(t *testing.T, got, want []history.Turn) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d turns, want %d", len(got), len(want))
	}
	for i := range got {
		g, err := history.EncodeTurn(&got[i])
		if err != nil {
			t.Fatalf("turn %d that was read is not valid: %v", i, err)
		}
		w, err := history.EncodeTurn(&want[i])
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(g, w) {
			t.Fatalf("turn %d:\ngot  %.2000s\nwant %.2000s", i, g, w)
		}
	}
}

func wantIs(t *testing.T, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%s: got error %v, want %v", what, err, target)
	}
}
