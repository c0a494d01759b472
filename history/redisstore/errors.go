package redisstore

import (
	"context"
	"errors"
	"fmt"

	"sori/history"
	"sori/redisconn"
)

// explain tells an operator what went wrong. ctx is the caller's, without the
// store's own timeout.
func (s *Store) explain(ctx context.Context, what string, err error) error {
	err = s.conn.Explain(ctx, err, history.ErrNoUser, history.ErrNoTurn, history.ErrInvalid, history.ErrFenced)
	switch {
	case errors.Is(err, redisconn.ErrClosed):
		return fmt.Errorf("redisstore: %s: %w: %w", what, history.ErrClosed, err)
	case errors.Is(err, redisconn.ErrUnavailable):
		return fmt.Errorf("redisstore: %s: %w: %w", what, history.ErrUnavailable, err)
	default:
		return fmt.Errorf("redisstore: %s: %w", what, err)
	}
}
