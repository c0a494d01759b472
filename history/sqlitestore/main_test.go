package sqlitestore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"sori/history"
	"sori/history/historytest"
	"sori/history/sqlitestore"
)

// childPath asks the test binary to be the child of TestKilledAtAnyMoment.
const childPath = "SORI_TEST_APPEND_TO"

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		if err := appendForEver(path, os.Getenv(childPath+"_ROUND")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// appendForEver appends for three users and prints each turn once the store has
// acknowledged it, until somebody kills the process.
func appendForEver(path, round string) error {
	ctx := context.Background()
	s, err := sqlitestore.Open(ctx, path, sqlitestore.Options{})
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	for u := range 3 {
		wg.Go(func() {
			user := fmt.Sprintf("user-%d", u)
			for n := 0; ; n++ {
				turn := historytest.Turn(user, n)
				turn.ID = fmt.Sprintf("%s-%08d", round, n)
				if err := s.Append(ctx, turn); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				fmt.Printf("%s %s\n", user, turn.ID) // one write(2): whole, or not at all
			}
		})
	}
	wg.Wait()
	return nil
}

func place(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), sqlitestore.FileName)
}

func open(t *testing.T, path string, o sqlitestore.Options) *sqlitestore.Store {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), path, o)
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

func opener(o sqlitestore.Options) func(t *testing.T) history.Store {
	return func(t *testing.T) history.Store { t.Helper(); return open(t, place(t), o) }
}

func TestConformance(t *testing.T) {
	t.Parallel()
	historytest.Run(t, opener(sqlitestore.Options{}))
}

func TestTrim(t *testing.T) {
	t.Parallel()
	historytest.Trim(t, 10, opener(sqlitestore.Options{Limit: 10}))
}

func TestReopen(t *testing.T) {
	t.Parallel()
	historytest.Reopen(t, func(t *testing.T) func(t *testing.T) history.Store {
		t.Helper()
		path := place(t)
		return func(t *testing.T) history.Store { t.Helper(); return open(t, path, sqlitestore.Options{}) }
	})
}
