package sqlitestore

import (
	"context"
	"database/sql"
	"time"

	"sori/history"
)

// expireAtOnce bounds the turns that one transaction looks at: others want to
// write, too.
const expireAtOnce = 200

// ExpireTurns removes the user's turns that ended before a time, the oldest
// first, up to the first one that did not. A user of whom nothing is left is
// removed with them.
func (s *Store) ExpireTurns(ctx context.Context, userID string, before time.Time) (removed int, err error) {
	for {
		n, more, err := s.expireSome(ctx, userID, before)
		removed += n
		if err != nil || !more {
			return removed, err
		}
	}
}

func (s *Store) expireSome(ctx context.Context, userID string, before time.Time) (removed int, more bool, err error) {
	err = s.change(ctx, "expire turns", func(tx *sql.Tx) error {
		removed, more = 0, false
		old, e := oldTurns(ctx, tx, userID, before)
		if e != nil {
			return e
		}
		if len(old) == 0 {
			return errUnchanged
		}
		for _, seq := range old {
			if _, e = tx.ExecContext(ctx, `DELETE FROM turns WHERE seq = ?`, seq); e != nil {
				return e
			}
		}
		removed, more = len(old), len(old) == expireAtOnce
		var left int
		e = tx.QueryRowContext(ctx, `UPDATE users SET turns = turns - ? WHERE id = ? RETURNING turns`, len(old), userID).Scan(&left)
		if e == nil && left <= 0 {
			_, e = tx.ExecContext(ctx, `DELETE FROM users WHERE id = ? AND NOT EXISTS (SELECT 1 FROM turns WHERE user = users.seq)`, userID)
		}
		return e
	})
	return removed, more, err
}

// oldTurns gives the user's oldest turns that ended before a time.
func oldTurns(ctx context.Context, tx *sql.Tx, userID string, before time.Time) (old []int64, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT seq, record FROM turns WHERE user = (SELECT seq FROM users WHERE id = ?) ORDER BY seq LIMIT ?`, userID, expireAtOnce)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		var record []byte
		if err := rows.Scan(&seq, &record); err != nil {
			return nil, err
		}
		if t, err := history.DecodeTurn(record); err == nil && !t.EndedAt.Before(before) {
			break // what can't be read goes with its neighbours
		}
		old = append(old, seq)
	}
	return old, rows.Err()
}
