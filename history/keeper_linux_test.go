package history_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"sori/history"
)

// A real disk that is full: the file system of this test is 256 KiB large.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, dir string) {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k,mode=0700"); err != nil {
			t.Skipf("needs the right to mount a small tmpfs (TestStoreAndDiskFull covers the same without): %v", err)
		}
		t.Cleanup(func() {
			if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
				t.Errorf("unmount: %v", err)
			}
		})
		f := newFake()
		f.set(down)
		k, stop := start(t, f, history.KeeperOptions{Dir: dir})
		t.Cleanup(stop) // before the unmount
		var want []string
		for n := 0; ; n++ {
			x := turn("10", fmt.Sprintf("%02d", n))
			x.TTOTText = strings.Repeat("x", 20_000)
			want = append(want, x.ID)
			delayed, err := k.Keep(t.Context(), x)
			if delayed == nil {
				t.Fatal("the store is down")
			}
			if err != nil {
				if !errors.Is(err, syscall.ENOSPC) || n == 0 {
					t.Fatalf("turn %d: %v", n, err)
				}
				break
			}
		}
		wantWaiting(t, k, len(want)-1, 1)
		wantFiles(t, dir, "*", len(want)-1) // nothing half written stays
		left, err := os.ReadDir(filepath.Join(dir, "spool"))
		if err != nil || len(left) != len(want)-1 {
			t.Errorf("%d files, %v", len(left), err)
		}
		f.set(nil)
		time.Sleep(11 * time.Second)
		synctest.Wait()
		wantIDs(t, f, "10", strings.Join(want, " "))
		wantFiles(t, dir, "*", 0)
	})
}
