package history

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// MaxRecord bounds the JSON record of a turn, in bytes. A minute of speech and
// its answer make about 4 KB: only a fault makes more.
const MaxRecord = 16 << 20

// MaxID bounds the ids of turns and users, in bytes.
const MaxID = 128

// EncodeTurn makes the JSON record that stores keep. It wraps ErrInvalid for a
// turn without an ID, with an ID or user id that is longer than MaxID or not
// UTF-8, with a number or time that JSON can't hold, or over MaxRecord.
// Text that is not UTF-8 gets U+FFFD in place of the broken bytes.
func EncodeTurn(t *Turn) ([]byte, error) {
	if err := validIDs(t); err != nil {
		return nil, err
	}
	b, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("%w: turn %q: %w", ErrInvalid, t.ID, err)
	}
	if len(b) > MaxRecord {
		return nil, fmt.Errorf("%w: turn %q takes %d bytes, the limit is %d", ErrInvalid, t.ID, len(b), MaxRecord)
	}
	return b, nil
}

// DecodeTurn reads a record made by EncodeTurn. Fields that it doesn't know are
// left out, so that an older sori can read what a newer one wrote. It wraps
// ErrInvalid for anything that is not a record.
func DecodeTurn(record []byte) (Turn, error) {
	var t Turn
	if len(record) > MaxRecord {
		return Turn{}, fmt.Errorf("%w: a record of %d bytes, the limit is %d", ErrInvalid, len(record), MaxRecord)
	}
	if err := json.Unmarshal(record, &t); err != nil {
		return Turn{}, fmt.Errorf("%w: the record is not a turn: %w", ErrInvalid, err)
	}
	if err := validIDs(&t); err != nil {
		return Turn{}, err
	}
	return t, nil
}

func validIDs(t *Turn) error {
	switch {
	case t.ID == "":
		return fmt.Errorf("%w: it has no ID", ErrInvalid)
	case len(t.ID) > MaxID || !utf8.ValidString(t.ID):
		return fmt.Errorf("%w: its ID has %d bytes, or is not UTF-8; the limit is %d", ErrInvalid, len(t.ID), MaxID)
	default:
		return ValidUserID(t.UserID)
	}
}

// ValidUserID wraps ErrInvalid for a user id that is longer than MaxID bytes or
// not UTF-8. Everything else is a user id: ids are opaque.
func ValidUserID(id string) error {
	if len(id) > MaxID || !utf8.ValidString(id) {
		return fmt.Errorf("%w: the user id has %d bytes, or is not UTF-8; the limit is %d", ErrInvalid, len(id), MaxID)
	}
	return nil
}
