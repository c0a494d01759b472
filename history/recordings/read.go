package recordings

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"
)

// Recording is one file.
type Recording struct {
	Name   string // as Open takes it, such as "0193…-input.wav"
	TurnID string
	Kind   string // Input or Reply
	Bytes  int64
	Saved  time.Time
}

// Open opens a recording for reading; name is the last part of the path that
// Save gave. The caller closes the file. It wraps fs.ErrNotExist when there is
// no such recording, and ErrInvalid, too, for a name that none can have.
func (f *Folder) Open(ctx context.Context, userID, name string) (*os.File, fs.FileInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("recordings: open: %w", err)
	}
	if _, _, ok := parse(name); !ok {
		return nil, nil, fmt.Errorf("%w: %q: %w", ErrInvalid, name, fs.ErrNotExist)
	}
	where := path.Join(folderOf(userID), name)
	// What isn't a file isn't opened: opening a pipe would block.
	info, err := f.root.Lstat(where)
	if err != nil {
		return nil, nil, explain("open "+name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%w: %q is no file: %w", ErrInvalid, name, fs.ErrNotExist)
	}
	file, err := f.root.Open(where)
	if err != nil {
		return nil, nil, explain("open "+name, err)
	}
	return file, info, nil
}

// List gives the user's recordings in the order of their names, which with
// UUIDv7 is that of time. An unknown user has none: that is no error.
func (f *Folder) List(ctx context.Context, userID string) ([]Recording, error) {
	return f.list(ctx, folderOf(userID))
}

func (f *Folder) list(ctx context.Context, folder string) ([]Recording, error) {
	entries, err := fs.ReadDir(f.root.FS(), folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, explain("list", err)
	}
	list := make([]Recording, 0, len(entries))
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("recordings: list: %w", err)
		}
		turnID, kind, ok := parse(e.Name())
		if !ok || !e.Type().IsRegular() {
			continue // not ours
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, explain("list", err)
		}
		list = append(list, Recording{Name: e.Name(), TurnID: turnID, Kind: kind, Bytes: info.Size(), Saved: info.ModTime()})
	}
	return list, nil
}

// Used gives the bytes and the number of all recordings. It looks at every
// file: ask it now and then, not with every turn.
func (f *Folder) Used(ctx context.Context) (bytes int64, files int, err error) {
	users, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil {
		return 0, 0, explain("measure", err)
	}
	for _, u := range users {
		if !u.IsDir() || u.Name() == tempFolder {
			continue
		}
		list, err := f.list(ctx, u.Name())
		if err != nil {
			return 0, 0, err
		}
		for _, r := range list {
			bytes += r.Bytes
			files++
		}
	}
	return bytes, files, nil
}

// DeleteUser removes all recordings of the user. That there are none is no error.
// What is saved meanwhile may survive it.
func (f *Folder) DeleteUser(ctx context.Context, userID string) error {
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("recordings: delete user: %w", err)
		}
		err := f.root.RemoveAll(folderOf(userID))
		if errors.Is(err, syscall.ENOTEMPTY) {
			continue // a recording was saved in between
		}
		if err == nil {
			err = f.sync()
		}
		if err != nil {
			return explain("delete user", err)
		}
		return nil
	}
}

// sync makes what was deleted stay deleted when the power goes.
func (f *Folder) sync() error {
	d, err := f.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
