package history_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"sori/history"
)

// world is a random walk's: a store that fails in all ways, a disk that is full
// at times, a process that dies, and what was promised to whom.
type world struct {
	random  *rand.Rand
	mu      sync.Mutex // guards random and trouble
	trouble int        // percent of the store's calls that fail

	disk  disk
	store *fakeStore
	kept  map[string][]promise // by user, in order
	safe  int                  // of all that were ever kept
}

// promise is a turn that Keep took: a safe one has to be in the store at last.
type promise struct {
	id   string
	safe bool
}

func (w *world) chance(percent int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.random.IntN(100) < percent
}

func (w *world) pick(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.random.IntN(n)
}

// unreliable is the store's way to take a turn.
func (w *world) unreliable(ctx context.Context, t history.Turn) error {
	w.mu.Lock()
	fails := w.random.IntN(100) < w.trouble
	w.mu.Unlock()
	if !fails {
		return nil
	}
	switch w.pick(4) {
	case 0:
		return errDown
	case 1: // it takes it, and the answer gets lost
		w.store.take(t)
		return errDown
	case 2:
		<-ctx.Done()
		return ctx.Err()
	default: // it takes it late
		<-ctx.Done()
		w.store.take(t)
		return ctx.Err()
	}
}

// keep lets some users speak at once, each one turn after the other.
func (w *world) keep(t *testing.T, k *history.Keeper, step int) {
	t.Helper()
	var wg sync.WaitGroup
	for u := range 5 {
		user := fmt.Sprint("user", u)
		count := w.pick(3)
		wg.Go(func() {
			for n := range count {
				x := turn(user, fmt.Sprintf("%s-%03d-%d", user, step, n))
				_, err := k.Keep(t.Context(), x)
				w.mu.Lock()
				w.kept[user] = append(w.kept[user], promise{id: x.ID, safe: err == nil})
				if err == nil {
					w.safe++
				}
				w.mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// check holds the store to what was promised: each safe turn once, and all
// turns of a user in order.
func (w *world) check(t *testing.T) {
	t.Helper()
	for user, promises := range w.kept {
		got := strings.Fields(w.store.ids(user))
		at := 0
		for _, p := range promises {
			if at < len(got) && got[at] == p.id {
				at++
			} else if p.safe {
				t.Fatalf("%s: turn %s was safe, and is not there in order;\nstore %v\nkept %v", user, p.id, got, promises)
			}
		}
		if at != len(got) {
			t.Fatalf("%s: %v is there twice, or out of order, or was never kept", user, got[at:])
		}
	}
}

func TestRandomWalk(t *testing.T) {
	t.Parallel()
	base := uint64(time.Now().UnixNano())
	for n := range 25 {
		seed := base + uint64(n)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T, dir string) { t.Helper(); walk(t, dir, seed) })
		})
	}
}

func walk(t *testing.T, dir string, seed uint64) {
	t.Helper()
	w := &world{random: rand.New(rand.NewPCG(seed, 0)), store: newFake(), kept: map[string][]promise{}}
	w.store.set(w.unreliable)
	o := history.KeeperOptions{Dir: dir, MaxFiles: 60, MaxMemory: 10}.WithWrite(func(path string, data []byte) error {
		if w.disk.full.Load() && w.chance(70) {
			return syscall.ENOSPC
		}
		// What survives a crash of the process needs no sync.
		return errors.Join(os.WriteFile(path+".tmp", data, 0o600), os.Rename(path+".tmp", path))
	})
	k, stop := start(t, w.store, o)
	for step := range 120 {
		switch w.pick(13) {
		case 0:
			w.mu.Lock()
			w.trouble = []int{0, 5, 50, 95, 100}[w.random.IntN(5)]
			w.mu.Unlock()
		case 1:
			w.disk.full.Store(w.chance(40))
		case 2: // killed: what was in memory is gone
			stop()
			k, stop = start(t, w.store, o)
		case 3: // stopped
			stop()
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(w.pick(5000))*time.Millisecond)
			_ = k.Close(ctx) // says what is lost: it was promised to nobody
			cancel()
			k, stop = start(t, w.store, o)
		case 4:
			user := fmt.Sprint("user", w.pick(5))
			if err := k.DeleteUser(t.Context(), user); err != nil && !errors.Is(err, history.ErrNoUser) {
				t.Fatal(err)
			}
			w.kept[user] = nil // none of these may come back
		case 5, 6, 7:
			time.Sleep(time.Duration(w.pick(15_000)) * time.Millisecond)
		default:
			w.keep(t, k, step)
		}
		if s := k.Status(); s.OnDisk > 60 || s.InMemory > 10 {
			t.Fatalf("over the bounds: %+v", s)
		}
	}
	w.mu.Lock()
	w.trouble = 0
	w.mu.Unlock()
	time.Sleep(time.Minute)
	synctest.Wait()
	wantWaiting(t, k, 0, 0)
	wantFiles(t, dir, "*", 0)
	w.check(t)
	if room, lanes := history.Room(k), history.Lanes(k); room != [4]int64{} || lanes != 0 {
		t.Errorf("nothing waits, yet room %v is taken and %d users are remembered", room, lanes)
	}
	if w.safe < 30 {
		t.Errorf("only %d turns were safe: the walk shows little", w.safe)
	}
}
