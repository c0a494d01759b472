package history_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sori/history"
)

func TestKeepWithAStoreThatWorks(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, dir string) {
		f := newFake()
		k, _ := start(t, f, history.KeeperOptions{Dir: dir})
		wantStored(t, k, turn("10", "a"), turn("11", "b"), turn("10", "c"))
		wantIDs(t, f, "10", "a c")
		wantWaiting(t, k, 0, 0)
		wantFiles(t, dir, "*", 0)
	})
}

func TestKeepWhileTheStoreIsDown(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, dir string) {
		f := newFake()
		k, _ := start(t, f, history.KeeperOptions{Dir: dir})
		wantStored(t, k, turn("10", "a"))
		f.set(down)
		began := time.Now()
		delayed, err := k.Keep(t.Context(), turn("10", "b"))
		if err != nil || !errors.Is(delayed, history.ErrUnavailable) {
			t.Fatalf("got %v, %v", delayed, err)
		}
		wantDelayed(t, k, turn("10", "c"), turn("11", "d"))
		if len(f.asked()) != 2 {
			t.Errorf("the store was asked %d times, want 2: it's known to be down", len(f.asked()))
		}
		wantWaiting(t, k, 3, 0)
		wantFiles(t, dir, "*.json", 3)
		if s := k.Status(); !s.Oldest.Equal(began) || s.Bytes == 0 || !errors.Is(s.Down, errDown) {
			t.Errorf("status %+v", s)
		}

		f.set(nil)
		time.Sleep(time.Second)
		synctest.Wait()
		wantIDs(t, f, "10", "a b c")
		wantIDs(t, f, "11", "d")
		wantWaiting(t, k, 0, 0)
		wantFiles(t, dir, "*", 0)
		wantStored(t, k, turn("10", "e"))
		if s := k.Status(); s.Down != nil || !s.Oldest.IsZero() {
			t.Errorf("status %+v", s)
		}
	})
}

// Only the turn that finds out pays for a store that hangs.
func TestKeepWhileTheStoreHangs(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, dir string) {
		f := newFake()
		k, _ := start(t, f, history.KeeperOptions{Dir: dir})
		f.set(hangs)
		for i, want := range []time.Duration{2 * time.Second, 0, 0} {
			began := time.Now()
			wantDelayed(t, k, turn("10", string(rune('a'+i))))
			if took := time.Since(began); took != want {
				t.Errorf("turn %d took %v, want %v", i, took, want)
			}
		}
		f.set(nil)
		time.Sleep(5 * time.Second) // an attempt under way hangs for 2 s more
		wantIDs(t, f, "10", "a b c")
	})
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, dir string) {
		f := newFake()
		f.set(down)
		k, _ := start(t, f, history.KeeperOptions{Dir: dir})
		began := time.Now()
		wantDelayed(t, k, turn("10", "a"))
		time.Sleep(time.Minute)
		synctest.Wait()
		at, wait := time.Duration(0), 200*time.Millisecond
		for i, when := range f.asked() {
			if got := when.Sub(began); got != at {
				t.Fatalf("attempt %d came after %v, want %v", i, got, at)
			}
			at += wait
			wait = min(2*wait, 10*time.Second)
		}
		if n := len(f.asked()); n < 8 || n > 15 {
			t.Errorf("%d attempts in a minute", n)
		}
	})
}

// However many users wait, a store that is down is asked for a few of them.
func TestBackoffWithManyUsers(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, dir string) {
		f := newFake()
		f.set(down)
		k, _ := start(t, f, history.KeeperOptions{Dir: dir})
		for n := range 50 {
			wantDelayed(t, k, turn(fmt.Sprint("user", n), "a"))
		}
		time.Sleep(time.Minute)
		if n := len(f.asked()); n < 15 || n > 45 {
			t.Errorf("%d attempts in a minute", n)
		}
		f.set(nil)
		time.Sleep(11 * time.Second)
		synctest.Wait()
		wantWaiting(t, k, 0, 0)
	})
}

// What one user's turns suffer from is no other user's business.
func TestAStuckUserBlocksNobody(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, dir string) {
		f := newFake()
		k, _ := start(t, f, history.KeeperOptions{Dir: dir})
		f.set(func(_ context.Context, t history.Turn) error {
			if strings.HasPrefix(t.UserID, "stuck") {
				return errDown
			}
			return nil
		})
		for _, user := range []string{"stuck1", "stuck2", "stuck3", "stuck4", "stuck5", "free"} {
			wantDelayed(t, k, turn(user, "a"), turn(user, "b"))
		}
		time.Sleep(15 * time.Second) // a few rounds
		synctest.Wait()
		wantIDs(t, f, "free", "a b")
		wantWaiting(t, k, 10, 0)
		if s := k.Status(); !errors.Is(s.Down, errDown) {
			t.Errorf("status %+v: it should say why turns wait", s)
		}
		wantStored(t, k, turn("free", "c"), turn("new", "a"))
		wantDelayed(t, k, turn("stuck1", "c"))
		f.set(nil)
		time.Sleep(15 * time.Second)
		synctest.Wait()
		wantIDs(t, f, "stuck1", "a b c")
		wantIDs(t, f, "stuck5", "a b")
	})
}

// A caller that gives up loses no turn, and says nothing about the store.
func TestKeepWithAContextThatEnds(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, dir string) {
		f := newFake()
		f.set(hangs)
		k, _ := start(t, f, history.KeeperOptions{Dir: dir})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if delayed, err := k.Keep(ctx, turn("10", "a")); delayed == nil || err != nil {
			t.Fatalf("got %v, %v", delayed, err)
		}
		f.set(nil)
		wantStored(t, k, turn("11", "b"))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		wantIDs(t, f, "10", "a")
	})
}

