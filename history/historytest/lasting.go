package historytest

import (
	"slices"
	"sync"
	"testing"

	"sori/history"
)

// Reopen holds a store to keeping what it acknowledged. place makes a new empty
// place and gives a function that opens a store there, as often as it's called.
func Reopen(t *testing.T, place func(t *testing.T) func(t *testing.T) history.Store) {
	t.Helper()
	t.Run("closed", func(t *testing.T) {
		t.Parallel()
		open := place(t)
		s := opened(t, open)
		all := sequence("10", 20)
		appendAll(t, s, all...)
		appendAll(t, s, Turn("gone", 1))
		if _, err := s.EnsureUser(limited(t), "11"); err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteUser(limited(t), "gone"); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}

		s = opened(t, open)
		same(t, recent(t, s, "10", 100), all)
		wantUsers(t, s, "10", "11")
		appendAll(t, s, all[3], Turn("10", 21)) // an old one, a new one
		same(t, recent(t, s, "10", 100), append(all, Turn("10", 21)))
	})
	t.Run("in use", func(t *testing.T) {
		t.Parallel()
		open := place(t)
		a := opened(t, open)
		appendAll(t, a, Turn("10", 1))
		b := opened(t, open)
		appendAll(t, b, Turn("10", 2))
		appendAll(t, a, Turn("10", 3))
		for _, s := range []history.Store{a, b} {
			same(t, recent(t, s, "10", 10), sequence("10", 3))
		}
	})
	t.Run("closed while it works", func(t *testing.T) {
		t.Parallel()
		open := place(t)
		s := opened(t, open)
		var mu sync.Mutex
		var acknowledged []string
		started := make(chan struct{}, writers)
		ctx := limited(t)
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range 10_000 {
					turn := Turn("10", w*10_000+i)
					err := s.Append(ctx, turn)
					if i == 0 {
						started <- struct{}{}
					}
					if err != nil {
						wantIs(t, "Append", err, history.ErrClosed)
						return
					}
					mu.Lock()
					acknowledged = append(acknowledged, turn.ID)
					mu.Unlock()
				}
			})
		}
		for range writers {
			<-started
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()

		var have []string
		for _, turn := range recent(t, opened(t, open), "10", 200_000) {
			have = append(have, turn.ID)
		}
		slices.Sort(have)
		for _, id := range acknowledged {
			if _, ok := slices.BinarySearch(have, id); !ok {
				t.Fatalf("turn %s was acknowledged and is not there", id)
			}
		}
	})
}

// Trim holds a store to its bound: open gives an empty store that keeps the
// newest limit turns of each user.
func Trim(t *testing.T, limit int, open func(t *testing.T) history.Store) {
	t.Helper()
	s := opened(t, open)
	all := sequence("10", limit+7)
	other := sequence("11", limit)
	appendAll(t, s, other...)
	appendAll(t, s, all...)
	same(t, recent(t, s, "10", 2*limit), all[7:])
	same(t, recent(t, s, "11", 2*limit), other)

	ctx := limited(t)
	page, more, err := s.Page(ctx, "10", "", 2*limit)
	if err != nil || more || len(page) != limit {
		t.Fatalf("Page: %d turns, more %v, %v", len(page), more, err)
	}
	oldest := page[limit-1].ID
	if page, more, err = s.Page(ctx, "10", oldest, 5); err != nil || more || len(page) != 0 {
		t.Errorf("before the oldest: %d turns, more %v, %v", len(page), more, err)
	}
	_, _, err = s.Page(ctx, "10", all[0].ID, 5)
	wantIs(t, "Page before a trimmed turn", err, history.ErrNoTurn)

	appendAll(t, s, all[len(all)-1]) // idempotent, and trims nothing
	same(t, recent(t, s, "10", 2*limit), all[7:])
	if err := s.DeleteUser(ctx, "10"); err != nil {
		t.Fatal(err)
	}
	appendAll(t, s, all[0])
	same(t, recent(t, s, "10", 2*limit), all[:1])
}
