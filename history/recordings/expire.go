package recordings

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"
)

// ExpireUser removes the user's recordings that were saved before a time.
func (f *Folder) ExpireUser(ctx context.Context, userID string, before time.Time) (removed int, err error) {
	removed, err = f.expire(ctx, folderOf(userID), before)
	if err == nil && removed > 0 {
		err = f.sync()
	}
	return removed, err
}

// Expire removes all recordings that were saved before a time, and the folders
// of users that have none left.
func (f *Folder) Expire(ctx context.Context, before time.Time) (removed int, err error) {
	users, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil {
		return 0, explain("expire", err)
	}
	for _, u := range users {
		if !u.IsDir() || u.Name() == tempFolder {
			continue
		}
		n, e := f.expire(ctx, u.Name(), before)
		removed += n
		if e != nil {
			return removed, e
		}
	}
	if removed > 0 {
		err = f.sync()
	}
	return removed, err
}

// expire removes the old recordings of one folder, and the folder when it is
// empty then.
func (f *Folder) expire(ctx context.Context, folder string, before time.Time) (removed int, err error) {
	list, err := f.list(ctx, folder)
	if err != nil {
		return 0, err
	}
	for _, r := range list {
		if !r.Saved.Before(before) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return removed, fmt.Errorf("recordings: expire: %w", err)
		}
		if err := f.root.Remove(path.Join(folder, r.Name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return removed, explain("expire", err)
		}
		removed++
	}
	_ = f.root.Remove(folder) // it stays unless it is empty
	return removed, nil
}
