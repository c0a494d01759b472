package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// How long a session token may be good.
const (
	MinTokenLife     = 10 * time.Second
	MaxTokenLife     = 2 * time.Hour
	DefaultTokenLife = 10 * time.Minute
)

// Why no token is made.
var (
	// ErrNoTokens says that the caller may make none: it came with one itself.
	ErrNoTokens = errors.New("auth: a session token can't make another one")
	// ErrTooMany says that the caller makes too many.
	ErrTooMany = errors.New("auth: too many session tokens")
	// ErrNotUser says that the caller may not speak for the user.
	ErrNotUser = errors.New("auth: the caller may not speak for this user")
	// ErrLife says that a token may not be good for so long, or so short.
	ErrLife = fmt.Errorf("auth: a session token is good for %v to %v", MinTokenLife, MaxTokenLife)
)

// token is what is kept of a session token.
type token struct {
	ID       string          `json:"id"`
	Hash     string          `json:"hash"`
	User     string          `json:"user"`
	KeyID    string          `json:"key"` // the key that made it, "" for a JWT
	Expires  time.Time       `json:"expires"`
	Until    time.Time       `json:"until,omitzero"` // the end of the JSON Web Token that made it
	Settings json.RawMessage `json:"settings,omitempty"`
}

func (t *token) principal() Principal {
	return Principal{Kind: KindToken, User: t.User, KeyID: t.KeyID, TokenID: t.ID, Expires: t.Expires, Until: t.Until, Settings: t.Settings}
}
