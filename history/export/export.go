// Package export writes what sori remembers of a user into one file: as JSON, as
// WebVTT captions, or as a ZIP archive of both with all recordings. A user's
// data is the user's.
package export

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"time"

	"sori/history"
)

// User is the JSON of an export.
type User struct {
	ID       string         `json:"user_id"`
	Exported time.Time      `json:"exported_at"`
	Turns    []history.Turn `json:"turns"` // oldest first
}

// Open gives one of the user's recordings by its name. The error wraps
// [fs.ErrNotExist] when there is none.
type Open func(ctx context.Context, userID, name string) (io.ReadCloser, error)

// JSON writes the user's turns, oldest first, as one object.
func JSON(w io.Writer, u User) error {
	if u.Turns == nil {
		u.Turns = []history.Turn{}
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(u); err != nil {
		return fmt.Errorf("export user %s as JSON: %w", u.ID, err)
	}
	return nil
}

// ZIP writes an archive: turns.json, captions.vtt, and every recording that is
// still there below recordings/. open may be nil: then there are none.
func ZIP(ctx context.Context, w io.Writer, u User, open Open) error {
	archive := zip.NewWriter(w)
	add := func(name string, method uint16, write func(io.Writer) error) error {
		f, err := archive.CreateHeader(&zip.FileHeader{Name: name, Method: method, Modified: u.Exported})
		if err != nil {
			return err
		}
		return write(f)
	}
	err := add("turns.json", zip.Deflate, func(w io.Writer) error { return JSON(w, u) })
	if err == nil {
		err = add("captions.vtt", zip.Deflate, func(w io.Writer) error { return VTT(w, u.Turns) })
	}
	if open != nil && err == nil {
		err = addRecordings(ctx, u, open, func(name string, from io.Reader) error {
			// Speech does not deflate well enough to be worth the time.
			return add("recordings/"+name, zip.Store, func(w io.Writer) error {
				_, copyErr := io.Copy(w, from)
				return copyErr
			})
		})
	}
	if err == nil {
		err = archive.Close()
	}
	if err != nil {
		return fmt.Errorf("export user %s as ZIP: %w", u.ID, err)
	}
	return nil
}

// addRecordings gives add every recording of the user's turns once.
func addRecordings(ctx context.Context, u User, open Open, add func(name string, from io.Reader) error) error {
	seen := make(map[string]bool)
	for i := range u.Turns {
		for _, p := range []*string{u.Turns[i].InputWAV, u.Turns[i].OutputWAV} {
			if p == nil {
				continue
			}
			name := path.Base(*p)
			if seen[name] || name == "." || name == "/" {
				continue
			}
			seen[name] = true
			if err := ctx.Err(); err != nil {
				return err
			}
			f, err := open(ctx, u.ID, name)
			if errors.Is(err, fs.ErrNotExist) {
				continue // another program's, or gone
			}
			if err != nil {
				return err
			}
			err = errors.Join(add(name, f), f.Close())
			if err != nil {
				return err
			}
		}
	}
	return nil
}
