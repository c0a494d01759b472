package models

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const (
	// Bounds on an archive, far above what any bundle has: a broken or hostile
	// one ends as an error, not as a full disk.
	maxEntries  = 10_000
	maxUnpacked = 1 << 30 // bytes
)

// extract unpacks the wanted files of a gzipped tar archive into the folder to,
// checks their sizes and checksums, and syncs them. Only entries whose path is
// exactly one that the manifest names are read, and they get the manifest's
// names, so no entry can choose where it lands.
func extract(ctx context.Context, archive, to string, files []File) error {
	f, err := os.Open(archive)
	if err != nil {
		return fileError("opening "+archive, to, err)
	}
	defer f.Close()
	zr, err := gzip.NewReader(&ctxReader{ctx, f})
	if err != nil {
		return archiveError(ctx, err)
	}
	defer zr.Close()
	limited := &io.LimitedReader{R: zr, N: maxUnpacked}
	tr := tar.NewReader(limited)

	left := make(map[string]File, len(files))
	for _, file := range files {
		left[file.Inside] = file
	}
	for range maxEntries {
		if len(left) == 0 {
			return nil
		}
		h, err := tr.Next()
		if errors.Is(err, io.EOF) && limited.N > 0 {
			break
		}
		if err != nil {
			return archiveError(ctx, err)
		}
		file, ok := left[h.Name]
		if !ok {
			continue
		}
		if h.Typeflag != tar.TypeReg {
			return archiveError(ctx, fmt.Errorf("%s is no regular file", h.Name))
		}
		if err := extractFile(ctx, tr, h.Size, to, file); err != nil {
			return err
		}
		delete(left, h.Name)
	}
	for name := range left {
		return archiveError(ctx, fmt.Errorf("it does not hold %s", name))
	}
	return nil
}

// extractFile writes one entry of size bytes as the file.
func extractFile(ctx context.Context, r io.Reader, size int64, to string, file File) error {
	switch file.Form {
	case FormPlain:
		if size != file.Size {
			return archiveError(ctx, fmt.Errorf("%s has %d bytes instead of %d", file.Inside, size, file.Size))
		}
	case FormVocabulary:
		if size > maxSource {
			return archiveError(ctx, fmt.Errorf("%s has %d bytes, more than %d", file.Inside, size, maxSource))
		}
		source, err := io.ReadAll(io.LimitReader(r, maxSource))
		if err != nil {
			return archiveError(ctx, err)
		}
		text, err := flattenVocabulary(source)
		if err != nil {
			return archiveError(ctx, err)
		}
		r = bytes.NewReader(text)
	default:
		return fmt.Errorf("models: %s has the unknown form %q", file.Name, file.Form)
	}
	path := filepath.Join(to, file.Name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fileError("making "+filepath.Dir(path), to, err)
	}
	sum, err := writeFile(ctx, path, r)
	if err != nil {
		return err
	}
	if sum == file.SHA256 {
		return nil
	}
	if err := os.Remove(path); err != nil {
		return fileError("removing "+path, to, err)
	}
	return checksumError(file, sum)
}

func checksumError(file File, sum string) error {
	return &Error{
		Code: CodeChecksum,
		What: fmt.Sprintf("%s came with the SHA-256 %s, expected was %s; the file was removed", file.Name, sum, file.SHA256),
		Do:   "Whoever serves the packages gave another file than sori was tested with: try again from another network or without the mirror, and don't use the file.",
	}
}

// writeFile writes r to a new file, syncs it and gives its SHA-256.
func writeFile(ctx context.Context, path string, r io.Reader) (sum string, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return "", fileError("writing "+path, filepath.Dir(path), err)
	}
	h := sha256.New()
	src := &errReader{r: r}
	if _, err = io.Copy(io.MultiWriter(f, h), src); err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	switch {
	case err == nil:
		return hex.EncodeToString(h.Sum(nil)), nil
	case src.err != nil:
		return "", archiveError(ctx, src.err)
	default:
		return "", fileError("writing "+path, filepath.Dir(path), err)
	}
}

// errReader remembers that reading failed, so that a broken archive is told
// apart from a full disk.
type errReader struct {
	r   io.Reader
	err error
}

func (e *errReader) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		e.err = err
	}
	return n, err
}

func archiveError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &Error{
		Code: CodeArchive,
		What: "the package that was fetched is broken",
		Do:   "The download was probably cut off: try again.",
		Err:  err,
	}
}
