package redisconn

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// minPool is the smallest sane pool: twenty sessions that end a turn together
// don't queue.
const minPool = 20

// connect makes the connection that the URL asks for.
func connect(address string, o Options) (*Conn, error) {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return nil, errors.New("redisconn: the address is no URL: it should look like redis://127.0.0.1:6379/0")
	}
	c := &Conn{name: scheme + "://" + public(rest), timeout: o.Timeout}
	transport, kind, _ := strings.Cut(scheme, "+")
	rest, own, err := ownParameters(rest)
	if err == nil && transport != "rediss" {
		err = own.wantNoTLS()
	}
	if err == nil {
		c.replicas, err = own.replicas()
	}
	if err != nil {
		return nil, fmt.Errorf("redisconn: the address of Redis: %w", err)
	}
	s, err := own.read(o.Getenv)
	if err != nil {
		return nil, fmt.Errorf("redisconn: the address of Redis: %w", err)
	}
	switch {
	case kind == "" && (transport == "redis" || transport == "rediss" || transport == "unix"):
		c.client, err = single(scheme+"://"+rest, o, s)
	case kind == "sentinel" && (transport == "redis" || transport == "rediss"):
		c.client, err = sentinel(transport+"://"+hosts(rest, "26379"), o, s)
	case kind == "cluster" && (transport == "redis" || transport == "rediss"):
		c.client, err = cluster(transport+"://"+hosts(rest, "6379"), o, s)
	default:
		err = fmt.Errorf("the scheme %q is unknown: use redis, rediss, unix, redis+sentinel or redis+cluster", scheme)
	}
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // url.Error prints the URL, password included
		}
		return nil, fmt.Errorf("redisconn: the address of Redis: %w", err)
	}
	return c, nil
}

// public leaves user, password and parameters out.
func public(rest string) string {
	rest, _, _ = strings.Cut(rest, "?")
	return rest[strings.LastIndex(rest, "@")+1:]
}

// hosts turns "user@a,b:1/db?x=y" into "user@a:port/db?x=y&addr=b:1", as go-redis
// wants it.
func hosts(rest, port string) string {
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	authority, tail := rest[:end], rest[end:]
	at := strings.LastIndex(authority, "@") + 1
	list := strings.Split(authority[at:], ",")
	for i, host := range list {
		if _, _, err := net.SplitHostPort(host); err != nil && host != "" {
			list[i] = net.JoinHostPort(strings.Trim(host, "[]"), port)
		}
	}
	path, query, _ := strings.Cut(tail, "?")
	for _, host := range list[1:] {
		query = strings.TrimPrefix(query+"&addr="+url.QueryEscape(host), "&")
	}
	out := authority[:at] + list[0] + path
	if query != "" {
		out += "?" + query
	}
	return out
}

// The three kinds of client get the same timeouts. One retry is for a pooled
// connection that died with a Redis that is back; the rest is the Keeper's.
// The notifications and the identity that go-redis sends are of Redis' cloud,
// and cost every connection a round trip.

func single(address string, o Options, s secrets) (redis.UniversalClient, error) {
	c, err := redis.ParseURL(address)
	if err != nil {
		return nil, err
	}
	c.TLSConfig = s.tls(c.TLSConfig)
	if s.password != nil {
		c.CredentialsProviderContext = s.credentials(c.Username, c.Password)
	}
	c.PoolSize = poolSize(o, c.PoolSize)
	c.MaxRetries, c.MinRetryBackoff, c.MaxRetryBackoff = 1, time.Millisecond, 10*time.Millisecond
	c.DialTimeout, c.ReadTimeout, c.WriteTimeout, c.PoolTimeout = o.Timeout, o.Timeout, o.Timeout, o.Timeout
	c.DialerRetries, c.ContextTimeoutEnabled = 1, true
	c.DisableIdentity, c.MaintNotificationsConfig = true, quiet()
	return redis.NewClient(c), nil
}

func sentinel(address string, o Options, s secrets) (redis.UniversalClient, error) {
	c, err := redis.ParseFailoverURL(address)
	if err != nil {
		return nil, err
	}
	if c.MasterName == "" {
		return nil, errors.New("with Sentinel it needs ?master_name=NAME, the name that the sentinels know")
	}
	if s.sentinelPassword != "" {
		c.SentinelPassword = s.sentinelPassword
	}
	c.TLSConfig = s.tls(c.TLSConfig)
	if s.password != nil {
		c.CredentialsProviderContext = s.credentials(c.Username, c.Password)
	}
	c.PoolSize = poolSize(o, c.PoolSize)
	c.MaxRetries, c.MinRetryBackoff, c.MaxRetryBackoff = 1, time.Millisecond, 10*time.Millisecond
	c.DialTimeout, c.ReadTimeout, c.WriteTimeout, c.PoolTimeout = o.Timeout, o.Timeout, o.Timeout, o.Timeout
	c.DialerRetries, c.ContextTimeoutEnabled = 1, true
	c.DisableIdentity = true
	return redis.NewFailoverClient(c), nil
}

func cluster(address string, o Options, s secrets) (redis.UniversalClient, error) {
	c, err := redis.ParseClusterURL(address)
	if err != nil {
		return nil, err
	}
	c.TLSConfig = s.tls(c.TLSConfig)
	if s.password != nil {
		c.CredentialsProviderContext = s.credentials(c.Username, c.Password)
	}
	c.PoolSize = poolSize(o, c.PoolSize)
	c.MaxRedirects, c.MinRetryBackoff, c.MaxRetryBackoff = 3, time.Millisecond, 10*time.Millisecond
	c.DialTimeout, c.ReadTimeout, c.WriteTimeout, c.PoolTimeout = o.Timeout, o.Timeout, o.Timeout, o.Timeout
	c.DialerRetries, c.ContextTimeoutEnabled = 1, true
	c.DisableIdentity, c.MaintNotificationsConfig = true, quiet()
	return redis.NewClusterClient(c), nil
}

func quiet() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

func poolSize(o Options, ofURL int) int {
	switch {
	case o.PoolSize > 0:
		return o.PoolSize
	case ofURL > 0:
		return ofURL
	default:
		return minPool
	}
}
