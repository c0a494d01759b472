package history_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"sori/history"
)

func TestEncodeRefusesWhatNoStoreCanKeep(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	for name, turn := range map[string]history.Turn{
		"no ID":           {UserID: "10"},
		"long ID":         {ID: strings.Repeat("x", 129)},
		"ID not UTF-8":    {ID: "a\xff"},
		"long user":       {ID: "a", UserID: strings.Repeat("x", 129)},
		"user not UTF-8":  {ID: "a", UserID: "\xc3"},
		"not a number":    {ID: "a", Timings: history.Timings{End: &nan}},
		"year 12000":      {ID: "a", StartedAt: time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)},
		"record too long": {ID: "a", TTOTText: strings.Repeat("x", history.MaxRecord)},
	} {
		if _, err := history.EncodeTurn(&turn); !errors.Is(err, history.ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
}

func TestBrokenTextIsMended(t *testing.T) {
	t.Parallel()
	b, err := history.EncodeTurn(&history.Turn{ID: "a", ATOTText: "caf\xe9"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := history.DecodeTurn(b)
	if err != nil || got.ATOTText != "caf\uFFFD" {
		t.Fatalf("got %q, %v", got.ATOTText, err)
	}
}

func TestDecodeReadsANewerRecord(t *testing.T) {
	t.Parallel()
	got, err := history.DecodeTurn([]byte(`{"id":"a","user_id":"10","mood":"fine","input_wav":null}`))
	if err != nil || got.ID != "a" || got.UserID != "10" || got.InputWAV != nil {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func FuzzDecodeTurn(f *testing.F) {
	for _, s := range []string{
		``, `null`, `{}`, `[]`, `{"id":"a"}`, `{"id":"a","turn":1e9}`, `{"id":"a","turn":"x"}`,
		`{"id":"a","user_id":"u","error":{"stage":"tts"},"timings":{"end_ms":12.5}}`,
		`{"id":"a","started_at":"2026-11-23T05:57:00.123456789Z"}`, strings.Repeat(`{"id":`, 10000),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		turn, err := history.DecodeTurn(b)
		if err != nil {
			if !errors.Is(err, history.ErrInvalid) {
				t.Fatalf("%v is not ErrInvalid", err)
			}
			return
		}
		once, err := history.EncodeTurn(&turn)
		if err != nil {
			t.Fatalf("what was read can't be written: %v", err)
		}
		again, err := history.DecodeTurn(once)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := history.EncodeTurn(&again)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%s became %s, %v", once, twice, err)
		}
	})
}
