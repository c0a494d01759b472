package redisledger_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"sori/history/redisstore/redistest"
	"sori/quota"
	"sori/quota/quotatest"
	"sori/quota/redisledger"
	"sori/redisconn"
)

func TestMain(m *testing.M) {
	redisconn.LogTo(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

func client(t *testing.T, addrs []string, isCluster bool) redis.UniversalClient {
	t.Helper()
	c := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: addrs, IsClusterMode: isCluster})
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestRedis(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	quotatest.Run(t, func(t *testing.T) quota.Ledger {
		t.Helper()
		return redisledger.New(client(t, []string{s.Addr()}, false))
	})
}

func TestCluster(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3)
	addrs := make([]string, 0, len(cluster.Nodes))
	for _, n := range cluster.Nodes {
		addrs = append(addrs, n.Addr())
	}
	quotatest.Run(t, func(t *testing.T) quota.Ledger {
		t.Helper()
		return redisledger.New(client(t, addrs, true))
	})
}

// Nothing stays in Redis of an account that nobody uses.
func TestEverythingEnds(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	c := client(t, []string{s.Addr()}, false)
	_, err := redisledger.New(c).Sync(t.Context(), "user:10", quota.Report{
		Process: "a", Sessions: 1, TTL: time.Minute, Turns: 1, Audio: time.Second, Bytes: 5,
	})
	if err != nil {
		t.Fatal(err)
	}
	keys := c.Keys(t.Context(), "*").Val()
	if len(keys) != 4 {
		t.Errorf("keys %v", keys)
	}
	for _, k := range keys {
		ttl := c.PTTL(t.Context(), k).Val()
		if kept := strings.HasSuffix(k, ":bytes"); !strings.HasPrefix(k, "sori:{u:10}:quota:") || kept != (ttl < 0) {
			t.Errorf("%s ends in %v", k, ttl)
		}
	}
}

func TestRedisThatIsAway(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := redisledger.New(client(t, []string{"127.0.0.1:1"}, false)).Sync(ctx, "user:10", quota.Report{Process: "a"})
	if err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
