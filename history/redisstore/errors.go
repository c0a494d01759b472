package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"sori/history"
)

// explain tells an operator what went wrong. ctx is the caller's, without the
// store's own timeout.
func (s *Store) explain(ctx context.Context, what string, err error) error {
	switch {
	case errors.Is(err, redis.ErrClosed):
		return fmt.Errorf("redisstore: %s: %w", what, history.ErrClosed)
	case errors.Is(err, history.ErrNoUser), errors.Is(err, history.ErrNoTurn), errors.Is(err, history.ErrInvalid):
		return fmt.Errorf("redisstore: %s: %w", what, err)
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("redisstore: %s: %w", what, ctx.Err())
	}
	answer, ok := errors.AsType[redis.Error](err)
	if !ok { // no answer at all
		return fmt.Errorf("redisstore: %s: %w: no answer from %s within %v: is Redis running there? %w", what, history.ErrUnavailable, s.name, s.timeout, err)
	}
	hint, passing := diagnose(answer.Error())
	if !passing {
		return fmt.Errorf("redisstore: %s: %s refused: %s: %w", what, s.name, hint, err)
	}
	return fmt.Errorf("redisstore: %s: %w: %s: %s: %w", what, history.ErrUnavailable, s.name, hint, err)
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
