package models

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// stampName is the file that says that a bundle is complete. It has the form
// that sha256sum writes, so "sha256sum -c SHA256SUMS" checks the folder too.
const stampName = "SHA256SUMS"

// stamp is what the stamp file of a complete bundle holds.
func stamp(b *Bundle) string {
	var s strings.Builder
	for _, f := range b.Files {
		s.WriteString(f.SHA256 + "  " + f.Name + "\n")
	}
	return s.String()
}

// Check looks whether all bundles are in the folder dir: it trusts their stamps
// and compares sizes, which takes well under a millisecond. The error names
// every bundle that is missing.
func Check(dir string, bundles []Bundle) error {
	var missing []string
	for i := range bundles {
		if err := complete(dir, &bundles[i]); err != nil {
			missing = append(missing, bundles[i].ID+" ("+err.Error()+")")
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &Error{
		Code: CodeMissing,
		What: fmt.Sprintf("%d of %d are not in %s: %s", len(missing), len(bundles), dir, strings.Join(missing, ", ")),
		Do:   `Run "sori models pull" to fetch them.`,
	}
}

// complete says why the bundle is not there, nil when it is.
func complete(dir string, b *Bundle) error {
	folder := filepath.Join(dir, b.ID)
	got, err := os.ReadFile(filepath.Join(folder, stampName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("not fetched")
	case err != nil:
		return err
	case string(got) != stamp(b):
		return errors.New("other contents than this sori asks for")
	}
	for _, f := range b.Files {
		st, err := os.Stat(filepath.Join(folder, f.Name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return errors.New(f.Name + " is missing")
		case err != nil:
			return err
		case st.Size() != f.Size || !st.Mode().IsRegular():
			return fmt.Errorf("%s has %d bytes instead of %d", f.Name, st.Size(), f.Size)
		}
	}
	return nil
}

// Verify reads every file and compares its checksum. The stamp of a bundle with
// a bad file is taken away, so that the next [Pull] replaces that file. The
// error joins what is wrong with each bundle. It ends early when ctx does.
func Verify(ctx context.Context, dir string, bundles []Bundle) error {
	var bad []error
	for i := range bundles {
		b := &bundles[i]
		if err := complete(dir, b); err != nil {
			bad = append(bad, &Error{Code: CodeMissing, What: b.ID + " is not in " + dir, Do: `Run "sori models pull" to fetch it.`, Err: err})
			continue
		}
		for _, f := range b.Files {
			path := filepath.Join(dir, b.ID, f.Name)
			sum, err := sumFile(ctx, path)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				bad = append(bad, fileError("reading "+path, dir, err))
				continue
			}
			if sum == f.SHA256 {
				continue
			}
			bad = append(bad, &Error{
				Code: CodeDamaged,
				What: fmt.Sprintf("%s is damaged: its SHA-256 is %s instead of %s", path, sum, f.SHA256),
				Do:   `Run "sori models pull" to replace it.`,
			})
			if err := os.Remove(filepath.Join(dir, b.ID, stampName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				bad = append(bad, fileError("marking "+b.ID+" as damaged", dir, err))
			}
		}
	}
	return errors.Join(bad...)
}

// sumFile gives the SHA-256 of a file in hexadecimal.
func sumFile(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum, _, err := sumReader(ctx, f)
	return sum, err
}

// sumReader gives the SHA-256 of what r has in hexadecimal, and its size.
func sumReader(ctx context.Context, r io.Reader) (sum string, size int64, err error) {
	h := sha256.New()
	if size, err = io.Copy(h, &ctxReader{ctx, r}); err != nil {
		return "", size, err
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}

// ctxReader stops reading when its context ends.
type ctxReader struct {
	ctx context.Context //nolint:containedctx // lives for one copy, whose reads take no context
	r   io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}
