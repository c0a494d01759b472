package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"sori/auth"
	"sori/history"
	"sori/history/redisstore"
	"sori/history/retention"
	"sori/history/sqlitestore"
	"sori/redisconn"
)

// connect gives the connection to Redis that all parts share, nil where --store
// names none. Redis need not be up yet.
func (s *storage) connect(getenv func(string) string) (*redisconn.Conn, error) {
	_, address, err := s.storeURL("")
	if err != nil || address == "" {
		return nil, err
	}
	return redisconn.Open(address, redisconn.Options{Getenv: getenv})
}

// store is what the database keeps: turns, and keys beside them.
type store interface {
	history.Store
	auth.Store
	retention.Turns
}

// open opens the store that is configured, on redis where that is not nil, and
// gives its name for people.
func (s *storage) open(ctx context.Context, dataDir string, redis *redisconn.Conn) (st store, name string, err error) {
	if redis != nil {
		r, openErr := redisstore.New(redis, redisstore.Options{Limit: s.HistoryLimit})
		if openErr != nil {
			return nil, "", openErr
		}
		return r, "Redis, " + redis.String(), nil
	}
	path, _, err := s.storeURL(dataDir)
	if err != nil {
		return nil, "", err
	}
	if err = os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, "", fmt.Errorf("the folder of the database can't be made: %w", err)
	}
	db, err := sqlitestore.Open(ctx, path, sqlitestore.Options{Limit: s.HistoryLimit})
	if err != nil {
		return nil, "", err
	}
	return db, "SQLite, " + path, nil
}

// kept is a store as the server sees it: users are deleted by the keeper, which
// knows of turns that wait.
type kept struct {
	history.Store
	keeper *history.Keeper
}

// DeleteUser removes the user and all its turns.
func (k kept) DeleteUser(ctx context.Context, userID string) error {
	return k.keeper.DeleteUser(ctx, userID)
}
