package telemetry

import (
	"context"
	"errors"
	"time"

	"sori/history"
)

// Store gives store with its operations timed.
func (m *Metrics) Store(store history.Store) history.Store { return &timed{store, m} }

type timed struct {
	history.Store
	metrics *Metrics
}

func (t *timed) note(operation string, began time.Time, err error) {
	result := "ok"
	switch {
	case err == nil, errors.Is(err, history.ErrNoUser), errors.Is(err, history.ErrNoTurn):
	case errors.Is(err, history.ErrInvalid):
		result = "invalid"
	case errors.Is(err, history.ErrUnavailable):
		result = "unavailable"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		result = "timeout"
	default:
		result = "error"
	}
	t.metrics.store.WithLabelValues(operation, result).Observe(time.Since(began).Seconds())
}

// Append is timed.
func (t *timed) Append(ctx context.Context, turn history.Turn) error {
	began := time.Now()
	err := t.Store.Append(ctx, turn)
	t.note("append", began, err)
	return err
}

// Recent is timed.
func (t *timed) Recent(ctx context.Context, userID string, n int) ([]history.Turn, error) {
	began := time.Now()
	turns, err := t.Store.Recent(ctx, userID, n)
	t.note("recent", began, err)
	return turns, err
}

// Page is timed.
func (t *timed) Page(ctx context.Context, userID, before string, n int) ([]history.Turn, bool, error) {
	began := time.Now()
	turns, more, err := t.Store.Page(ctx, userID, before, n)
	t.note("page", began, err)
	return turns, more, err
}

// DeleteUser is timed.
func (t *timed) DeleteUser(ctx context.Context, userID string) error {
	began := time.Now()
	err := t.Store.DeleteUser(ctx, userID)
	t.note("delete", began, err)
	return err
}

// Ping is timed.
func (t *timed) Ping(ctx context.Context) error {
	began := time.Now()
	err := t.Store.Ping(ctx)
	t.note("ping", began, err)
	return err
}
