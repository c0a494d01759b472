package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sori/history/recordings"
	"sori/server"
	"sori/session"
)

// records is where the audio of turns is kept.
type records interface {
	session.Recordings
	server.Recordings
	List(ctx context.Context, userID string) ([]recordings.Recording, error)
	DeleteUser(ctx context.Context, userID string) error
	Expire(ctx context.Context, before time.Time) (removed int, err error)
	ExpireUser(ctx context.Context, userID string, before time.Time) (removed int, err error)
	io.Closer
}

// inFolder is a folder of recordings as the server sees it.
type inFolder struct{ *recordings.Folder }

// Open opens a recording.
func (r inFolder) Open(ctx context.Context, userID, name string) (server.RecordingFile, error) {
	f, _, err := r.Folder.Open(ctx, userID, name)
	if err != nil {
		return nil, err // not f: a nil file in an interface is none
	}
	return f, nil
}

// inBucket is a bucket of recordings as the server sees it.
type inBucket struct{ *recordings.Bucket }

// Open opens a recording.
func (r inBucket) Open(ctx context.Context, userID, name string) (server.RecordingFile, error) {
	f, err := r.Bucket.Open(ctx, userID, name)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// moved saves to a bucket; what an earlier sori left in a folder stays readable,
// and goes with its user and by its age.
type moved struct {
	inBucket
	before inFolder
}

// Open opens a recording.
func (m moved) Open(ctx context.Context, userID, name string) (server.RecordingFile, error) {
	f, err := m.before.Open(ctx, userID, name)
	if errors.Is(err, fs.ErrNotExist) {
		return m.inBucket.Open(ctx, userID, name)
	}
	return f, err
}

// List gives the user's recordings, the older ones first.
func (m moved) List(ctx context.Context, userID string) ([]recordings.Recording, error) {
	older, err := m.before.List(ctx, userID)
	if err != nil {
		return nil, err
	}
	newer, err := m.inBucket.List(ctx, userID)
	return append(older, newer...), err
}

// DeleteUser removes all recordings of the user.
func (m moved) DeleteUser(ctx context.Context, userID string) error {
	return errors.Join(m.before.DeleteUser(ctx, userID), m.inBucket.DeleteUser(ctx, userID))
}

// Expire removes what was saved before a time.
func (m moved) Expire(ctx context.Context, before time.Time) (int, error) {
	n, err := m.before.Expire(ctx, before)
	k, bucketErr := m.inBucket.Expire(ctx, before)
	return n + k, errors.Join(err, bucketErr)
}

// ExpireUser removes what was saved of a user before a time.
func (m moved) ExpireUser(ctx context.Context, userID string, before time.Time) (int, error) {
	n, err := m.before.ExpireUser(ctx, userID, before)
	k, bucketErr := m.inBucket.ExpireUser(ctx, userID, before)
	return n + k, errors.Join(err, bucketErr)
}

// Close ends the use of both.
func (m moved) Close() error { return errors.Join(m.before.Close(), m.inBucket.Close()) }

// inBucket says whether recordings go to a bucket.
func (m *memory) inBucket() bool { return strings.HasPrefix(m.Recordings, "s3://") }

// openRecordings opens where recordings are to be kept, and the folder where some
// were: they stay readable, and go with their users.
func (p *parts) openRecordings(ctx context.Context) error {
	_, err := os.Stat(filepath.Join(p.dataDir, "recordings"))
	wanted := p.Recordings == recordFolder || !errors.Is(err, fs.ErrNotExist)
	var folder inFolder
	if wanted {
		f, fault := recordings.Open(p.dataDir)
		if fault != nil {
			return fault
		}
		folder = inFolder{f}
		p.records = folder
	}
	if !p.inBucket() {
		return nil
	}
	b, err := recordings.OpenBucket(p.Recordings, recordings.BucketOptions{Getenv: p.getenv})
	if err != nil {
		return err
	}
	p.bucket = b
	if p.records = (inBucket{b}); wanted {
		p.records = moved{inBucket{b}, folder}
	}
	if err := b.Check(ctx); err != nil {
		// Turns go on without recordings until it is back.
		p.log.WarnContext(ctx, "the bucket of recordings does not answer as it should", "error", err)
	}
	return nil
}
