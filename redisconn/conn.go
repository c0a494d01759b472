// Package redisconn connects sori to Redis: a single server, Sentinel or
// Cluster, with or without TLS, with secrets from the address, a file or the
// environment. Everything of sori that keeps something in Redis shares one Conn.
package redisconn

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Options are the choices that an operator has. The zero value is a good one.
type Options struct {
	// Timeout bounds every call, connecting and one retry included; 0 is 2 s.
	Timeout time.Duration
	// PoolSize bounds the connections to each node; 0 is 20, or what the
	// address' pool_size says.
	PoolSize int
	// Getenv reads the environment for password_env and its like; nil: such an
	// address is refused.
	Getenv func(string) string
}

// Conn is a pool of connections to one Redis. It is safe for concurrent use.
type Conn struct {
	client   redis.UniversalClient
	name     string // the address for people, without secrets
	timeout  time.Duration
	replicas int // that have to have a turn before it is acknowledged

	once     sync.Once
	closeErr error
}

// Open makes a Conn to the Redis at address. It does not connect: Redis may be
// down now and come later. Its errors are those of the address. These are
// understood:
//
//	redis://[user:password@]host[:6379][/db]       one server; rediss:// with TLS
//	unix://[user:password@]/path/to/redis.sock     one server on this machine
//	redis+sentinel://[user:password@]host[:26379][,host…][/db]?master_name=NAME
//	redis+cluster://[user:password@]host[:6379][,host…]
//
// and rediss+sentinel://, rediss+cluster://. With Sentinel the user and password
// are the sentinels'; those of Redis are the parameters username and password.
// Besides the parameters of go-redis, but for timeouts and retries, which are
// sori's own, there are
//
//	password_file, password_env                    where Redis' password is: it is read at each connect
//	sentinel_password_file, sentinel_password_env  the same for the sentinels, read once
//	ca_file                                        certificates of those who may vouch for Redis; default: the system's
//	cert_file, key_file                            sori's own certificate and its key
//	server_name                                    the name in Redis' certificate; default: the host of the address
//	skip_verify=true                               takes every certificate: only for trying things out
//	replicas=N                                     a turn is safe once N replicas have it, too; default 0
func Open(address string, o Options) (*Conn, error) {
	if o.Timeout <= 0 {
		o.Timeout = 2 * time.Second
	}
	return connect(address, o)
}

// Client gives the client for commands. Calls go through Do, which bounds them.
func (c *Conn) Client() redis.UniversalClient { return c.client }

// String names the Redis for people: its address without user, password and
// parameters.
func (c *Conn) String() string { return c.name }

// Timeout is how long a call may take.
func (c *Conn) Timeout() time.Duration { return c.timeout }

// Do makes one bounded call and explains its error, see Explain.
func (c *Conn) Do(ctx context.Context, call func(ctx context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if err := call(limited); err != nil {
		return c.Explain(ctx, err)
	}
	return nil
}

// Close closes the connections. It is idempotent; every call after it wraps
// ErrClosed.
func (c *Conn) Close() error {
	c.once.Do(func() {
		if err := c.client.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
			c.closeErr = fmt.Errorf("redisconn: close %s: %w", c.name, err)
		}
	})
	return c.closeErr
}
