package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"sori/history"
	"sori/history/recordings"
	"sori/history/redisstore"
	"sori/history/sqlitestore"
	"sori/server"
)

// open opens the store that is configured and gives its name for people. Redis
// need not be up yet.
func (s *storage) open(ctx context.Context, dataDir string) (store history.Store, name string, err error) {
	path, redis, err := s.storeURL(dataDir)
	if err != nil {
		return nil, "", err
	}
	if redis != "" {
		r, openErr := redisstore.Open(redis, redisstore.Options{Limit: s.HistoryLimit})
		if openErr != nil {
			return nil, "", openErr
		}
		return r, "Redis, " + withoutSecrets(redis), nil
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

// withoutSecrets writes a URL so that it can be shown.
func withoutSecrets(raw string) string {
	if u, err := url.Parse(raw); err == nil {
		return u.Scheme + "://" + u.Host + u.Path
	}
	scheme, rest, _ := strings.Cut(raw, "://")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		rest = rest[at+1:]
	}
	rest, _, _ = strings.Cut(rest, "?")
	return scheme + "://" + rest
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

// opened is a folder of recordings as the server sees it.
type opened struct{ folder *recordings.Folder }

// Open opens a recording.
func (o opened) Open(ctx context.Context, userID, name string) (server.RecordingFile, error) {
	f, _, err := o.folder.Open(ctx, userID, name)
	if err != nil {
		return nil, err
	}
	return f, nil
}
