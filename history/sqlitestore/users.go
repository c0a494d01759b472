package sqlitestore

import (
	"context"
	"database/sql"
	"fmt"

	"sori/history"
)

// EnsureUser creates the user when new and says whether it did.
func (s *Store) EnsureUser(ctx context.Context, userID string) (created bool, err error) {
	if err = history.ValidUserID(userID); err != nil {
		return false, fmt.Errorf("sqlitestore: ensure user: %w", err)
	}
	err = s.change(ctx, "ensure user", func(tx *sql.Tx) error {
		res, e := tx.ExecContext(ctx, `INSERT INTO users (id) VALUES (?) ON CONFLICT DO NOTHING`, userID)
		if e != nil {
			return e
		}
		n, e := res.RowsAffected()
		created = n > 0
		return e
	})
	return created && err == nil, err
}

// HasUser says whether the user exists.
func (s *Store) HasUser(ctx context.Context, userID string) (bool, error) {
	var has bool
	err := s.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM users WHERE id = ?)`, userID).Scan(&has)
	if err != nil {
		return false, s.explain("has user", s.blame(ctx, err))
	}
	return has, nil
}

// UserIDs gives all users in the order in which they were created.
func (s *Store) UserIDs(ctx context.Context) ([]string, error) {
	ids := []string{}
	err := s.query(ctx, "users", func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	}, `SELECT id FROM users ORDER BY seq`)
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// DeleteUser removes the user with all its turns, and what they left in the
// file: the rows are overwritten, and the WAL is written back and cut, unless a
// reader is in its way; then the next checkpoint does that.
func (s *Store) DeleteUser(ctx context.Context, userID string) error {
	err := s.change(ctx, "delete user", func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM users WHERE id = ?`, userID) // its turns go with it
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err == nil && n == 0 {
			return history.ErrNoUser
		}
		return err
	})
	if err != nil {
		return err
	}
	if _, err := s.write.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		return s.explain("delete user: it is gone, but not yet overwritten", s.blame(ctx, err))
	}
	return nil
}
