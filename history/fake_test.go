package history_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sori/history"
)

// fakeStore is a store of functions; it keeps what it is given in memory.
type fakeStore struct {
	history.Store // nil: what a Keeper has no business with

	mu       sync.Mutex
	turns    map[string][]history.Turn
	attempts []time.Time

	onAppend func(ctx context.Context, t history.Turn) error // nil: take it
	onRecent func(ctx context.Context) error
	onPing   func(ctx context.Context) error
}

var errDown = fmt.Errorf("%w: nobody listens", history.ErrUnavailable)

func newFake() *fakeStore { return &fakeStore{turns: map[string][]history.Turn{}} }

func down(context.Context, history.Turn) error { return errDown }

func hangs(ctx context.Context, _ history.Turn) error {
	<-ctx.Done()
	return ctx.Err()
}

// change changes the store while a keeper uses it.
func (f *fakeStore) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

func (f *fakeStore) asked() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.attempts)
}

func (f *fakeStore) set(onAppend func(ctx context.Context, t history.Turn) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.onAppend = onAppend
}

func (f *fakeStore) take(t history.Turn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.ContainsFunc(f.turns[t.UserID], func(x history.Turn) bool { return x.ID == t.ID }) {
		f.turns[t.UserID] = append(f.turns[t.UserID], t)
	}
}

func (f *fakeStore) Append(ctx context.Context, t history.Turn) error {
	f.mu.Lock()
	on := f.onAppend
	f.attempts = append(f.attempts, time.Now())
	f.mu.Unlock()
	if on != nil {
		if err := on(ctx, t); err != nil {
			return err
		}
	}
	f.take(t)
	return nil
}

func (f *fakeStore) Recent(ctx context.Context, userID string, n int) ([]history.Turn, error) {
	f.mu.Lock()
	on := f.onRecent
	f.mu.Unlock()
	if on != nil {
		if err := on(ctx); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.turns[userID]
	return slices.Clone(all[max(0, len(all)-n):]), nil
}

func (f *fakeStore) DeleteUser(_ context.Context, userID string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.turns[userID]; !ok {
		return history.ErrNoUser
	}
	delete(f.turns, userID)
	return nil
}

func (f *fakeStore) Ping(ctx context.Context) error {
	f.mu.Lock()
	on := f.onPing
	f.mu.Unlock()
	if on != nil {
		return on(ctx)
	}
	return nil
}

// ids gives the ids of the user's turns in the store, with spaces between.
func (f *fakeStore) ids(userID string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return idsOf(f.turns[userID])
}

func idsOf(turns []history.Turn) string {
	ids := make([]string, len(turns))
	for i := range turns {
		ids[i] = turns[i].ID
	}
	return strings.Join(ids, " ")
}

func turn(user, id string) history.Turn {
	return history.Turn{ID: id, UserID: user, Status: history.Done, ATOTText: "text of " + id}
}

// start makes a keeper whose Run ends with stop, or with the test.
func start(t *testing.T, s history.Store, o history.KeeperOptions) (keeper *history.Keeper, stop func()) {
	t.Helper()
	k, err := history.NewKeeper(s, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := k.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	synctest.Wait() // what an earlier process left is tried at once
	return k, stop
}

// bubble runs a test in fake time, with a data folder.
func bubble(t *testing.T, test func(t *testing.T, dir string)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) { t.Helper(); test(t, dir) })
}

func wantStored(t *testing.T, k *history.Keeper, turns ...history.Turn) {
	t.Helper()
	for _, x := range turns {
		if delayed, err := k.Keep(t.Context(), x); delayed != nil || err != nil {
			t.Fatalf("Keep %s: %v, %v; want it stored", x.ID, delayed, err)
		}
	}
}

func wantDelayed(t *testing.T, k *history.Keeper, turns ...history.Turn) {
	t.Helper()
	for _, x := range turns {
		if delayed, err := k.Keep(t.Context(), x); delayed == nil || err != nil {
			t.Fatalf("Keep %s: %v, %v; want it delayed", x.ID, delayed, err)
		}
	}
}

func wantIDs(t *testing.T, f *fakeStore, user, want string) {
	t.Helper()
	if got := f.ids(user); got != want {
		t.Errorf("user %s: the store has %q, want %q", user, got, want)
	}
}

func wantWaiting(t *testing.T, k *history.Keeper, onDisk, inMemory int) {
	t.Helper()
	if s := k.Status(); s.OnDisk != onDisk || s.InMemory != inMemory {
		t.Errorf("%d wait on disk and %d in memory, want %d and %d", s.OnDisk, s.InMemory, onDisk, inMemory)
	}
}

func wantFiles(t *testing.T, dir, pattern string, want int) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "spool", pattern))
	if err != nil || len(names) != want {
		t.Errorf("the spool has %q (%v), want %d of %s", names, err, want, pattern)
	}
	return names
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
