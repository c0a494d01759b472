package history_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"sori/history"
)

// disk is a disk that can be full.
type disk struct{ full atomic.Bool }

func (d *disk) options(dir string) history.KeeperOptions {
	return history.KeeperOptions{Dir: dir}.WithWrite(func(path string, data []byte) error {
		if d.full.Load() {
			return fmt.Errorf("write %s: %w", path, syscall.ENOSPC)
		}
		return history.WriteDurably(path, data)
	})
}

func wantUnsafe(t *testing.T, k *history.Keeper, target error, turns ...history.Turn) {
	t.Helper()
	for _, x := range turns {
		delayed, err := k.Keep(t.Context(), x)
		if !errors.Is(err, target) || delayed == nil {
			t.Fatalf("Keep %s: %v, %v; want %v", x.ID, delayed, err, target)
		}
	}
}

func TestStoreAndDiskFull(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, dir string) {
		var d disk
		f := newFake()
		f.set(down)
		k, _ := start(t, f, d.options(dir))
		wantDelayed(t, k, turn("10", "a"))
		d.full.Store(true)
		wantUnsafe(t, k, syscall.ENOSPC, turn("10", "b"), turn("11", "c"))
		wantWaiting(t, k, 1, 2)
		if got, err := k.Recent(t.Context(), "10", 5); err != nil || idsOf(got) != "a b" {
			t.Errorf("the conversation has %q, %v", idsOf(got), err)
		}

		// The disk has room again, the store is down still.
		d.full.Store(false)
		wantDelayed(t, k, turn("10", "d"))
		time.Sleep(20 * time.Second)
		synctest.Wait()
		wantWaiting(t, k, 4, 0)
		wantFiles(t, dir, "*", 4)

		f.set(nil)
		time.Sleep(11 * time.Second)
		synctest.Wait()
		wantIDs(t, f, "10", "a b d")
		wantIDs(t, f, "11", "c")
		wantFiles(t, dir, "*", 0)
	})
}

// The store is back before the disk: what is only in memory gets there, too.
func TestMemoryGoesToTheStore(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, dir string) {
		var d disk
		f := newFake()
		f.set(down)
		k, _ := start(t, f, d.options(dir))
		d.full.Store(true)
		wantUnsafe(t, k, syscall.ENOSPC, turn("10", "a"), turn("10", "b"))
		f.set(nil)
		time.Sleep(11 * time.Second)
		synctest.Wait()
		wantIDs(t, f, "10", "a b")
		wantWaiting(t, k, 0, 0)
	})
}

