package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// Recent gives the user's last n turns, oldest first: those in the store and
// those that wait for it, so that a conversation goes on while the store is
// down. When the store, or a file of a turn that waits, can't be read, it gives
// what it has and an error.
func (k *Keeper) Recent(ctx context.Context, userID string, n int) ([]Turn, error) {
	if n <= 0 {
		return nil, nil
	}
	// In this order: a turn that is stored in between is in both, not in none.
	waiting, err := k.waiting(userID, n)
	if len(waiting) == n {
		return waiting, err
	}
	stored, e := k.stored(ctx, userID, n)
	err = errors.Join(err, e)
	all := slices.Clone(stored)
	for _, t := range waiting {
		if !slices.ContainsFunc(stored, func(s Turn) bool { return s.ID == t.ID }) {
			all = append(all, t)
		}
	}
	return all[max(0, len(all)-n):], err
}

// waiting gives the user's last n turns that wait.
func (k *Keeper) waiting(userID string, n int) ([]Turn, error) {
	k.mu.Lock()
	var items []item
	if l := k.lanes[userID]; l != nil {
		for _, it := range l.items[max(0, len(l.items)-n):] {
			items = append(items, *it)
		}
	}
	k.mu.Unlock()

	var failed error
	turns := make([]Turn, 0, len(items))
	for _, it := range items {
		if it.turn != nil {
			turns = append(turns, *it.turn)
			continue
		}
		data, err := k.spool.read(it.file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // stored meanwhile
		}
		var t Turn
		if err == nil {
			t, err = DecodeTurn(data)
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("history: a turn that waits on the disk: %w", err))
			continue
		}
		turns = append(turns, t)
	}
	return turns, failed
}

// stored reads the store, unless a read has just failed: of all sessions on a
// store that hangs, one waits for it now and then, and the others go on.
func (k *Keeper) stored(ctx context.Context, userID string, n int) ([]Turn, error) {
	k.mu.Lock()
	now := time.Now()
	if now.Before(k.readAfter) {
		err := k.readErr
		k.mu.Unlock()
		return nil, fmt.Errorf("history: older turns can't be read now: %w", err)
	}
	timeout := k.o.Timeout
	if k.readErr != nil {
		k.readAfter = now.Add(timeout) // this call is the one that tries
	}
	if k.readErr != nil || k.down != nil {
		timeout /= 8 // a turn waits for this, and has little to hope for
	}
	k.mu.Unlock()

	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	turns, err := k.store.Recent(limited, userID, n)
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case err == nil:
		k.readAfter, k.readPause, k.readErr = time.Time{}, 0, nil
		return turns, nil
	case ctx.Err() != nil:
		k.readAfter = time.Time{} // the caller gave up: it says nothing of the store
	default:
		k.readPause = min(max(2*k.readPause, k.o.MinBackoff), k.o.MaxBackoff)
		k.readAfter, k.readErr = time.Now().Add(k.readPause), err
	}
	return turns, fmt.Errorf("history: older turns can't be read: %w", err)
}

// DeleteUser removes the user's turns, those that wait included. A turn that is
// kept meanwhile may survive it, as a new user's.
func (k *Keeper) DeleteUser(ctx context.Context, userID string) error {
	k.mu.Lock()
	l := k.lane(userID)
	l.deleting++
	k.mu.Unlock()
	defer func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		l.deleting--
		k.enqueue(l)
		k.forget(l)
		k.signal()
	}()

	had, err := k.dropAll(l)
	if err != nil {
		return err
	}
	// An Append that is under way would put its turn behind the delete.
	if err = k.settled(ctx, l); err != nil {
		return err
	}
	more, err := k.dropAll(l)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, k.o.Timeout)
	defer cancel()
	err = k.store.DeleteUser(limited, userID)
	if errors.Is(err, ErrNoUser) && had+more > 0 {
		return nil // all its turns were still on their way
	}
	return err
}

// dropAll forgets what waits in the lane, for good.
func (k *Keeper) dropAll(l *lane) (count int, err error) {
	k.mu.Lock()
	var files []string
	for len(l.items) > 0 {
		if file, _ := k.remove(l, l.items[0]); file != "" {
			files = append(files, file)
		}
		count++
	}
	k.mu.Unlock()
	for _, file := range files {
		err = errors.Join(err, k.spool.drop(file))
	}
	if len(files) > 0 {
		err = errors.Join(err, k.spool.sync())
	}
	return count, err
}

// settled waits until no Append of the lane is under way.
func (k *Keeper) settled(ctx context.Context, l *lane) error {
	for {
		k.mu.Lock()
		if l.inFlight == 0 {
			k.mu.Unlock()
			return nil
		}
		if l.idle == nil {
			l.idle = make(chan struct{})
		}
		idle := l.idle
		k.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
