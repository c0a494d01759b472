// Package redisstore keeps history in Redis, for several sori processes that
// serve the same users: a single node, Sentinel or Cluster.
//
// Keys, with the default prefix; USER is the user id, percent-escaped:
//
//	sori:{u:USER}:turns   list    one JSON record per turn, oldest first
//	sori:{u:USER}:ids     zset    the turns' ids in the same order: finds a turn that is there already
//	sori:{u:USER}:known   string  set once the user is in sori:users
//	sori:{u:USER}:s:ID    hash    a session's, of package cluster; its fence says who may still write turns
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
	"sori/redisconn"
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
	conn    *redisconn.Conn
	own     bool // conn is closed with the store
	client  redis.UniversalClient
	names   redisconn.Keys
	limit   int
	scripts scripts

	once     sync.Once
	closed   chan struct{}
	closeErr error
}

var _ history.Store = (*Store)(nil)

// Open makes a store with a connection of its own to the Redis at an address as
// redisconn.Open takes it. It does not connect: Redis may be down now and come
// later; Ping tells.
func Open(address string, o Options) (*Store, error) {
	conn, err := redisconn.Open(address, redisconn.Options{Timeout: o.Timeout, PoolSize: o.PoolSize})
	if err != nil {
		return nil, fmt.Errorf("redisstore: %w", err)
	}
	s, err := New(conn, o)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	s.own = true
	return s, nil
}

// New makes a store on a connection that it shares with others: whoever opened
// it closes it, after the store. Timeout and PoolSize are the connection's.
func New(conn *redisconn.Conn, o Options) (*Store, error) {
	names, err := redisconn.NewKeys(o.Prefix)
	if err != nil {
		return nil, fmt.Errorf("redisstore: %w", err)
	}
	if o.Limit <= 0 {
		o.Limit = DefaultLimit
	}
	return &Store{conn: conn, client: conn.Client(), names: names, limit: o.Limit, scripts: newScripts(), closed: make(chan struct{})}, nil
}

// String names the store for people: its address without user, password and
// parameters.
func (s *Store) String() string { return s.conn.String() }

// do makes one bounded call and explains its error.
func (s *Store) do(ctx context.Context, what string, call func(ctx context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("redisstore: %s: %w", what, err)
	}
	limited, cancel := context.WithTimeout(ctx, s.conn.Timeout())
	defer cancel()
	err := s.live()
	if err == nil {
		err = call(limited)
	}
	if err != nil {
		return s.explain(ctx, what, err)
	}
	return nil
}

// Ping says whether Redis answers, and could take a turn.
func (s *Store) Ping(ctx context.Context) error {
	return s.do(ctx, "ping", func(ctx context.Context) error {
		// A write that changes nothing: a replica, a full Redis and one that
		// can't save refuse it, and answer PING.
		return s.scripts.probe.Run(ctx, s.client, []string{s.names.Shared("ping")}).Err()
	})
}

// Close closes the store. What was appended is in Redis already.
func (s *Store) Close() error {
	s.once.Do(func() {
		close(s.closed)
		if s.own {
			s.closeErr = s.conn.Close()
		}
	})
	return s.closeErr
}
