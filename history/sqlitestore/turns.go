package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"sori/history"
)

// The statements that run with every turn.
const (
	countTurn   = `UPDATE users SET turns = turns + 1 WHERE id = ? RETURNING seq, turns`
	insertTurn  = `INSERT INTO turns (user, id, record) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	oldestTurns = `DELETE FROM turns WHERE seq IN (SELECT seq FROM turns WHERE user = ? ORDER BY seq LIMIT ?)`
	recentTurns = `SELECT record FROM turns WHERE user = (SELECT seq FROM users WHERE id = ?) ORDER BY seq DESC LIMIT ?`
	findTurn    = `SELECT user, seq FROM turns WHERE user = (SELECT seq FROM users WHERE id = ?) AND id = ?`
	turnsBefore = `SELECT record FROM turns WHERE user = ? AND seq < ? ORDER BY seq DESC LIMIT ?`
)

// Append adds a turn in one transaction.
func (s *Store) Append(ctx context.Context, t history.Turn) error {
	record, err := history.EncodeTurn(&t)
	if err != nil {
		return fmt.Errorf("sqlitestore: append: %w", err)
	}
	return s.change(ctx, "append", func(tx *sql.Tx) error {
		user, turns, err := s.count(ctx, tx, t.UserID)
		if err != nil {
			return err
		}
		res, err := tx.StmtContext(ctx, s.insertTurn).ExecContext(ctx, user, t.ID, string(record)) //nolint:sqlclosecheck // a transaction closes its statements
		if err != nil {
			return err
		}
		added, err := res.RowsAffected()
		switch {
		case err != nil:
			return err
		case added == 0:
			return errUnchanged // it is there already
		}
		return s.trim(ctx, tx, user, turns)
	})
}

// count adds one to the user's turns, and creates the user when new.
func (s *Store) count(ctx context.Context, tx *sql.Tx, userID string) (user, turns int64, err error) {
	err = tx.StmtContext(ctx, s.countTurn).QueryRowContext(ctx, userID).Scan(&user, &turns) //nolint:sqlclosecheck // a transaction closes its statements
	if errors.Is(err, sql.ErrNoRows) {
		err = tx.QueryRowContext(ctx, `INSERT INTO users (id, turns) VALUES (?, 1) RETURNING seq, turns`, userID).Scan(&user, &turns)
	}
	return user, turns, err
}

// trim removes the user's oldest turns beyond the limit.
func (s *Store) trim(ctx context.Context, tx *sql.Tx, user, turns int64) error {
	over := turns - int64(s.limit)
	if s.limit <= 0 || over <= 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, oldestTurns, user, over)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE users SET turns = turns - ? WHERE seq = ?`, over, user)
	return err
}

// errUnchanged ends a transaction that has nothing to write.
var errUnchanged = errors.New("unchanged")

// prepare makes the statements of Append ready, for they run with every turn.
func (s *Store) prepare(ctx context.Context) (err error) {
	s.countTurn, err = s.write.PrepareContext(ctx, countTurn)
	if err != nil {
		return s.explain("open", err)
	}
	s.insertTurn, err = s.write.PrepareContext(ctx, insertTurn)
	if err != nil {
		return s.explain("open", err)
	}
	return nil
}

// change runs do in a transaction that holds the write lock from its start.
func (s *Store) change(ctx context.Context, what string, do func(tx *sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return s.explain(what, err)
	}
	if err := do(tx); err != nil {
		// A full disk makes SQLite roll back by itself: that is no second error.
		if e := tx.Rollback(); e != nil && !errors.Is(e, sql.ErrTxDone) && ctx.Err() == nil {
			err = errors.Join(err, e)
		}
		if err == errUnchanged { //nolint:errorlint // joined with a failed rollback it is an error
			return nil
		}
		return s.explain(what, s.blame(ctx, err))
	}
	if err := tx.Commit(); err != nil {
		return s.explain(what, s.blame(ctx, err))
	}
	return nil
}

// blame puts the caller's context first: an interrupted statement, or the
// transaction that database/sql rolled back for it, is not SQLite's doing.
func (s *Store) blame(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// Recent gives the user's last n turns, oldest first.
func (s *Store) Recent(ctx context.Context, userID string, n int) ([]history.Turn, error) {
	turns, err := s.turns(ctx, "recent", userID, max(n, 0),
		recentTurns, userID, max(n, 0))
	slices.Reverse(turns)
	return turns, err
}

// Page gives the user's turns before the turn with ID before, newest first.
func (s *Store) Page(ctx context.Context, userID, before string, n int) (turns []history.Turn, more bool, err error) {
	n = max(n, 0)
	if before == "" {
		turns, err = s.turns(ctx, "page", userID, n+1,
			recentTurns, userID, n+1)
	} else {
		var user, seq int64
		err = s.read.QueryRowContext(ctx,
			findTurn, userID, before).Scan(&user, &seq)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return nil, false, fmt.Errorf("sqlitestore: page before %q of user %q: %w", before, userID, history.ErrNoTurn)
		case err != nil:
			return nil, false, s.explain("page", s.blame(ctx, err))
		}
		turns, err = s.turns(ctx, "page", userID, n+1,
			turnsBefore, user, seq, n+1)
	}
	if err != nil {
		return nil, false, err
	}
	if len(turns) > n {
		return turns[:n], true, nil
	}
	return turns, false, nil
}

func (s *Store) turns(ctx context.Context, what, userID string, n int, query string, args ...any) ([]history.Turn, error) {
	turns := make([]history.Turn, 0, min(n, 64))
	err := s.query(ctx, what, func(rows *sql.Rows) error {
		var record sql.RawBytes
		if err := rows.Scan(&record); err != nil {
			return err
		}
		t, err := history.DecodeTurn(record)
		if err != nil {
			return fmt.Errorf("a damaged record of user %q: %w", userID, err)
		}
		turns = append(turns, t)
		return nil
	}, query, args...)
	if err != nil {
		return nil, err
	}
	return turns, nil
}

// query gives each row to do.
func (s *Store) query(ctx context.Context, what string, do func(rows *sql.Rows) error, query string, args ...any) (err error) {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return s.explain(what, s.blame(ctx, err))
	}
	defer func() {
		if e := rows.Close(); e != nil && err == nil {
			err = s.explain(what, s.blame(ctx, e))
		}
	}()
	for rows.Next() {
		if err = do(rows); err != nil {
			return s.explain(what, s.blame(ctx, err))
		}
	}
	if err = rows.Err(); err != nil {
		return s.explain(what, s.blame(ctx, err))
	}
	return nil
}
