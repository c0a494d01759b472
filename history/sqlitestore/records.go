package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// PutRecord keeps a record under its kind and id, in the place of an earlier
// one, until expires; zero: for good. Records of the kind whose time is over are
// removed.
func (s *Store) PutRecord(ctx context.Context, kind, id string, record []byte, expires time.Time) error {
	return s.change(ctx, "put record", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM records WHERE kind = ? AND expires > 0 AND expires <= ?`, kind, time.Now().UnixMilli())
		if err != nil {
			return err
		}
		var until int64
		if !expires.IsZero() {
			until = max(expires.UnixMilli(), 1)
		}
		_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO records (kind, id, record, expires) VALUES (?, ?, ?, ?)`, kind, id, record, until)
		return err
	})
}

// Record gives a record; ok is false where there is none, or none any more.
func (s *Store) Record(ctx context.Context, kind, id string) (record []byte, ok bool, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT record FROM records WHERE kind = ? AND id = ? AND (expires = 0 OR expires > ?)`,
		kind, id, time.Now().UnixMilli()).Scan(&record)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, s.explain("record", s.blame(ctx, err))
	}
	return record, true, nil
}

// Records gives all records of a kind by their ids.
func (s *Store) Records(ctx context.Context, kind string) (map[string][]byte, error) {
	all := make(map[string][]byte)
	err := s.query(ctx, "records", func(rows *sql.Rows) error {
		var id string
		var record []byte
		err := rows.Scan(&id, &record)
		all[id] = record
		return err
	}, `SELECT id, record FROM records WHERE kind = ? AND (expires = 0 OR expires > ?)`, kind, time.Now().UnixMilli())
	if err != nil {
		return nil, err
	}
	return all, nil
}

// DeleteRecord removes a record. That there is none is no error.
func (s *Store) DeleteRecord(ctx context.Context, kind, id string) error {
	return s.change(ctx, "delete record", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM records WHERE kind = ? AND id = ?`, kind, id)
		return err
	})
}
