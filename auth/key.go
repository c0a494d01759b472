package auth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Key is what is kept of an API key. The key itself is nowhere: it is shown once,
// when it is made.
type Key struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"` // what it is for, in its owner's words
	Hash    string    `json:"hash"` // of the secret part, SHA-256 in hexadecimal
	User    string    `json:"user"` // the one user that it is; "" speaks for any user
	Admin   bool      `json:"admin"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"` // zero: never
	Revoked time.Time `json:"revoked,omitzero"` // zero: it is good
}

// Prefix is how the key begins: what can be shown of it.
func (k *Key) Prefix() string { return keyPrefix + k.ID }

// State is "good", "expired" or "revoked".
func (k *Key) State(now time.Time) string {
	switch err := k.check(now); {
	case errors.Is(err, ErrRevoked):
		return "revoked"
	case errors.Is(err, ErrExpired):
		return "expired"
	default:
		return "good"
	}
}

func (k *Key) check(now time.Time) error {
	switch {
	case !k.Revoked.IsZero():
		return ErrRevoked
	case !k.Expires.IsZero() && !now.Before(k.Expires):
		return ErrExpired
	default:
		return nil
	}
}

func (k *Key) principal() Principal {
	return Principal{Kind: KindKey, User: k.User, KeyID: k.ID, Admin: k.Admin, Expires: k.Expires}
}

// ErrNoKey is returned for an id that no key has.
var ErrNoKey = errors.New("auth: there is no such key")

// Keys makes, lists and revokes API keys.
type Keys struct {
	Store Store
}

// Make makes a key of the given name, user, scope and end, and gives its text,
// which is nowhere else. The other fields of k are set here.
func (s Keys) Make(ctx context.Context, k Key) (text string, made Key, err error) {
	var secret string
	k.ID, secret, k.Hash = newSecret()
	k.Created, k.Revoked = time.Now().UTC().Truncate(time.Second), time.Time{}
	if err := s.put(ctx, &k); err != nil {
		return "", Key{}, err
	}
	return k.Prefix() + "_" + secret, k, nil
}

func (s Keys) put(ctx context.Context, k *Key) error {
	record, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("auth: the key %s: %w", k.ID, err)
	}
	// It stays when it has expired: a list should tell of it.
	if err := s.Store.PutRecord(ctx, kindKeys, k.ID, record, time.Time{}); err != nil {
		return fmt.Errorf("auth: keep the key %s: %w", k.ID, err)
	}
	return nil
}

// List gives all keys, the oldest first.
func (s Keys) List(ctx context.Context) ([]Key, error) {
	records, err := s.Store.Records(ctx, kindKeys)
	if err != nil {
		return nil, fmt.Errorf("auth: list the keys: %w", err)
	}
	keys := make([]Key, 0, len(records))
	for id, record := range records {
		k, err := decodeKey(id, record)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b Key) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return keys, nil
}

// Revoke ends a key for good. A key that is revoked already stays so. ErrNoKey
// where there is none.
func (s Keys) Revoke(ctx context.Context, id string) (Key, error) {
	record, ok, err := s.Store.Record(ctx, kindKeys, id)
	if err != nil {
		return Key{}, fmt.Errorf("auth: read the key %s: %w", id, err)
	}
	if !ok {
		return Key{}, fmt.Errorf("%w: %s", ErrNoKey, id)
	}
	k, err := decodeKey(id, record)
	if err != nil || !k.Revoked.IsZero() {
		return k, err
	}
	k.Revoked = time.Now().UTC().Truncate(time.Second)
	return k, s.put(ctx, &k)
}

func decodeKey(id string, record []byte) (Key, error) {
	var k Key
	if err := json.Unmarshal(record, &k); err != nil || k.ID != id {
		return Key{}, fmt.Errorf("auth: the record of the key %s is damaged: make another key and revoke this one: %w", id, err)
	}
	return k, nil
}
