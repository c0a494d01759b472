package auth_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sori/auth"
)

// FuzzRecords reads what a store has of a key and of a token: nobody comes in by a
// record that is damaged, and nothing breaks.
func FuzzRecords(f *testing.F) {
	const hash = `"hash":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`
	for _, text := range []string{
		`{"id":"abcdefabcdef",` + hash + `,"user":"kim"}`,
		`{"id":"abcdefabcdef",` + hash + `,"expires":"2099-01-01T00:00:00Z","settings":{"a":1}}`,
		`{"id":"abcdefabcdef","hash":"","admin":true}`, `{}`, `null`, `[]`, `{"id":7}`, `{"expires":"9999-99-99"}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, record []byte) {
		m := newMemory()
		for _, kind := range []string{"key", "token"} {
			if err := m.PutRecord(t.Context(), kind, "abcdefabcdef", record, time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
		g := auth.NewGuard(auth.GuardOptions{Store: m})
		for _, credential := range []string{"sori_abcdefabcdef_" + strings.Repeat("A", 43), "ek_abcdefabcdef_" + strings.Repeat("A", 43)} {
			p, err := g.Authenticate(t.Context(), credential)
			if err == nil {
				t.Errorf("%q lets in: %+v", record, p)
			}
			if !errors.Is(err, auth.ErrInvalid) && !errors.Is(err, auth.ErrUnavailable) && !errors.Is(err, auth.ErrExpired) {
				t.Errorf("%q: %v", record, err)
			}
		}
		_, _ = auth.Keys{Store: m}.List(t.Context()) // it is read, or said to be damaged
		if err := g.ForgetUser(t.Context(), "kim"); err != nil {
			t.Error(err)
		}
	})
}
