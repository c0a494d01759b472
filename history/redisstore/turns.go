package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"sori/history"
)

// userKeys are the keys of one user, all in one hash slot.
type userKeys struct {
	turns, ids, known string
}

func (s *Store) keys(userID string) userKeys {
	return userKeys{turns: s.names.User(userID, "turns"), ids: s.names.User(userID, "ids"), known: s.names.User(userID, "known")}
}

func (s *Store) index() string { return s.names.Shared("users") }

// Append adds a turn with one script, in one round trip. A user's first turn
// costs two more, for the index of users is on another node perhaps. A turn with
// a fence is refused when its session has a higher one (history.ErrFenced). Where
// the address asks for replicas, it waits for theirs.
func (s *Store) Append(ctx context.Context, t history.Turn) error {
	record, err := history.EncodeTurn(&t)
	if err != nil {
		return fmt.Errorf("redisstore: append: %w", err)
	}
	return s.do(ctx, "append", func(ctx context.Context) error {
		k := s.keys(t.UserID)
		session := s.names.Session(t.UserID, t.SessionID)
		said, err := s.conn.Replicated(ctx, s.scripts.appendTurn, []string{k.turns, k.ids, k.known, session},
			t.ID, record, s.limit, t.Fence, t.SessionID, t.Number, s.conn.Replicas() > 0).Int()
		switch {
		case err != nil:
			return err
		case said == fenced:
			return fmt.Errorf("turn %q of session %q: %w", t.ID, t.SessionID, history.ErrFenced)
		case said == known:
			return nil
		}
		// In this order: who is marked as known is in the index.
		if err := s.scripts.addUser.Run(ctx, s.client, []string{s.index()}, t.UserID).Err(); err != nil {
			return err
		}
		return s.scripts.markKnown.Run(ctx, s.client, []string{k.turns, k.known}).Err()
	})
}

// Recent gives the user's last n turns, oldest first.
func (s *Store) Recent(ctx context.Context, userID string, n int) (turns []history.Turn, err error) {
	err = s.do(ctx, "recent", func(ctx context.Context) error {
		if n <= 0 {
			return s.live()
		}
		records, e := s.client.LRange(ctx, s.keys(userID).turns, int64(-n), -1).Result()
		if e != nil {
			return e
		}
		turns, e = s.decode(userID, records)
		return e
	})
	return turns, err
}

// Page gives the user's turns before the turn with ID before, newest first.
func (s *Store) Page(ctx context.Context, userID, before string, n int) (turns []history.Turn, more bool, err error) {
	err = s.do(ctx, "page", func(ctx context.Context) error {
		k := s.keys(userID)
		records, e := s.scripts.page.Run(ctx, s.client, []string{k.turns, k.ids}, before, n).StringSlice()
		if errors.Is(e, redis.Nil) {
			return fmt.Errorf("before %q of user %q: %w", before, userID, history.ErrNoTurn)
		}
		if e != nil {
			return e
		}
		if more = len(records) > n; more {
			records = records[len(records)-n:]
		}
		turns, e = s.decode(userID, records)
		slices.Reverse(turns)
		return e
	})
	if err != nil {
		return nil, false, err
	}
	return turns, more, nil
}

// live says whether the store is open, for calls that need no Redis.
func (s *Store) live() error {
	select {
	case <-s.closed:
		return redis.ErrClosed
	default:
		return nil
	}
}

func (s *Store) decode(userID string, records []string) ([]history.Turn, error) {
	turns := make([]history.Turn, 0, len(records))
	for _, record := range records {
		t, err := history.DecodeTurn([]byte(record))
		if err != nil {
			return nil, fmt.Errorf("a damaged record of user %q in %s: %w", userID, s.keys(userID).turns, err)
		}
		turns = append(turns, t)
	}
	return turns, nil
}
