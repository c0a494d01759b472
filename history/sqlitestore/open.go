// Package sqlitestore keeps history in one SQLite file, users.db, inside the
// process: the store of a sori that runs alone. It needs no cgo.
//
// One connection writes, a few read; WAL lets them do so at once. A turn that
// was acknowledged is on the disk: it survives the death of the process and the
// loss of power.
package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"sori/history"
)

// FileName is the name of the database in sori's data folder.
const FileName = "users.db"

// Options are the choices that an operator has. The zero value is a good one.
type Options struct {
	// Limit is how many turns of each user are kept, the newest; 0 keeps all.
	Limit int
	// BusyTimeout is how long to wait for another process that holds the file's
	// lock (a backup, say) before an error; 0 is 1 s, which leaves an Append of
	// the Keeper (2 s) time to say why it failed.
	BusyTimeout time.Duration
	// Readers bounds the connections that read at once; 0 is 4.
	Readers int
}

func (o Options) withDefaults() Options {
	if o.BusyTimeout <= 0 {
		o.BusyTimeout = time.Second
	}
	if o.Readers <= 0 {
		o.Readers = 4
	}
	return o
}

// Store is a history.Store in a file. It is safe for concurrent use.
type Store struct {
	path  string
	limit int
	write *sql.DB // one connection: writers queue here, not in SQLite's lock
	read  *sql.DB
	// Prepared on the one writing connection.
	countTurn, insertTurn *sql.Stmt

	once     sync.Once
	closed   chan struct{}
	closeErr error
}

var _ history.Store = (*Store)(nil)

// Open opens the database at path, and makes it when it's not there. Its folder
// has to exist. It wraps ErrNoFolder, ErrNotWritable, ErrNotDatabase,
// ErrForeign, ErrNewer, or history.ErrUnavailable where trying again makes
// sense; each message says what to do.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	o = o.withDefaults()
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlitestore: open %s: %w", path, err)
	}
	if err = probe(abs); err != nil {
		return nil, err
	}
	s := &Store{path: abs, limit: o.Limit, closed: make(chan struct{})}
	if s.write, err = sql.Open("sqlite", source(abs, o.BusyTimeout, false)); err != nil {
		return nil, s.explain("open", err)
	}
	s.write.SetMaxOpenConns(1)
	if err = s.migrate(ctx); err != nil {
		return nil, errors.Join(err, s.write.Close())
	}
	if err = s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.write.Close())
	}
	if s.read, err = sql.Open("sqlite", source(abs, o.BusyTimeout, true)); err != nil {
		return nil, errors.Join(s.explain("open", err), s.write.Close())
	}
	s.read.SetMaxOpenConns(o.Readers)
	s.read.SetMaxIdleConns(o.Readers)
	return s, nil
}

// source names the file for the driver.
//
// synchronous=FULL makes every commit wait for the disk (fsync of the WAL).
// NORMAL would not wait, and a loss of power would take acknowledged turns with
// it. The wait is affordable: with the benchmark beside this file an append took
// 0.7 ms on a busy virtual disk, 0.2 ms in memory, and it comes once a turn, off
// the audio path.
//
// secure_delete overwrites what was deleted: a user's data that is gone is gone.
func source(path string, busy time.Duration, readOnly bool) string {
	q := url.Values{
		"_pragma": {
			"busy_timeout(" + strconv.FormatInt(busy.Milliseconds(), 10) + ")",
			"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "secure_delete(ON)",
			"journal_size_limit(16777216)", // a WAL that a long reader made grow shrinks again
		},
	}
	if readOnly {
		q.Add("_pragma", "query_only(ON)")
	} else {
		q.Set("_txlock", "immediate") // no transaction that finds out late that it can't write
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: q.Encode()}
	return u.String()
}

// probe opens the file as any file first: the operating system's errors say
// more than SQLite's "unable to open database file".
func probe(path string) error {
	folder := filepath.Dir(path)
	info, err := os.Stat(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: make %s, or choose another data folder", ErrNoFolder, folder)
	case err != nil:
		return explainFile(path, err)
	case !info.IsDir():
		return fmt.Errorf("%w: %s is a file; choose another data folder", ErrNoFolder, folder)
	}
	if info, err = os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is not a regular file: move it away", ErrNotDatabase, path)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return explainFile(path, err)
	}
	return f.Close()
}

// Close writes the WAL back into the database and closes it.
func (s *Store) Close() error {
	s.once.Do(func() {
		close(s.closed)
		// The last connection to close makes the checkpoint.
		if err := errors.Join(s.read.Close(), s.write.Close()); err != nil {
			s.closeErr = fmt.Errorf("sqlitestore: close %s: %w", s.path, err)
		}
	})
	return s.closeErr
}

// Ping says whether the database can be read, and written by this process.
func (s *Store) Ping(ctx context.Context) error {
	tx, err := s.write.BeginTx(ctx, nil) // takes the write lock
	if err != nil {
		return s.explain("ping", err)
	}
	var one int
	err = tx.QueryRowContext(ctx, "SELECT 1").Scan(&one)
	if err = errors.Join(err, tx.Rollback()); err != nil {
		return s.explain("ping", err)
	}
	return nil
}
