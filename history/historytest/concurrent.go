package historytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"sori/history"
)

const writers = 16

// together runs n goroutines and waits for them.
func together(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

func testOneUserManyWriters(t *testing.T, s history.Store) {
	t.Helper()
	const each = 12
	ctx := limited(t)
	together(writers, func(w int) {
		for i := range each {
			if err := s.Append(ctx, Turn("10", w*each+i)); err != nil {
				t.Errorf("writer %d: %v", w, err)
				return
			}
			// Reading meanwhile sees whole records only.
			if _, err := s.Recent(ctx, "10", 5); err != nil {
				t.Errorf("writer %d reads: %v", w, err)
				return
			}
		}
	})
	got := recent(t, s, "10", 2*writers*each)
	if len(got) != writers*each {
		t.Fatalf("%d turns of %d are there", len(got), writers*each)
	}
	last := make([]int, writers)
	for i := range last {
		last[i] = -1
	}
	for _, turn := range got {
		w, i := turn.Number/each, turn.Number%each
		if i != last[w]+1 {
			t.Fatalf("writer %d: its turn %d follows %d", w, i, last[w])
		}
		last[w] = i
	}
	wantUsers(t, s, "10")
}

func testManyUsers(t *testing.T, s history.Store) {
	t.Helper()
	const each = 8
	ctx := limited(t)
	together(writers, func(w int) {
		user := fmt.Sprintf("user-%02d", w)
		for i := range each {
			if err := s.Append(ctx, Turn(user, i)); err != nil {
				t.Errorf("%s: %v", user, err)
				return
			}
		}
	})
	ids, err := s.UserIDs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(ids)
	for w := range writers {
		user := fmt.Sprintf("user-%02d", w)
		if len(ids) != writers || ids[w] != user {
			t.Fatalf("users are %q", ids)
		}
		got := recent(t, s, user, 100)
		if len(got) != each {
			t.Fatalf("%s has %d turns of %d", user, len(got), each)
		}
	}
}

func testSameTurn(t *testing.T, s history.Store) {
	t.Helper()
	ctx := limited(t)
	var mu sync.Mutex
	made := 0
	together(writers, func(int) {
		created, err := s.EnsureUser(ctx, "11")
		if err != nil {
			t.Errorf("EnsureUser: %v", err)
		}
		mu.Lock()
		if created {
			made++
		}
		mu.Unlock()
		if err := s.Append(ctx, Turn("10", 1)); err != nil {
			t.Errorf("Append: %v", err)
		}
	})
	same(t, recent(t, s, "10", 10), []history.Turn{Turn("10", 1)})
	if made != 1 {
		t.Errorf("%d callers created the user", made)
	}
}

func testCancelled(t *testing.T, s history.Store) {
	t.Helper()
	appendAll(t, s, Turn("10", 1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range calls(ctx, s) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a cancelled context: %v", name, err)
		}
		if errors.Is(err, history.ErrUnavailable) {
			t.Errorf("%s: a caller that gives up is no fault of the store: %v", name, err)
		}
	}
	// It cost the store nothing.
	same(t, recent(t, s, "10", 10), []history.Turn{Turn("10", 1)})
	appendAll(t, s, Turn("10", 2))
}

// calls makes one call of every method and gives its error.
func calls(ctx context.Context, s history.Store) map[string]error {
	errs := map[string]error{
		"Append":     s.Append(ctx, Turn("10", 99)),
		"DeleteUser": s.DeleteUser(ctx, "10"),
		"Ping":       s.Ping(ctx),
	}
	_, errs["Recent"] = s.Recent(ctx, "10", 5)
	_, _, errs["Page"] = s.Page(ctx, "10", "", 5)
	_, errs["EnsureUser"] = s.EnsureUser(ctx, "99")
	_, errs["HasUser"] = s.HasUser(ctx, "10")
	_, errs["UserIDs"] = s.UserIDs(ctx)
	return errs
}

func testClose(t *testing.T, s history.Store) {
	t.Helper()
	appendAll(t, s, Turn("10", 1))
	together(4, func(int) {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	for name, err := range calls(limited(t), s) {
		wantIs(t, name+" after Close", err, history.ErrClosed)
	}
}
