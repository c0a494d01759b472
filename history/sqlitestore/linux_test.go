package sqlitestore_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"sori/history"
	"sori/history/historytest"
	"sori/history/sqlitestore"
)

// nobody runs do as a user without rights: root may write everywhere.
func nobody(t *testing.T, do func()) {
	t.Helper()
	if os.Geteuid() != 0 { // has no rights that could be dropped
		do()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		// The thread keeps the lock and ends with the goroutine: its rights are
		// no other goroutine's.
		runtime.LockOSThread()
		const setfsuid, anybody = syscall.SYS_SETFSUID, 65534
		if _, _, errno := syscall.RawSyscall(setfsuid, anybody, 0, 0); errno != 0 {
			t.Errorf("setfsuid: %v", errno)
			return
		}
		do()
	}()
	<-done
}

func TestNotWritable(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	nobodys := filepath.Join(folder, "nobodys")
	if err := os.Mkdir(nobodys, 0o555); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "users.db")
	filled(t, path)
	if err := os.Chmod(path, 0o444); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		nobody(t, func() { // the test's own folder is nobody else's
			wantOpen(t, path, sqlitestore.ErrNotWritable, "another data folder")
		})
		if err := os.Chmod(filepath.Dir(folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	nobody(t, func() {
		wantOpen(t, path, sqlitestore.ErrNotWritable, "the right to write")
		wantOpen(t, filepath.Join(nobodys, "users.db"), sqlitestore.ErrNotWritable, "another data folder")
	})
}

// A real disk that is full: the file system of this test is 1 MiB large.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=1m,mode=0700"); err != nil {
		t.Skipf("needs the right to mount a small tmpfs (TestFull covers the same without): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	path := filepath.Join(disk, "users.db")
	s := open(t, path, sqlitestore.Options{})
	other := filepath.Join(disk, "other")
	write(t, other, string(make([]byte, 300_000)))
	kept := fill(t, s)
	wantCount(t, s, kept)
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), historytest.Turn("10", 99_999)); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	wantCount(t, s, kept+1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantCount(t, open(t, path, sqlitestore.Options{}), kept+1)

	// A disk that is full when sori starts: Open says so.
	fresh := filepath.Join(disk, "fresh.db")
	occupy(t, filepath.Join(disk, "filler"))
	wantOpen(t, fresh, history.ErrUnavailable, "make room")
}

// occupy writes until the disk is full.
func occupy(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	chunk := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(chunk)
	}
	if e := f.Close(); e != nil || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("fill the disk: %v, %v", err, e)
	}
}
