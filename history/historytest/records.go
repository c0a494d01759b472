package historytest

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"
)

// RecordStore keeps small records beside turns, such as keys.
type RecordStore interface {
	PutRecord(ctx context.Context, kind, id string, record []byte, expires time.Time) error
	Record(ctx context.Context, kind, id string) (record []byte, ok bool, err error)
	Records(ctx context.Context, kind string) (map[string][]byte, error)
	DeleteRecord(ctx context.Context, kind, id string) error
}

// Records holds a store to what is said of records.
func Records(t *testing.T, s RecordStore) {
	t.Helper()
	ctx := t.Context()
	put := func(kind, id, record string, expires time.Time) {
		t.Helper()
		if err := s.PutRecord(ctx, kind, id, []byte(record), expires); err != nil {
			t.Fatal(err)
		}
	}
	want := func(kind, id, record string, there bool) {
		t.Helper()
		got, ok, err := s.Record(ctx, kind, id)
		if err != nil || ok != there || string(got) != record {
			t.Errorf("%s %s: %q, %v, %v; want %q, %v", kind, id, got, ok, err, record, there)
		}
	}
	want("key", "a", "", false)
	put("key", "a", "one", time.Time{})
	put("key", "a", "two", time.Time{})
	put("key", "{b} /%\x00", "\x00\xff", time.Time{})
	put("token", "a", "other kind", time.Now().Add(time.Hour))
	want("key", "a", "two", true)
	want("key", "{b} /%\x00", "\x00\xff", true)
	want("token", "a", "other kind", true)
	all, err := s.Records(ctx, "key")
	if err != nil || len(all) != 2 || string(all["a"]) != "two" {
		t.Errorf("all keys: %q, %v", all, err)
	}
	if none, err := s.Records(ctx, "nothing of this"); err != nil || len(none) != 0 {
		t.Errorf("a kind without records: %q, %v", none, err)
	}

	put("token", "late", "gone", time.Now().Add(-time.Second))
	put("token", "soon", "nearly gone", time.Now().Add(100*time.Millisecond))
	want("token", "late", "", false)
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if _, ok, err := s.Record(ctx, "token", "soon"); err != nil || !ok {
			break
		}
		if time.Since(began) > 5*time.Second {
			t.Fatal("a record outlives its end")
		}
	}
	put("token", "another", "x", time.Now().Add(time.Hour))
	all, err = s.Records(ctx, "token")
	if ids := slices.Sorted(maps.Keys(all)); err != nil || !slices.Equal(ids, []string{"a", "another"}) {
		t.Errorf("all tokens: %q, %v", ids, err)
	}

	for range 2 {
		if err := s.DeleteRecord(ctx, "key", "a"); err != nil {
			t.Error(err)
		}
	}
	want("key", "a", "", false)
	want("token", "a", "other kind", true)
	if left, err := s.Records(ctx, "key"); err != nil || len(left) != 1 {
		t.Errorf("after a delete: %q, %v", left, err)
	}
}
