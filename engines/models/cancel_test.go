package models_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sori/engines/models"
)

func TestPullEndsWithItsContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pid := filepath.Join(t.TempDir(), "pid")
	// The grandchild holds npm's pipes open and must not outlive it.
	n := newNPM(t, "sleep 60 & echo $! >"+pid+".part; mv "+pid+".part "+pid+"; wait")
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the user went away")
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			if _, err := os.Stat(pid); err == nil || ctx.Err() != nil {
				cancel(why)
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	began := time.Now()
	err := models.Pull(ctx, dir, []models.Bundle{bundle("one", file("a", "aaa"))}, n.options())
	wg.Wait()
	if !errors.Is(err, why) {
		t.Fatalf("Pull gave %v, want the context's cause", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("Pull took %s to end", took)
	}
	wantClean(t, dir)
	text, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for alive(child) {
		if time.Since(began) > 20*time.Second {
			t.Fatal("what npm started still runs")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// alive says whether a process runs. One that ended and waits for its parent,
// which is whoever adopts orphans here, does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func TestPullGivesUpOnAHangingNPM(t *testing.T) {
	t.Parallel()
	n := newNPM(t, "sleep 60")
	o := n.options()
	o.Timeout = 50 * time.Millisecond
	e := wantCode(t, models.Pull(t.Context(), t.TempDir(), []models.Bundle{bundle("one", file("a", "aaa"))}, o), models.CodeNetwork)
	if !strings.Contains(e.What, "in time") {
		t.Errorf("the error does not help: %v", e)
	}
}

func TestTwoPullsDoNotFight(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := serving(t, archive(t, entry{name: "package/a.bin", body: "aaa"}))
	n := newNPM(t, "sleep 0.3; exec "+good.path+` "$@"`)
	want := []models.Bundle{bundle("one", file("a", "aaa"))}
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() { errs[i] = models.Pull(t.Context(), dir, want, n.options()) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if got := len(n.called(t)); got != 1 {
		t.Errorf("npm was called %d times, want once", got)
	}
}

func TestWaitingForAnotherPullEndsWithItsContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	started := filepath.Join(t.TempDir(), "started")
	n := newNPM(t, "touch "+started+"; sleep 60")
	want := []models.Bundle{bundle("one", file("a", "aaa"))}
	first, stopFirst := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = models.Pull(first, dir, want, n.options()) }) // its end is the test's doing
	for {
		if _, err := os.Stat(started); err == nil {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	var out bytes.Buffer
	err := models.Pull(ctx, dir, want, models.Options{NPM: n.path, Out: &out})
	stopFirst()
	wg.Wait()
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting ended with %v", err)
	}
	if !strings.Contains(out.String(), "waiting for it") {
		t.Errorf("the one who waits is not told: %q", &out)
	}
}