// A disk so slow that the store is back before the file is written: the turn is
// stored once, and its file goes.
func TestTheStoreIsQuickerThanTheDisk(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]error{"written": nil, "full": syscall.ENOSPC} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, dir string) {
				f := newFake()
				f.set(down)
				time.AfterFunc(100*time.Millisecond, func() { f.set(nil) })
				k, _ := start(t, f, history.KeeperOptions{Dir: dir}.WithWrite(func(path string, data []byte) error {
					time.Sleep(5 * time.Second)
					if end != nil {
						return end
					}
					return history.WriteDurably(path, data)
				}))
				wantDelayed(t, k, turn("10", "a"))
				wantStored(t, k, turn("10", "b"))
				wantIDs(t, f, "10", "a b")
				wantWaiting(t, k, 0, 0)
				wantFiles(t, dir, "*", 0)
				if free := history.Room(k); free != [4]int64{} {
					t.Errorf("room is still taken: %v", free)
				}
			})
		})
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, dir string) {
		f := newFake()
		f.set(down)
		o := history.KeeperOptions{Dir: dir, MaxFiles: 2, MaxMemory: 2}
		k, stop := start(t, f, o)
		wantDelayed(t, k, turn("10", "a"), turn("10", "b"))
		if _, err := k.Keep(t.Context(), turn("10", "c")); err == nil || errors.Is(err, history.ErrLost) || !strings.Contains(err.Error(), "spool is full") {
			t.Fatalf("the third turn: %v", err)
		}
		if _, err := k.Keep(t.Context(), turn("10", "d")); err == nil || errors.Is(err, history.ErrLost) {
			t.Fatalf("the fourth turn: %v", err)
		}
		wantUnsafe(t, k, history.ErrLost, turn("10", "e"), turn("12", "f"))
		wantWaiting(t, k, 2, 2)
		time.Sleep(time.Minute)
		wantWaiting(t, k, 2, 2)
		f.set(nil)
		time.Sleep(11 * time.Second)
		synctest.Wait()
		wantIDs(t, f, "10", "a b c d")
		wantStored(t, k, turn("10", "g"))
		stop()

		// The same in bytes.
		f.set(down)
		big := turn("10", "big")
		big.TTOTText = strings.Repeat("x", 1000)
		o = history.KeeperOptions{Dir: dir, MaxFileBytes: 2500, MaxMemoryBytes: 2500}
		k, _ = start(t, f, o)
		wantDelayed(t, k, big)
		if _, err := k.Keep(t.Context(), big); err == nil {
			t.Error("the second one is over the bound of the disk")
		}
		wantUnsafe(t, k, history.ErrLost, big)
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	t.Run("flushes", func(t *testing.T) {
		t.Parallel()
		bubble(t, func(t *testing.T, dir string) {
			f := newFake()
			f.set(down)
			k, stop := start(t, f, history.KeeperOptions{Dir: dir})
			for n := range 100 {
				wantDelayed(t, k, turn(fmt.Sprint("user", n%7), fmt.Sprintf("%03d", n)))
			}
			stop()
			f.set(nil)
			for range 2 { // it is idempotent
				if err := k.Close(t.Context()); err != nil {
					t.Error(err)
				}
			}
			wantWaiting(t, k, 0, 0)
			wantIDs(t, f, "user6", "006 013 020 027 034 041 048 055 062 069 076 083 090 097")
		})
	})
	t.Run("leaves on disk what the store doesn't take", func(t *testing.T) {
		t.Parallel()
		bubble(t, func(t *testing.T, dir string) {
			f := newFake()
			f.set(hangs)
			k, stop := start(t, f, history.KeeperOptions{Dir: dir})
			wantDelayed(t, k, turn("10", "a"), turn("11", "b"))
			stop()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			if err := k.Close(ctx); err != nil {
				t.Errorf("got %v: the turns are safe", err)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("took %v", took)
			}
			wantFiles(t, dir, "*.json", 2)
		})
	})
	t.Run("says what is lost", func(t *testing.T) {
		t.Parallel()
		bubble(t, func(t *testing.T, dir string) {
			var d disk
			f := newFake()
			f.set(down)
			k, stop := start(t, f, d.options(dir))
			d.full.Store(true)
			wantUnsafe(t, k, syscall.ENOSPC, turn("10", "a"))
			stop()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := k.Close(ctx); !errors.Is(err, history.ErrLost) || !strings.Contains(err.Error(), "1 turns") {
				t.Errorf("got %v", err)
			}
			d.full.Store(false) // at the last moment
			if err := k.Close(ctx); err != nil {
				t.Errorf("got %v", err)
			}
			wantFiles(t, dir, "*.json", 1)
		})
	})
	t.Run("waits for a store that comes back", func(t *testing.T) {
		t.Parallel()
		bubble(t, func(t *testing.T, dir string) {
			var d disk
			f := newFake()
			f.set(down)
			k, stop := start(t, f, d.options(dir))
			d.full.Store(true)
			wantUnsafe(t, k, syscall.ENOSPC, turn("10", "a"))
			stop()
			time.AfterFunc(3*time.Second, func() { f.set(nil) })
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := k.Close(ctx); err != nil {
				t.Errorf("got %v", err)
			}
			wantIDs(t, f, "10", "a")
		})
	})
}

// Turns that are kept after Close are safe on the disk, when the store is closed.
func TestKeepAfterClose(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, dir string) {
		f := newFake()
		k, stop := start(t, f, history.KeeperOptions{Dir: dir})
		stop()
		if err := k.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.set(func(context.Context, history.Turn) error { return history.ErrClosed })
		wantDelayed(t, k, turn("10", "a"))
		wantFiles(t, dir, "*.json", 1)
	})
}
