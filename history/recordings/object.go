package recordings

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"sori/history"
)

// Object is a recording in a bucket, open for reading. It asks for what is read,
// from where it is read. It is used by one goroutine at a time.
type Object struct {
	info objectInfo
	get  func(from int64) (io.ReadCloser, error)
	at   int64
	body io.ReadCloser // nil: nothing was asked for from here on
}

// objectInfo is a fs.FileInfo.
type objectInfo struct {
	name string
	size int64
	time time.Time
}

func (i objectInfo) Name() string       { return i.name }
func (i objectInfo) Size() int64        { return i.size }
func (i objectInfo) Mode() fs.FileMode  { return 0o400 }
func (i objectInfo) ModTime() time.Time { return i.time }
func (i objectInfo) IsDir() bool        { return false }
func (i objectInfo) Sys() any           { return nil }

// Open opens a recording for reading, until ctx ends; name is the last part of
// the path that Save gave. It wraps fs.ErrNotExist when there is no such
// recording, and ErrInvalid, too, for a name that none can have.
func (b *Bucket) Open(ctx context.Context, userID, name string) (*Object, error) {
	if _, _, ok := parse(name); !ok {
		return nil, fmt.Errorf("%w: %q: %w", ErrInvalid, name, fs.ErrNotExist)
	}
	object := b.object(userID, name)
	limited, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	found, err := b.core.StatObject(limited, b.bucket, object, minio.StatObjectOptions{})
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return nil, fmt.Errorf("recordings: open %s: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, b.explain("open "+name, err)
	}
	get := func(from int64) (io.ReadCloser, error) {
		var o minio.GetObjectOptions
		if err := o.SetMatchETag(found.ETag); err != nil {
			return nil, err
		}
		if from > 0 {
			if err := o.SetRange(from, 0); err != nil {
				return nil, err
			}
		}
		reading, stop := context.WithCancelCause(ctx)
		// The library reads a refusal to its end, however slowly it comes.
		late := time.AfterFunc(b.timeout, func() { stop(nil) })
		body, _, _, err := b.core.GetObject(reading, b.bucket, object, o)
		if !late.Stop() && err == nil {
			err = errors.Join(context.Canceled, body.Close())
		}
		if err != nil {
			stop(nil)
			return nil, b.explain("read "+name, err)
		}
		return &patient{body: body, stop: stop, patience: b.timeout, name: b.name}, nil
	}
	return &Object{info: objectInfo{name: name, size: found.Size, time: found.LastModified}, get: get}, nil
}

// patient is a body that ends when nothing of it arrives for too long.
type patient struct {
	body     io.ReadCloser
	stop     context.CancelCauseFunc
	patience time.Duration
	name     string
}

// Read reads what has arrived.
func (p *patient) Read(b []byte) (int, error) {
	late := fmt.Errorf("recordings: %w: %s sends nothing for %v", history.ErrUnavailable, p.name, p.patience)
	timer := time.AfterFunc(p.patience, func() { p.stop(late) })
	n, err := p.body.Read(b)
	if !timer.Stop() && err != nil && !errors.Is(err, io.EOF) {
		err = late
	}
	return n, err
}

// Close ends the transfer.
func (p *patient) Close() error {
	p.stop(nil)
	return p.body.Close()
}

// Stat tells the size and when it was saved.
func (o *Object) Stat() (fs.FileInfo, error) { return o.info, nil }

// Read reads on.
func (o *Object) Read(b []byte) (int, error) {
	if o.at >= o.info.size {
		return 0, io.EOF
	}
	if o.body == nil {
		body, err := o.get(o.at)
		if err != nil {
			return 0, err
		}
		o.body = body
	}
	n, err := o.body.Read(b)
	o.at += int64(n)
	if errors.Is(err, io.EOF) && o.at < o.info.size {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Seek moves to where the next Read reads. It transfers nothing.
func (o *Object) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += o.at
	case io.SeekEnd:
		offset += o.info.size
	}
	if offset < 0 {
		return 0, fmt.Errorf("recordings: seek before the start of %s", o.info.name)
	}
	if offset == o.at {
		return offset, nil
	}
	o.at = offset
	return offset, o.Close()
}

// Close ends what is being transferred.
func (o *Object) Close() error {
	if o.body == nil {
		return nil
	}
	body := o.body
	o.body = nil
	_ = body.Close() // it was broken off: that it says so is no news
	return nil
}

// List gives the user's recordings in the order of their names, which with
// UUIDv7 is that of time. An unknown user has none: that is no error.
func (b *Bucket) List(ctx context.Context, userID string) ([]Recording, error) {
	all, err := b.list(ctx, b.prefix+folderOf(userID)+"/")
	if err != nil {
		return nil, err
	}
	list := make([]Recording, 0, len(all))
	for _, r := range all {
		list = append(list, r.Recording)
	}
	return list, nil
}

// stored is a recording and the whole name of its object.
type stored struct {
	Recording
	key string
}

func (b *Bucket) list(ctx context.Context, under string) ([]stored, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the listing, also when it is left early
	var list []stored
	for o := range b.core.ListObjectsIter(ctx, b.bucket, minio.ListObjectsOptions{Prefix: under, Recursive: true}) {
		if o.Err != nil {
			return nil, b.explain("list", o.Err)
		}
		folder, name := path.Split(strings.TrimPrefix(o.Key, b.prefix))
		// Whatever else is in the bucket is not sori's: folders are u- or x-.
		if !strings.HasPrefix(folder, "u-") && !strings.HasPrefix(folder, "x-") || strings.Count(folder, "/") != 1 {
			continue
		}
		if turnID, kind, ok := parse(name); ok {
			list = append(list, stored{Recording{Name: name, TurnID: turnID, Kind: kind, Bytes: o.Size, Saved: o.LastModified}, o.Key})
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("recordings: list: %w", err)
	}
	return list, nil
}

// ExpireUser removes a user's recordings that were saved before a time.
func (b *Bucket) ExpireUser(ctx context.Context, userID string, before time.Time) (removed int, err error) {
	return b.expire(ctx, b.prefix+folderOf(userID)+"/", before)
}

// Expire removes all recordings that were saved before a time. It lists every
// one.
func (b *Bucket) Expire(ctx context.Context, before time.Time) (removed int, err error) {
	return b.expire(ctx, b.prefix, before)
}

func (b *Bucket) expire(ctx context.Context, under string, before time.Time) (removed int, err error) {
	list, err := b.list(ctx, under)
	if err != nil {
		return 0, err
	}
	for _, r := range list {
		if !r.Saved.Before(before) {
			continue
		}
		if err := b.remove(ctx, r.key); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// Used gives the bytes and the number of all recordings. It lists every one:
// ask it now and then, not with every turn.
func (b *Bucket) Used(ctx context.Context) (bytes int64, files int, err error) {
	list, err := b.list(ctx, b.prefix)
	if err != nil {
		return 0, 0, err
	}
	for _, r := range list {
		bytes += r.Bytes
	}
	return bytes, len(list), nil
}
