package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"sori/history"
)

// EnsureUser creates the user when new and says whether it did.
func (s *Store) EnsureUser(ctx context.Context, userID string) (created bool, err error) {
	if err = history.ValidUserID(userID); err != nil {
		return false, fmt.Errorf("redisstore: ensure user: %w", err)
	}
	err = s.do(ctx, "ensure user", func(ctx context.Context) (err error) {
		created, err = s.scripts.addUser.Run(ctx, s.client, []string{s.index()}, userID).Bool()
		return err
	})
	return created, err
}

// HasUser says whether the user exists.
func (s *Store) HasUser(ctx context.Context, userID string) (has bool, err error) {
	err = s.do(ctx, "has user", func(ctx context.Context) error {
		e := s.client.ZScore(ctx, s.index(), userID).Err()
		if errors.Is(e, redis.Nil) {
			return nil
		}
		has = e == nil
		return e
	})
	return has, err
}

// UserIDs gives all users in the order in which they were created.
func (s *Store) UserIDs(ctx context.Context) (ids []string, err error) {
	err = s.do(ctx, "users", func(ctx context.Context) (err error) {
		ids, err = s.client.ZRange(ctx, s.index(), 0, -1).Result()
		return err
	})
	return ids, err
}

// DeleteUser removes the user and all its turns. A delete that was cut short is
// completed by asking again.
func (s *Store) DeleteUser(ctx context.Context, userID string) error {
	return s.do(ctx, "delete user", func(ctx context.Context) error {
		// The index first: a turn that is appended meanwhile either goes with
		// the keys or finds its user unknown, and enters it into the index.
		listed, err := s.client.ZRem(ctx, s.index(), userID).Result()
		if err != nil {
			return err
		}
		k := s.keys(userID)
		had, err := s.client.Del(ctx, k.turns, k.ids, k.known).Result()
		if err != nil {
			return err
		}
		if listed+had == 0 {
			return history.ErrNoUser
		}
		return nil
	})
}
