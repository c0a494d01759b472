package auth

import (
	"context"
	"time"
)

// Store keeps keys and tokens: small records by kind and id. It is what the
// history's store has beside turns, so that there is one place to back up, and
// so that every process that shares it knows the same keys.
type Store interface {
	// PutRecord keeps a record under its kind and id, in the place of an earlier
	// one, until expires; zero: for good.
	PutRecord(ctx context.Context, kind, id string, record []byte, expires time.Time) error
	// Record gives a record; ok is false where there is none, or none any more.
	Record(ctx context.Context, kind, id string) (record []byte, ok bool, err error)
	// Records gives all records of a kind by their ids.
	Records(ctx context.Context, kind string) (map[string][]byte, error)
	// DeleteRecord removes a record. That there is none is no error.
	DeleteRecord(ctx context.Context, kind, id string) error
}

// The kinds of records that this package keeps.
const (
	kindKeys   = "key"
	kindTokens = "token"
)
