package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// applicationID marks the file as sori's ("sori" in ASCII): the seed system's
// users.db has the same name and other tables.
const applicationID = 0x736f7269

// migrations lead from one schema version (PRAGMA user_version) to the next.
// They are never changed, only added to.
//
// A turn is its JSON record, as Redis keeps it; the columns beside it are what
// is searched by. turns_in_order makes the last 20 turns of a user one short
// walk backwards, turns_by_id finds a turn that is there already: both stay
// flat, however many turns there are (see the benchmarks).
func migrations() []string {
	return []string{
		`CREATE TABLE users (
			seq   INTEGER PRIMARY KEY AUTOINCREMENT,
			id    TEXT NOT NULL UNIQUE,
			turns INTEGER NOT NULL DEFAULT 0
		) STRICT;
		CREATE TABLE turns (
			seq    INTEGER PRIMARY KEY,
			user   INTEGER NOT NULL REFERENCES users (seq) ON DELETE CASCADE,
			id     TEXT NOT NULL,
			record TEXT NOT NULL
		) STRICT;
		CREATE UNIQUE INDEX turns_by_id ON turns (user, id);
		CREATE INDEX turns_in_order ON turns (user, seq);`,
		// What is kept beside turns, such as keys; expires is in ms since 1970, 0
		// is never.
		`CREATE TABLE records (
			kind    TEXT NOT NULL,
			id      TEXT NOT NULL,
			record  BLOB NOT NULL,
			expires INTEGER NOT NULL,
			PRIMARY KEY (kind, id)
		) STRICT, WITHOUT ROWID;`,
	}
}

// migrate brings the schema up to date in one transaction: a process killed
// meanwhile leaves the old schema, whole.
func (s *Store) migrate(ctx context.Context) (err error) {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return s.explain("open", err)
	}
	defer func() {
		if err != nil {
			if e := tx.Rollback(); e != nil && !errors.Is(e, sql.ErrTxDone) {
				err = errors.Join(err, s.explain("open", e))
			}
		}
	}()

	var version, app, tables int
	row := tx.QueryRowContext(ctx, `SELECT
		(SELECT user_version FROM pragma_user_version),
		(SELECT application_id FROM pragma_application_id),
		(SELECT count(*) FROM sqlite_schema)`)
	if err := row.Scan(&version, &app, &tables); err != nil {
		return s.explain("open", err)
	}
	steps := migrations()
	switch {
	case app != applicationID && (app != 0 || tables > 0):
		return fmt.Errorf("%w: move %s away, or choose another data folder", ErrForeign, s.path)
	case version > len(steps):
		return fmt.Errorf("%w: %s has schema version %d, this sori knows up to %d: use the newer sori, or another data folder", ErrNewer, s.path, version, len(steps))
	case version == len(steps):
		return tx.Rollback()
	}
	for _, step := range steps[version:] {
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return s.explain("migrate", err)
		}
	}
	// PRAGMA takes no parameters; both are constants of this package.
	mark := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, len(steps))
	if _, err := tx.ExecContext(ctx, mark); err != nil {
		return s.explain("migrate", err)
	}
	if err := tx.Commit(); err != nil {
		return s.explain("migrate", err)
	}
	return nil
}
