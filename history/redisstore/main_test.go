package redisstore_test

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"sori/history"
	"sori/history/historytest"
	"sori/history/redisstore"
	"sori/history/redisstore/redistest"
	"sori/redisconn"
)

func TestMain(m *testing.M) {
	redisconn.LogTo(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, url string, o redisstore.Options) *redisstore.Store {
	t.Helper()
	s, err := redisstore.Open(url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// places gives each store a prefix of its own, so that they share one Redis.
func places(url string, o redisstore.Options) func(t *testing.T) func(t *testing.T) history.Store {
	var n atomic.Int64
	return func(t *testing.T) func(t *testing.T) history.Store {
		t.Helper()
		o := o
		o.Prefix = fmt.Sprintf("%s:%d:", t.Name(), n.Add(1))
		return func(t *testing.T) history.Store { t.Helper(); return open(t, url, o) }
	}
}

func opener(url string, o redisstore.Options) func(t *testing.T) history.Store {
	place := places(url, o)
	return func(t *testing.T) history.Store { t.Helper(); return place(t)(t) }
}

func TestConformance(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	historytest.Run(t, opener(server.URL(), redisstore.Options{}))
}

func TestConformanceWithOneConnection(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	historytest.Run(t, opener(server.URL(), redisstore.Options{PoolSize: 1, Limit: 1000}))
}

func TestTrim(t *testing.T) {
	t.Parallel()
	historytest.Trim(t, 10, opener(redistest.Start(t).URL(), redisstore.Options{Limit: 10}))
}

func TestReopen(t *testing.T) {
	t.Parallel()
	historytest.Reopen(t, places(redistest.Start(t).URL(), redisstore.Options{Limit: 1_000_000}))
}

func TestConformanceOnACluster(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3)
	historytest.Run(t, opener(cluster.URL(), redisstore.Options{}))
	historytest.Trim(t, 10, opener(cluster.URL(), redisstore.Options{Limit: 10}))

	t.Run("users are spread", func(t *testing.T) {
		t.Parallel()
		s := open(t, cluster.URL(), redisstore.Options{Prefix: "spread:"})
		for n := range 30 {
			if err := s.Append(t.Context(), historytest.Turn(fmt.Sprintf("user-%d", n), n)); err != nil {
				t.Fatal(err)
			}
		}
		for i, node := range cluster.Nodes {
			if keys, ok := node.Do(t, "KEYS", "spread:{*:turns").([]any); !ok || len(keys) == 0 {
				t.Errorf("node %d has none of the users", i)
			}
		}
	})
}

func TestConformanceBehindSentinel(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	url := "redis+sentinel://" + server.Sentinel(t) + "/0?master_name=main"
	historytest.Run(t, opener(url, redisstore.Options{}))
}
