package redisconn

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// ErrUnavailable is what an error is that says that Redis can't be reached, or
// can't do this now, so that trying again later makes sense.
var ErrUnavailable = errors.New("redisconn: Redis is not available")

// ErrClosed is what every error of a Conn is that was closed.
var ErrClosed = errors.New("redisconn: the connection is closed")

// Error is what became of a call, for an operator. It is ErrUnavailable,
// ErrClosed, or neither.
type Error struct {
	is   error // ErrUnavailable, ErrClosed or nil
	text string
	err  error
}

// Error says what is wrong and what to do.
func (e *Error) Error() string { return e.text + ": " + e.err.Error() }

// Unwrap gives what go-redis said.
func (e *Error) Unwrap() error { return e.err }

// Is says whether target is this error's kind.
func (e *Error) Is(target error) bool { return e.is != nil && target == e.is }

// Explain tells an operator what went wrong. ctx is the caller's, without the
// Conn's own timeout: where the caller gave up, it is ctx' error. An error that
// is not Redis' nor the network's comes back as it is only when it is one of
// own, the caller's own.
func (c *Conn) Explain(ctx context.Context, err error, own ...error) error {
	for _, mine := range own {
		if errors.Is(err, mine) {
			return err
		}
	}
	switch {
	case errors.Is(err, redis.ErrClosed):
		return &Error{is: ErrClosed, text: c.name, err: err}
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return &Error{text: fmt.Sprintf("the certificate of %s is not trusted: name those who vouch for it with ca_file, or its name with server_name", c.name), err: err}
	}
	if errors.Is(err, errTooFew) {
		return &Error{is: ErrUnavailable, text: fmt.Sprintf("%s has it, but not %d of its replicas: look at INFO replication, or ask for fewer with replicas in the address", c.name, c.replicas), err: err}
	}
	answer, ok := errors.AsType[redis.Error](err)
	if !ok { // no answer at all
		return &Error{is: ErrUnavailable, text: fmt.Sprintf("no answer from %s within %v: is Redis running there?", c.name, c.timeout), err: err}
	}
	hint, passing := diagnose(answer.Error())
	if !passing {
		return &Error{text: fmt.Sprintf("%s refused: %s", c.name, hint), err: err}
	}
	return &Error{is: ErrUnavailable, text: fmt.Sprintf("%s: %s", c.name, hint), err: err}
}

// diagnose reads the code that starts Redis' error. passing says that the same
// call may work later.
func diagnose(message string) (hint string, passing bool) {
	code, _, _ := strings.Cut(strings.TrimPrefix(message, "ERR "), " ")
	switch code {
	case "LOADING":
		return "it is reading its data after a start: wait", true
	case "READONLY":
		return "it is a replica: point --store at the master, or use redis+sentinel", true
	case "OOM":
		return "its memory is full: raise maxmemory, or lower the limit of turns per user", true
	case "MISCONF":
		return "it can't save to its disk: look at its log", true
	case "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS", "UNBLOCKED", "MOVED", "ASK":
		return "nodes are missing or changing their roles: wait, or look at the cluster", true
	case "BUSY":
		return "a script keeps it busy: look for it with SLOWLOG", true
	case "max": // "ERR max number of clients reached"
		return "it has too many clients: raise maxclients", true
	case "NOAUTH", "WRONGPASS":
		return "it wants another user or password: put them into the URL", false
	case "NOPERM":
		return "its ACL keeps this user from sori's keys or scripts", false
	case "WRONGTYPE":
		return "a key of sori's is used by something else: give sori another prefix or database", false
	default:
		return "it said why", false
	}
}
