// Package resume is what several processes say to each other about a session
// that outlives its connection, and its process: who holds it, where it stands,
// and what its client has not seen yet. It holds types and no code, so that the
// edge, which uses a directory, and the directory, which knows its technology,
// need not know each other.
package resume

import (
	"context"
	"errors"
)

// ErrNoSession says that there is nothing to take over: the session is unknown or
// has ended, or id, key and owner do not belong together. Which of these it is
// nobody is told.
var ErrNoSession = errors.New("resume: there is no such session")

// ErrFenced says that another process has taken the session since.
var ErrFenced = errors.New("resume: another process holds the session")

// Session is a session as it is entered into a directory.
type Session struct {
	ID      string
	User    string // whose history it is: the place of everything that is kept of the session
	Owner   string // who opened it, as authentication says; "" where nobody is asked
	KeyHash string // SHA-256 of the key that resumes it, in hex
}

// Claim is what a client that wants its session shows.
type Claim struct {
	ID      string
	KeyHash string
	Owner   string
	Seen    uint64 // number of the last server message that it has processed
}

// Directory is what processes share about their sessions. It is safe for
// concurrent use.
type Directory interface {
	// Open enters a new session as held by this process.
	Open(ctx context.Context, s Session) (Lease, error)
	// Take gets a session that another process holds, or held. It asks a living
	// holder to hand it over, and waits for that or for the end of a dead one's
	// lease; ctx bounds the wait. The error is [ErrNoSession] where there is
	// nothing to take.
	Take(ctx context.Context, c Claim) (Lease, Inheritance, error)
}

// Lease is the right of one process to act for a session. Save and Append do not
// block and may be called until Release; Release is called once.
type Lease interface {
	// Fence grows with each holder. What is written with a lower one than the
	// latest is refused.
	Fence() uint64
	// Lost is closed when somebody else holds the session: act no more. A
	// directory that can't be reached does not close it.
	Lost() <-chan struct{}
	// Asked is closed when another process wants the session: hand it over.
	Asked() <-chan struct{}
	// Save keeps where the session stands, in words that only its holders know. The
	// latest one counts.
	Save(state []byte)
	// Append adds to the log what was said to the client, or would have been.
	// Where it can't keep up it drops, and an heir is told how many are missing.
	// It keeps m.Data: the caller does not change it.
	Append(m Message)
	// Flush writes at once what was appended and saved so far. Without an error an
	// heir has it.
	Flush(ctx context.Context) error
	// Release writes what is under way and gives the session up: for the next
	// holder, or, where it has ended, for good.
	Release(ctx context.Context, ended bool) error
}

// Message is one message of the server, as it went to the client.
type Message struct {
	Seq    uint64
	Binary bool
	Data   []byte
}

// Inheritance is what a holder finds of the ones before it.
type Inheritance struct {
	Session Session
	State   []byte    // as it was saved last; nil: never
	Log     []Message // what the client has not seen, in order
	LastSeq uint64    // of the last message that was logged; 0: none
	Clean   bool      // the session was handed over; its holder did not die
}
