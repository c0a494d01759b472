package sqlitestore_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sori/history"
	"sori/history/historytest"
	"sori/history/sqlitestore"
)

func wantOpen(t *testing.T, path string, target error, hint string) {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), path, sqlitestore.Options{})
	if err == nil {
		_ = s.Close()
	}
	if !errors.Is(err, target) || !strings.Contains(err.Error(), hint) {
		t.Errorf("got %v, want %v and %q", err, target, hint)
	}
}

func TestOpenSaysWhatToDo(t *testing.T) {
	t.Parallel()
	t.Run("no folder", func(t *testing.T) {
		t.Parallel()
		wantOpen(t, filepath.Join(t.TempDir(), "none", "users.db"), sqlitestore.ErrNoFolder, "make ")
	})
	t.Run("the folder is a file", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "data")
		write(t, file, "x")
		_, err := sqlitestore.Open(t.Context(), filepath.Join(file, "users.db"), sqlitestore.Options{})
		if !errors.Is(err, sqlitestore.ErrNoFolder) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the file is a folder", func(t *testing.T) {
		t.Parallel()
		wantOpen(t, t.TempDir(), sqlitestore.ErrNotDatabase, "move it away")
	})
	t.Run("a text file", func(t *testing.T) {
		t.Parallel()
		path := place(t)
		write(t, path, strings.Repeat("this is not a database\n", 100))
		wantOpen(t, path, sqlitestore.ErrNotDatabase, "move it away")
	})
	t.Run("cut short", func(t *testing.T) {
		t.Parallel()
		path := place(t)
		filled(t, path)
		if err := os.Truncate(path, 5000); err != nil {
			t.Fatal(err)
		}
		wantOpen(t, path, sqlitestore.ErrNotDatabase, "backup")
	})
	t.Run("another program's", func(t *testing.T) {
		t.Parallel()
		path := place(t)
		execute(t, path, `CREATE TABLE users (id INTEGER PRIMARY KEY, input_wav_list JSON)`)
		wantOpen(t, path, sqlitestore.ErrForeign, "move ")
	})
	t.Run("a newer sori's", func(t *testing.T) {
		t.Parallel()
		path := place(t)
		filled(t, path)
		execute(t, path, `PRAGMA user_version = 99`)
		wantOpen(t, path, sqlitestore.ErrNewer, "version 99")
	})
	t.Run("empty file", func(t *testing.T) {
		t.Parallel()
		path := place(t)
		write(t, path, "")
		filled(t, path) // an empty file is an empty database
	})
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := sqlitestore.Open(ctx, place(t), sqlitestore.Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func execute(t *testing.T, path, statement string) {
	t.Helper()
	db := raw(t, path)
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// filled makes a database with some turns and closes it.
func filled(t *testing.T, path string) {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), path, sqlitestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 50 {
		if err := s.Append(t.Context(), historytest.Turn("10", n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOddPaths(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a b", "100%", "what?mode=ro", "#1", "소리", "a&b=c;d", "%41"} {
		folder := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		filled(t, filepath.Join(folder, "users.db"))
		if _, err := os.Stat(filepath.Join(folder, "users.db")); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// Another process that holds the lock costs an error that says so, in time.
func TestLockedByAnother(t *testing.T) {
	t.Parallel()
	path := place(t)
	s := open(t, path, sqlitestore.Options{BusyTimeout: 50 * time.Millisecond})
	other, err := raw(t, path).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"Append": s.Append(t.Context(), historytest.Turn("10", 1)),
		"Ping":   s.Ping(t.Context()),
	} {
		if !errors.Is(err, history.ErrUnavailable) || !strings.Contains(err.Error(), "another process") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Recent(t.Context(), "10", 5); err != nil {
		t.Errorf("reading goes on: %v", err)
	}
	if _, err := other.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), historytest.Turn("10", 1)); err != nil {
		t.Errorf("after the lock is free: %v", err)
	}
}

// fill appends until the store says no, and checks what it says.
func fill(t *testing.T, s *sqlitestore.Store) (kept int) {
	t.Helper()
	for n := range 10_000 {
		turn := historytest.Turn("10", n)
		turn.TTOTText = strings.Repeat("x", 2000)
		if err := s.Append(t.Context(), turn); err != nil {
			if !errors.Is(err, history.ErrUnavailable) || !strings.Contains(err.Error(), "make room") {
				t.Fatalf("turn %d: %v", n, err)
			}
			return n
		}
	}
	t.Fatal("the disk never got full")
	return 0
}

func wantCount(t *testing.T, s *sqlitestore.Store, want int) {
	t.Helper()
	turns, err := s.Recent(t.Context(), "10", 100_000)
	if err != nil || len(turns) != want {
		t.Fatalf("%d turns are there, %d were acknowledged: %v", len(turns), want, err)
	}
}

func TestFull(t *testing.T) {
	t.Parallel()
	path := place(t)
	s := open(t, path, sqlitestore.Options{})
	if err := sqlitestore.SetMaxPages(t.Context(), s, 100); err != nil {
		t.Fatal(err)
	}
	kept := fill(t, s)
	wantCount(t, s, kept)
	if err := sqlitestore.SetMaxPages(t.Context(), s, 1000); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), historytest.Turn("10", 99_999)); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	wantCount(t, s, kept+1)
}

// What is deleted can't be found in the files any more.
func TestDeletedTextIsGone(t *testing.T) {
	t.Parallel()
	path := place(t)
	s := open(t, path, sqlitestore.Options{})
	const secret = "my password is swordfish"
	for n := range 20 {
		turn := historytest.Turn("10", n)
		turn.ATOTText = secret
		if err := errors.Join(s.Append(t.Context(), turn), s.Append(t.Context(), historytest.Turn("11", n))); err != nil {
			t.Fatal(err)
		}
	}
	if !found(t, path, secret) {
		t.Fatal("the test can't find the text at all")
	}
	if err := s.DeleteUser(t.Context(), "10"); err != nil {
		t.Fatal(err)
	}
	if found(t, path, secret) {
		t.Error("the text is still in a file, after the delete")
	}
}

func found(t *testing.T, path, text string) bool {
	t.Helper()
	for _, name := range []string{path, path + "-wal"} {
		b, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(text)) {
			return true
		}
	}
	return false
}
