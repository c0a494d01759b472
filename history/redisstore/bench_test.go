package redisstore_test

import (
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"

	"sori/history"
	"sori/history/historytest"
	"sori/history/redisstore"
	"sori/history/redisstore/redistest"
)

// prepared gives a store in which one user has size turns, and 20 more.
func prepared(b *testing.B, url string, size int) *redisstore.Store {
	b.Helper()
	o := redisstore.Options{Prefix: fmt.Sprintf("%d:", size), Limit: 1 << 30}
	s := open(b, url, o)
	// The script's own two commands, many at once: a round trip each would take minutes.
	opts, err := redis.ParseURL(url)
	if err != nil {
		b.Fatal(err)
	}
	client := redis.NewClient(opts)
	pipe := client.Pipeline()
	flush := func() {
		if _, err := pipe.Exec(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	for n := range size {
		turn := historytest.Turn("10", n)
		record, err := history.EncodeTurn(&turn)
		if err != nil {
			b.Fatal(err)
		}
		pipe.RPush(b.Context(), o.Prefix+"{u:10}:turns", record)
		pipe.ZAdd(b.Context(), o.Prefix+"{u:10}:ids", redis.Z{Score: float64(n), Member: turn.ID})
		if n%1000 == 999 {
			flush()
		}
	}
	flush()
	if err := client.Close(); err != nil {
		b.Fatal(err)
	}
	for n := range 20 {
		if err := s.Append(b.Context(), historytest.Turn("10", size+n)); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

func BenchmarkAppend(b *testing.B) {
	url := redistest.Start(b).URL()
	historytest.Growth(b, []int{0, 1_000, 100_000}, func(b *testing.B, size int) func(n int) error {
		b.Helper()
		s := prepared(b, url, size)
		return func(n int) error { return s.Append(b.Context(), historytest.Turn("10", 1_000_000+n)) }
	})
}

func BenchmarkRecent(b *testing.B) {
	url := redistest.Start(b).URL()
	historytest.Growth(b, []int{0, 1_000, 100_000}, func(b *testing.B, size int) func(n int) error {
		b.Helper()
		s := prepared(b, url, size)
		return func(int) error {
			turns, err := s.Recent(b.Context(), "10", 20)
			if len(turns) != 20 {
				return fmt.Errorf("got %d turns: %w", len(turns), err)
			}
			return err
		}
	})
}
