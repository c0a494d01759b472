package sqlitestore_test

import (
	"testing"

	"sori/history/historytest"
	"sori/history/sqlitestore"
)

func TestRecords(t *testing.T) {
	t.Parallel()
	historytest.Records(t, open(t, place(t), sqlitestore.Options{}))
}

// A key that one process makes is one that another knows.
func TestRecordsAreSharedBetweenProcesses(t *testing.T) {
	t.Parallel()
	path := place(t)
	a, b := open(t, path, sqlitestore.Options{}), open(t, path, sqlitestore.Options{})
	historytest.Records(t, a)
	if record, ok, err := b.Record(t.Context(), "token", "a"); err != nil || !ok || len(record) == 0 {
		t.Errorf("%q, %v, %v", record, ok, err)
	}
}

func TestExpire(t *testing.T) {
	t.Parallel()
	historytest.Expire(t, open(t, place(t), sqlitestore.Options{}))
}
