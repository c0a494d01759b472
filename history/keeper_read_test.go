package history_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sori/history"
)

func wantRecent(t *testing.T, k *history.Keeper, user string, n int, want string) {
	t.Helper()
	got, err := k.Recent(t.Context(), user, n)
	if err != nil || idsOf(got) != want {
		t.Errorf("Recent(%s, %d): %q, %v; want %q", user, n, idsOf(got), err, want)
	}
}

func TestRecentMergesWhatWaits(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, dir string) {
		f := newFake()
		k, stop := start(t, f, history.KeeperOptions{Dir: dir})
		wantStored(t, k, turn("10", "a"), turn("10", "b"), turn("11", "x"))
		// Stored, though the answer gets lost: it waits, and is there.
		f.set(func(_ context.Context, t history.Turn) error { f.take(t); return errDown })
		wantDelayed(t, k, turn("10", "c"))
		f.set(down)
		wantDelayed(t, k, turn("10", "d"), turn("10", "e"))
		stop()
		for n, want := range map[int]string{
			-1: "", 0: "", 1: "e", 2: "d e", 3: "c d e", 4: "b c d e", 5: "a b c d e", 9: "a b c d e",
		} {
			wantRecent(t, k, "10", n, want)
		}
		wantRecent(t, k, "11", 9, "x")
		wantRecent(t, k, "12", 9, "")

		f.set(nil)
		k, _ = start(t, f, history.KeeperOptions{Dir: dir})
		wantRecent(t, k, "10", 4, "b c d e")
		synctest.Wait()
		wantIDs(t, f, "10", "a b c d e")
		wantRecent(t, k, "10", 4, "b c d e")
	})
}

// A conversation goes on while the store can't be read, and waits little for it.
func TestRecentWithAStoreThatHangs(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, dir string) {
		f := newFake()
		k, _ := start(t, f, history.KeeperOptions{Dir: dir})
		wantStored(t, k, turn("10", "a"))
		f.set(hangs)
		f.change(func() { f.onRecent = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() } })
		wantDelayed(t, k, turn("10", "b"))
		var waited time.Duration
		for range 100 {
			began := time.Now()
			got, err := k.Recent(t.Context(), "10", 5)
			if err == nil || idsOf(got) != "b" {
				t.Fatalf("got %q, %v; want what waits and an error", idsOf(got), err)
			}
			if took := time.Since(began); took > 250*time.Millisecond {
				t.Fatalf("waited %v for a store that is known to be down", took)
			} else {
				waited += took
			}
			time.Sleep(100 * time.Millisecond)
		}
		if waited > 2*time.Second {
			t.Errorf("100 reads waited %v together", waited)
		}
		f.change(func() { f.onRecent = nil })
		f.set(nil)
		time.Sleep(12 * time.Second)
		wantRecent(t, k, "10", 5, "a b")
	})
}

func TestRecentOfACallerWhoGivesUp(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, dir string) {
		f := newFake()
		k, _ := start(t, f, history.KeeperOptions{Dir: dir})
		wantStored(t, k, turn("10", "a"))
		f.change(func() { f.onRecent = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() } })
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := k.Recent(ctx, "10", 5); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		f.change(func() { f.onRecent = nil })
		wantRecent(t, k, "10", 5, "a")
	})
}

func TestDeleteUser(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, dir string) {
		f := newFake()
		k, _ := start(t, f, history.KeeperOptions{Dir: dir})
		if err := k.DeleteUser(t.Context(), "10"); !errors.Is(err, history.ErrNoUser) {
			t.Errorf("an unknown user: %v", err)
		}
		wantStored(t, k, turn("10", "a"))
		f.set(down)
		wantDelayed(t, k, turn("10", "b"), turn("10", "c"), turn("11", "x"), turn("12", "y"))
		for _, user := range []string{"10", "12"} { // the second was never in the store
			if err := k.DeleteUser(t.Context(), user); err != nil {
				t.Error(err)
			}
		}
		wantFiles(t, dir, "*", 1)
		f.set(nil)
		time.Sleep(11 * time.Second)
		synctest.Wait()
		wantIDs(t, f, "10", "")
		wantIDs(t, f, "11", "x")
		wantIDs(t, f, "12", "")
		wantStored(t, k, turn("10", "d"))
		wantIDs(t, f, "10", "d")
	})
}

// A turn that is on its way to the store doesn't arrive behind the delete.
func TestDeleteUserWhileATurnIsUnderWay(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, dir string) {
		f := newFake()
		k, _ := start(t, f, history.KeeperOptions{Dir: dir})
		slow := func(ctx context.Context, _ history.Turn) error {
			select {
			case <-time.After(time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		f.set(slow)
		done := make(chan struct{})
		go func() {
			defer close(done)
			wantStored(t, k, turn("10", "a"))
		}()
		synctest.Wait()
		if err := k.DeleteUser(t.Context(), "10"); err != nil {
			t.Error(err)
		}
		<-done
		wantIDs(t, f, "10", "")

		// The same while the drain stores it.
		f.set(down)
		wantDelayed(t, k, turn("10", "b"))
		f.set(slow)
		time.Sleep(300 * time.Millisecond)
		if err := k.DeleteUser(t.Context(), "10"); err != nil {
			t.Error(err)
		}
		wantIDs(t, f, "10", "")
		time.Sleep(time.Minute)
		wantIDs(t, f, "10", "")

		// Who waits for that can give up.
		f.set(hangs)
		go func() { _, _ = k.Keep(t.Context(), turn("10", "c")) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := k.DeleteUser(ctx, "10"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		f.set(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		wantIDs(t, f, "10", "c") // nothing was deleted, nothing is stuck
	})
}
