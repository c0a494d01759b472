package redisconn

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// errTooFew says that a write is at the master alone, or at too few replicas.
var errTooFew = errors.New("too few replicas answered in time")

// Replicas is how many replicas have to have what Replicated writes; 0: none.
func (c *Conn) Replicas() int { return c.replicas }

// Replicated runs a script whose keys are in one hash slot, as a call of Do, and
// waits until so many replicas have what it wrote as the address asks for. A
// master that dies after that takes nothing with it. An error that is
// ErrUnavailable may mean that the master has it and too few replicas do: the
// script has to write something each time, else nothing is waited for.
func (c *Conn) Replicated(ctx context.Context, s *redis.Script, keys []string, args ...any) *redis.Cmd {
	if c.replicas == 0 {
		return s.Run(ctx, c.client, keys, args...)
	}
	node, err := c.nodeOf(ctx, keys[0])
	if err != nil {
		return failed(ctx, err)
	}
	// WAIT is about the writes of its own connection: a pipeline has one.
	half := c.timeout / 2
	said, acks, err := pair(ctx, node, func(p redis.Pipeliner) *redis.Cmd { return s.EvalSha(ctx, p, keys, args...) }, c.replicas, half)
	if redis.HasErrorPrefix(said.Err(), "NOSCRIPT") {
		said, acks, err = pair(ctx, node, func(p redis.Pipeliner) *redis.Cmd { return s.Eval(ctx, p, keys, args...) }, c.replicas, half)
	}
	switch {
	case said.Err() != nil:
		return said
	case err != nil:
		return failed(ctx, err)
	case acks < c.replicas:
		return failed(ctx, errTooFew)
	}
	return said
}

// pair sends a script and the question how many replicas have what it wrote.
func pair(ctx context.Context, node *redis.Client, script func(redis.Pipeliner) *redis.Cmd, replicas int, most time.Duration) (said *redis.Cmd, acks int, err error) {
	p := node.Pipeline()
	said = script(p)
	count := p.Do(ctx, "WAIT", replicas, most.Milliseconds())
	if _, err = p.Exec(ctx); err == nil {
		acks, err = count.Int()
	}
	return said, acks, err
}

// nodeOf is the client of the master that has the key.
func (c *Conn) nodeOf(ctx context.Context, key string) (*redis.Client, error) {
	switch client := c.client.(type) {
	case *redis.ClusterClient:
		return client.MasterForKey(ctx, key)
	case *redis.Client:
		return client, nil
	default:
		return nil, errors.New("this kind of Redis client knows no masters")
	}
}

func failed(ctx context.Context, err error) *redis.Cmd {
	cmd := redis.NewCmd(ctx)
	cmd.SetErr(err)
	return cmd
}
