// Package redisstore keeps history in Redis, for several sori processes that
// serve the same users: a single node, Sentinel or Cluster.
//
// Keys, with the default prefix; USER is the user id, percent-escaped:
//
//	sori:{u:USER}:turns   list    one JSON record per turn, oldest first
//	sori:{u:USER}:ids     zset    the turns' ids in the same order: finds a turn that is there already
//	sori:{u:USER}:known   string  set once the user is in sori:users
//	sori:users            zset    user ids, in the order in which they were created
//
// The hash tag puts all keys of a user on one node of a Cluster. A turn is
// appended, and the list trimmed, by one script: one round trip, all or nothing.
//
// Redis should run with appendonly yes and maxmemory-policy noeviction: what it
// acknowledged is lost with its process otherwise.
package redisstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"sori/history"
)

// DefaultLimit is how many turns of a user are kept where Options say nothing.
const DefaultLimit = 10_000

// Options are the choices that an operator has. The zero value is a good one.
type Options struct {
	// Prefix starts every key; "" is "sori:". It may hold no braces.
	Prefix string
	// Limit is how many turns of each user are kept, the newest; 0 is
	// DefaultLimit. A turn that was trimmed is forgotten: appended once more it
	// would be new.
	Limit int
	// Timeout bounds every call, connecting and one retry included; 0 is 2 s.
	Timeout time.Duration
	// PoolSize bounds the connections to each node; 0 is 20, or what the URL's
	// pool_size says.
	PoolSize int
}

// Store is a history.Store in Redis. It is safe for concurrent use.
type Store struct {
	client  redis.UniversalClient
	name    string // the address for people, without secrets
	prefix  string
	limit   int
	timeout time.Duration
	scripts scripts

	once     sync.Once
	closed   chan struct{}
	closeErr error
}

var _ history.Store = (*Store)(nil)

// Open makes a store at url. It does not connect: Redis may be down now and
// come later; Ping tells. Its errors are those of the URL. These are understood,
// with the query parameters of go-redis, but for timeouts and retries, which
// are the store's own:
//
//	redis://[user:password@]host[:6379][/db]       one server; rediss:// with TLS
//	unix://[user:password@]/path/to/redis.sock     one server on this machine
//	redis+sentinel://[user:password@]host[:26379][,host…][/db]?master_name=NAME
//	redis+cluster://[user:password@]host[:6379][,host…]
//
// and rediss+sentinel://, rediss+cluster://. With Sentinel the user and password
// are the sentinels'; those of Redis are the parameters username and password.
func Open(url string, o Options) (*Store, error) {
	if o.Prefix == "" {
		o.Prefix = "sori:"
	}
	if o.Limit <= 0 {
		o.Limit = DefaultLimit
	}
	if o.Timeout <= 0 {
		o.Timeout = 2 * time.Second
	}
	client, name, err := connect(url, o)
	if err != nil {
		return nil, err
	}
	return &Store{
		client: client, name: name, prefix: o.Prefix, limit: o.Limit, timeout: o.Timeout,
		scripts: newScripts(), closed: make(chan struct{}),
	}, nil
}

// String names the store for people: its URL without user, password and
// parameters.
func (s *Store) String() string { return s.name }

// do makes one bounded call and explains its error.
func (s *Store) do(ctx context.Context, what string, call func(ctx context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("redisstore: %s: %w", what, err)
	}
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := call(limited); err != nil {
		return s.explain(ctx, what, err)
	}
	return nil
}

// Ping says whether Redis answers, and could take a turn.
func (s *Store) Ping(ctx context.Context) error {
	return s.do(ctx, "ping", func(ctx context.Context) error {
		// A write that changes nothing: a replica, a full Redis and one that
		// can't save refuse it, and answer PING.
		return s.scripts.probe.Run(ctx, s.client, []string{s.prefix + "ping"}).Err()
	})
}

// Close closes the connections. What was appended is in Redis already.
func (s *Store) Close() error {
	s.once.Do(func() {
		close(s.closed)
		if err := s.client.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
			s.closeErr = fmt.Errorf("redisstore: close %s: %w", s.name, err)
		}
	})
	return s.closeErr
}
