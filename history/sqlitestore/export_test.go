package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sori/history"
)

// SetMaxPages bounds the database's size, so that it is full without a full disk.
func SetMaxPages(ctx context.Context, s *Store, pages int) error {
	var got int
	return s.write.QueryRowContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages)).Scan(&got)
}

// Fill puts count turns of so many users in, with the text of like.
func Fill(ctx context.Context, s *Store, like history.Turn, name string, users, count int) error {
	record, err := history.EncodeTurn(&like)
	if err != nil || count == 0 {
		return err
	}
	for _, statement := range []string{
		`WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
		 INSERT INTO users (id, turns) SELECT 'user-' || i, 0 FROM n WHERE coalesce(?2, ?3, ?4) IS NOT NULL ON CONFLICT DO NOTHING`,
		`WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)
		 INSERT INTO turns (user, id, record)
		 SELECT users.seq, ?4 || n.i, json_set(?3, '$.id', ?4 || n.i, '$.user_id', users.id)
		 FROM n JOIN users ON users.id = 'user-' || (n.i % ?1)`,
	} {
		if _, err := s.write.ExecContext(ctx, statement, users, count, string(record), name); err != nil {
			return err
		}
	}
	return s.Checkpoint(ctx)
}

// Checkpoint writes the WAL back, so that no benchmark pays for its preparation.
func (s *Store) Checkpoint(ctx context.Context) error {
	_, err := s.write.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}

// Plans explains the queries that must stay flat, as SQLite plans them.
func Plans(ctx context.Context, s *Store) (map[string]string, error) {
	plans := map[string]string{}
	for _, query := range []string{countTurn, insertTurn, oldestTurns, recentTurns, findTurn, turnsBefore} {
		args := make([]any, strings.Count(query, "?"))
		plan, err := explained(ctx, s, query, args)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", query, err)
		}
		plans[query] = plan
	}
	return plans, nil
}

func explained(ctx context.Context, s *Store, query string, args []any) (plan string, err error) {
	rows, err := s.write.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err = rows.Scan(&id, &parent, &unused, &detail); err != nil {
			return "", err
		}
		plan += detail + "\n"
	}
	return plan, rows.Err()
}

// Searches says whether a plan finds its rows by an index, and in their order.
func Searches(plan string) bool {
	return !strings.Contains(plan, "SCAN") && !strings.Contains(plan, "TEMP B-TREE")
}
