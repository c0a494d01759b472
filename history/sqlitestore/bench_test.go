package sqlitestore_test

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"

	"sori/history/historytest"
	"sori/history/sqlitestore"
)

// sizes are the turns in the stores that are compared. SORI_BENCH_TURNS=1000000
// asks for a larger one: its file takes a gigabyte.
func sizes(b *testing.B) []int {
	b.Helper()
	largest := 100_000
	if s := os.Getenv("SORI_BENCH_TURNS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			b.Fatal(err)
		}
		largest = n
	}
	return []int{0, 1_000, largest}
}

// prepared gives a store whose file holds count turns already, of 100 users
// whose turns are mixed, as they come, and 20 turns more of each.
func prepared(b *testing.B, count int) *sqlitestore.Store {
	b.Helper()
	path := b.TempDir() + "/" + sqlitestore.FileName
	s, err := sqlitestore.Open(b.Context(), path, sqlitestore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	err = errors.Join(sqlitestore.Fill(b.Context(), s, historytest.Turn("", 0), "old", 100, count),
		sqlitestore.Fill(b.Context(), s, historytest.Turn("", 0), "new", 100, 2000))
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func BenchmarkAppend(b *testing.B) {
	historytest.Growth(b, sizes(b), func(b *testing.B, size int) func(n int) error {
		b.Helper()
		s := prepared(b, size)
		return func(n int) error {
			return s.Append(b.Context(), historytest.Turn(fmt.Sprintf("user-%d", n%100), n))
		}
	})
}

func BenchmarkRecent(b *testing.B) {
	historytest.Growth(b, sizes(b), func(b *testing.B, size int) func(n int) error {
		b.Helper()
		s := prepared(b, size)
		return func(n int) error {
			turns, err := s.Recent(b.Context(), fmt.Sprintf("user-%d", n%100), 20)
			if len(turns) != 20 {
				return fmt.Errorf("got %d turns: %w", len(turns), err)
			}
			return err
		}
	})
}

// No query looks at more of the database than it has to.
func TestQueriesUseIndexes(t *testing.T) {
	t.Parallel()
	s := open(t, place(t), sqlitestore.Options{})
	plans, err := sqlitestore.Plans(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if len(plans) < 6 {
		t.Fatalf("only %d queries were explained", len(plans))
	}
	for query, plan := range plans {
		if !sqlitestore.Searches(plan) {
			t.Errorf("%s\n%s", query, plan)
		}
	}
}