func TestRestart(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, dir string) {
		f := newFake()
		f.set(down)
		k, stop := start(t, f, history.KeeperOptions{Dir: dir})
		wantDelayed(t, k, turn("10", "z"), turn("11", "y"), turn("10", "a")) // not in the order of ids
		stop()

		writeFile(t, filepath.Join(dir, "spool", "x.json.tmp"), `{"half a`)
		writeFile(t, filepath.Join(dir, "spool", "1-1.json"), `{"half a`)
		writeFile(t, filepath.Join(dir, "spool", "2-2.json"), `{"user_id":"10"}`)
		writeFile(t, filepath.Join(dir, "spool", "readme"), "what is this folder?")
		k, stop = start(t, f, history.KeeperOptions{Dir: dir})
		wantWaiting(t, k, 3, 0)
		wantDelayed(t, k, turn("10", "b")) // behind those of the earlier process
		synctest.Wait()
		wantFiles(t, dir, "*.tmp", 0)
		wantFiles(t, dir, "*.json", 4)
		wantFiles(t, dir, "*.bad", 2)
		if s := k.Status(); s.Quarantined != 2 {
			t.Errorf("status %+v", s)
		}
		stop()

		f.set(nil)
		k, _ = start(t, f, history.KeeperOptions{Dir: dir})
		synctest.Wait() // at once
		wantIDs(t, f, "10", "z a b")
		wantIDs(t, f, "11", "y")
		wantFiles(t, dir, "*.json", 0)
		if s := k.Status(); s.Quarantined != 2 {
			t.Errorf("status %+v: an operator hasn't looked yet", s)
		}
	})
}

func TestATurnThatNoStoreTakes(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, dir string) {
		f := newFake()
		refuse := func(_ context.Context, t history.Turn) error {
			if strings.HasPrefix(t.ID, "bad") {
				return history.ErrInvalid
			}
			return nil
		}
		f.set(refuse)
		k, _ := start(t, f, history.KeeperOptions{Dir: dir})
		// Refused at once.
		if _, err := k.Keep(t.Context(), turn("10", "bad1")); !errors.Is(err, history.ErrInvalid) {
			t.Fatalf("got %v", err)
		}
		wantStored(t, k, turn("10", "a"))
		if _, err := k.Keep(t.Context(), history.Turn{UserID: "10"}); !errors.Is(err, history.ErrInvalid) {
			t.Fatalf("a turn without an ID: %v", err)
		}
		// Refused later, and damaged on the disk meanwhile.
		f.set(down)
		wantDelayed(t, k, turn("10", "b"), turn("10", "bad2"), turn("10", "damaged"), turn("10", "removed"), turn("10", "c"))
		for _, path := range wantFiles(t, dir, "*.json", 5) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "damaged") {
				writeFile(t, path, string(text[:20]))
			}
			if strings.Contains(string(text), "removed") {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
		}
		f.set(refuse)
		time.Sleep(time.Second)
		synctest.Wait()
		wantIDs(t, f, "10", "a b c")
		wantWaiting(t, k, 0, 0)
		wantFiles(t, dir, "*.json", 0)
		wantFiles(t, dir, "*.json.bad", 3)
		if s := k.Status(); s.Quarantined != 3 {
			t.Errorf("status %+v", s)
		}
	})
}

// A turn whose session is another process' is refused; one that is set aside is
// acknowledged, and gets there whoever has the session.
func TestFence(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, dir string) {
		f := newFake()
		fence := uint64(7)
		take := func(_ context.Context, t history.Turn) error {
			if t.Fence != 0 && t.Fence < fence {
				return history.ErrFenced
			}
			return nil
		}
		f.set(take)
		k, _ := start(t, f, history.KeeperOptions{Dir: dir})
		fenced := func(id string, fence uint64) history.Turn {
			x := turn("10", id)
			x.Fence = fence
			return x
		}
		wantStored(t, k, fenced("a", 7))
		if delayed, err := k.Keep(t.Context(), fenced("b", 6)); delayed != nil || !errors.Is(err, history.ErrFenced) {
			t.Fatalf("got %v, %v", delayed, err)
		}
		if s := k.Status(); s.Down != nil || s.Quarantined != 0 || history.Lanes(k) != 0 {
			t.Errorf("status %+v: the store works, and the turn is no fault", s)
		}
		f.set(down)
		wantDelayed(t, k, fenced("c", 7), fenced("d", 7))
		fence = 8
		f.set(take)
		time.Sleep(time.Second)
		synctest.Wait()
		wantIDs(t, f, "10", "a c d")
		wantFiles(t, dir, "*", 0)
	})
}

// The store is back, and nothing waits that would find out.
func TestDownWithNothingThatWaits(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, dir string) {
		f := newFake()
		f.set(down)
		f.change(func() { f.onPing = func(context.Context) error { return errDown } })
		k, _ := start(t, f, history.KeeperOptions{Dir: dir})
		wantDelayed(t, k, turn("10", "a"))
		if err := k.DeleteUser(t.Context(), "10"); err != nil {
			t.Fatal(err)
		}
		wantWaiting(t, k, 0, 0)
		time.Sleep(time.Minute)
		if k.Status().Down == nil {
			t.Error("taken to be up")
		}
		f.set(nil)
		f.change(func() { f.onPing = nil })
		time.Sleep(11 * time.Second)
		wantStored(t, k, turn("10", "b"))
		wantIDs(t, f, "10", "b")
	})
}

func TestNewKeeperNeedsItsFolder(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, "")
	if _, err := history.NewKeeper(newFake(), history.KeeperOptions{Dir: file}); err == nil || !strings.Contains(err.Error(), "another data folder") {
		t.Errorf("got %v", err)
	}
}
