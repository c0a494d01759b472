package history

import (
	"context"
	"errors"
)

// ErrNoUser is returned for a user that the store has never seen.
var ErrNoUser = errors.New("history: no such user")

// ErrUnavailable is wrapped by every error that says that the store can't be
// reached or can't write now, so that trying again later makes sense.
var ErrUnavailable = errors.New("history: the store is not available")

// ErrInvalid is wrapped by an error that says that a turn can never be stored
// as it is: trying again is of no use.
var ErrInvalid = errors.New("history: the turn can't be stored")

// ErrNoTurn is returned by Page for a turn that the user doesn't have (any more).
var ErrNoTurn = errors.New("history: no such turn")

// ErrFenced is wrapped by the error for a turn whose session is another
// process' by now: it is that process' to answer and to write, and the turn is
// not stored, now or later.
var ErrFenced = errors.New("history: another process has the turn's session")

// ErrClosed is wrapped by every error of a store that was closed.
var ErrClosed = errors.New("history: the store is closed")

// Store keeps turns. Implementations are safe for concurrent use; each method
// obeys its context. Consumers declare the part of it that they need; this is
// what the conformance suite in historytest holds an implementation to.
type Store interface {
	// Append adds a turn, creating its user when new. It is idempotent: a turn
	// whose ID the user already has is not added again. When it returns nil, the
	// turn survives the death of the process. ErrInvalid when it never can;
	// ErrFenced, of a store that several processes share, for a turn with a Fence
	// that is lower than its session's.
	Append(ctx context.Context, t Turn) error
	// Recent gives the user's last n turns, oldest first; fewer, or none, when
	// there are no more. An unknown user has none: that is no error.
	Recent(ctx context.Context, userID string, n int) ([]Turn, error)
	// Page gives up to n turns that came before the turn with ID before, newest
	// first; before "" starts at the newest. more says whether older ones exist.
	// ErrNoTurn when before is no turn of the user.
	Page(ctx context.Context, userID, before string, n int) (turns []Turn, more bool, err error)
	// EnsureUser creates the user when new and says whether it did.
	EnsureUser(ctx context.Context, userID string) (created bool, err error)
	// HasUser says whether the user exists.
	HasUser(ctx context.Context, userID string) (bool, error)
	// UserIDs gives all users in the order in which they were created.
	UserIDs(ctx context.Context) ([]string, error)
	// DeleteUser removes the user and all its turns; ErrNoUser when unknown.
	DeleteUser(ctx context.Context, userID string) error
	// Ping says whether the store can serve now.
	Ping(ctx context.Context) error
	// Close flushes and closes the store. It is idempotent; every other method
	// wraps ErrClosed after it.
	Close() error
}
