package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"sori/history"
)

// What Open can find; the message that wraps one says what to do.
var (
	// ErrNoFolder says that the folder of the database is not there.
	ErrNoFolder = errors.New("sqlitestore: no such folder")
	// ErrNotWritable says that the file or its folder can't be written.
	ErrNotWritable = errors.New("sqlitestore: the database can't be written")
	// ErrNotDatabase says that the file is no SQLite database, or a damaged one.
	ErrNotDatabase = errors.New("sqlitestore: not a database, or damaged")
	// ErrForeign says that the database belongs to another program.
	ErrForeign = errors.New("sqlitestore: a database of another program")
	// ErrNewer says that a newer sori wrote the database.
	ErrNewer = errors.New("sqlitestore: the database is of a newer sori")
)

// explainFile tells an operator what the operating system said about the file.
func explainFile(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: give this user the right to write %s, or choose another data folder: %w", ErrNotWritable, path, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: the disk of %s is full: make room: %w", history.ErrUnavailable, path, err)
	default:
		return fmt.Errorf("sqlitestore: open %s: %w", path, err)
	}
}

// explain tells an operator what SQLite said. It never returns nil.
func (s *Store) explain(what string, err error) error {
	select {
	case <-s.closed:
		return fmt.Errorf("sqlitestore: %s: %w: %w", what, history.ErrClosed, err)
	default:
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("sqlitestore: %s %s: %w", what, s.path, err)
	}
	if errors.Is(err, sql.ErrConnDone) {
		return fmt.Errorf("sqlitestore: %s %s: %w: %w", what, s.path, history.ErrUnavailable, err)
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return fmt.Errorf("sqlitestore: %s %s: %w", what, s.path, err)
	}
	kind := history.ErrUnavailable
	var hint string
	switch e.Code() & 0xff { // the low byte is the primary code
	case sqlite3.SQLITE_FULL:
		hint = "the disk is full: make room"
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		hint = "another process holds its lock: find it (fuser), or try again"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		hint = "it can't be written: give this user the right to write the file and its folder"
		if what == "open" {
			kind = ErrNotWritable
		}
	case sqlite3.SQLITE_CANTOPEN:
		hint = "it, or a file beside it, can't be opened: look at the folder's rights and the limit of open files"
	case sqlite3.SQLITE_IOERR:
		hint = "the disk failed: look at the system's log"
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		kind, hint = ErrNotDatabase, "move it away and start anew, or put a backup in its place"
	case sqlite3.SQLITE_INTERRUPT:
		kind, hint = context.Canceled, "the caller gave up"
	default:
		return fmt.Errorf("sqlitestore: %s %s: %w", what, s.path, err)
	}
	return fmt.Errorf("sqlitestore: %s %s: %w: %s: %w", what, s.path, kind, hint, err)
}
