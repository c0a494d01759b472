package recordings_test

import (
	"bytes"
	"errors"
	"strings"
	"syscall"
	"testing"

	"sori/history"
	"sori/history/recordings"
)

// The disk is full in the middle of a recording.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=128k,mode=0700"); err != nil {
		t.Skipf("needs the right to mount a small tmpfs (TestSaveThatFails covers a write that fails): %v", err)
	}
	f, err := recordings.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(f.Close(), syscall.Unmount(dir, syscall.MNT_DETACH)); err != nil {
			t.Error(err)
		}
	})
	save(t, f, "10", "a", recordings.Input, strings.Repeat("x", 60_000))
	for range 3 {
		_, err := f.Save(t.Context(), "10", "b", recordings.Input, bytes.NewReader(make([]byte, 90_000)))
		if !errors.Is(err, history.ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "make room") {
			t.Errorf("got %v", err)
		}
	}
	if got := strings.Join(files(t, dir), " "); got != "u-10/a-input.wav" {
		t.Errorf("there is %q", got)
	}
	save(t, f, "10", "c", recordings.Input, strings.Repeat("x", 40_000)) // there is room for this one
}
