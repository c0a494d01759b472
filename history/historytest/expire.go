package historytest

import (
	"context"
	"slices"
	"testing"
	"time"

	"sori/history"
)

// ExpiringStore forgets turns by their age.
type ExpiringStore interface {
	history.Store
	ExpireTurns(ctx context.Context, userID string, before time.Time) (removed int, err error)
}

// Expire holds a store to what is said of the age of turns.
func Expire(t *testing.T, s ExpiringStore) {
	t.Helper()
	ctx := t.Context()
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	add := func(user string, from, to int) {
		t.Helper()
		for n := from; n < to; n++ {
			turn := Turn(user, n)
			turn.StartedAt, turn.EndedAt = begin.Add(time.Duration(n)*time.Hour), begin.Add(time.Duration(n)*time.Hour)
			if err := s.Append(ctx, turn); err != nil {
				t.Fatal(err)
			}
		}
	}
	expire := func(user string, hours, want int) {
		t.Helper()
		if n, err := s.ExpireTurns(ctx, user, begin.Add(time.Duration(hours)*time.Hour)); n != want || err != nil {
			t.Errorf("%s before hour %d: %d turns removed, %v; want %d", user, hours, n, err, want)
		}
	}
	left := func(user string, want int) {
		t.Helper()
		turns, err := s.Recent(ctx, user, 10_000)
		if err != nil || len(turns) != want {
			t.Errorf("%s has %d turns, %v; want %d", user, len(turns), err, want)
		}
		has, err := s.HasUser(ctx, user)
		if err != nil || has != (want > 0) {
			t.Errorf("%s is there: %v, %v", user, has, err)
		}
	}
	add("a", 0, 450) // more than is looked at in one go
	add("b", 0, 10)
	expire("a", -5, 0)
	expire("a", 430, 430)
	left("a", 20)
	left("b", 10)
	expire("a", 430, 0)
	turns, err := s.Recent(ctx, "a", 1000)
	if err != nil || len(turns) == 0 || !turns[0].EndedAt.Equal(begin.Add(430*time.Hour)) {
		t.Errorf("the oldest that is left: %v", err)
	}
	older, more, err := s.Page(ctx, "a", turns[5].ID, 100)
	if err != nil || more || len(older) != 5 {
		t.Errorf("a page of what is left: %d turns, %v, %v", len(older), more, err)
	}
	add("a", 450, 452)
	left("a", 22)
	expire("a", 1000, 22)
	left("a", 0)
	expire("a", 1000, 0)
	expire("nobody", 1000, 0)
	add("a", 452, 453) // a user that comes back is a user again
	left("a", 1)
	if ids, err := s.UserIDs(ctx); err != nil || !slices.Equal(ids, []string{"b", "a"}) {
		t.Errorf("users %q, %v", ids, err)
	}
}
