package auth

import (
	"context"
	"time"
)

// Kind is the way in which a caller showed who it is.
type Kind string

// The ways in.
const (
	KindOpen  Kind = "open"  // nobody has to show anything: sori runs open
	KindKey   Kind = "key"   // an API key
	KindToken Kind = "token" // a session token, made with a key or a JWT
	KindJWT   Kind = "jwt"   // a JSON Web Token of the identity provider
)

// Principal is a caller that showed who it is. It is a value: what it says was
// true when the credential was looked at.
type Principal struct {
	Kind Kind
	// User is the one user that the caller is. "" is a caller that speaks for any
	// user it names: a backend's key, or everybody where sori runs open.
	User string
	// KeyID is the public id of the key behind the credential, "" without one.
	KeyID string
	// TokenID is the public id of a session token, "" for other kinds.
	TokenID string
	// Admin may see and change every user's data, and what sori measures.
	Admin bool
	// Expires is when the credential ends; zero: never.
	Expires time.Time
	// Until is when whoever came in with the credential has to leave, though nobody
	// revoked it: the end of the JSON Web Token that it is, or was made with; zero:
	// never.
	Until time.Time
	// Settings is what was put into a session token when it was made, as JSON.
	Settings []byte
}

// Open is everybody, where sori runs without authentication.
func Open() Principal { return Principal{Kind: KindOpen, Admin: true} }

// May says whether the caller may see and change what belongs to the user.
func (p Principal) May(user string) bool {
	return p.Admin || p.Kind != "" && (p.User == "" || p.User == user)
}

// Speaks says whether the caller may open a session, or run a turn, as the user.
// An admin that is bound to a user speaks as that user alone.
func (p Principal) Speaks(user string) bool {
	return p.Kind != "" && (p.User == "" || p.User == user)
}

// Owner names who owns what the caller opens, such as a session: the same for
// two credentials of one user, for a backend's key the key. A session may be
// resumed by its owner alone. It holds no secret and may be stored.
func (p Principal) Owner() string {
	switch {
	case p.Kind == KindOpen:
		return "open"
	case p.User != "":
		return "user:" + p.User
	case p.KeyID != "":
		return "key:" + p.KeyID
	default:
		return ""
	}
}

// contextKey is the key of the principal in a context.
type contextKey struct{}

// NewContext gives a context that holds the principal.
func NewContext(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// FromContext gives the principal in the context. Without one it is the zero
// Principal, which may do nothing.
func FromContext(ctx context.Context) Principal {
	p, _ := ctx.Value(contextKey{}).(Principal)
	return p
}
