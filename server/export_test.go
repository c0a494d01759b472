package server

import "testing"

// Say gives the text of a code in a language.
func Say(t *testing.T, accept, code string, args ...any) string {
	t.Helper()
	w, err := newWords()
	if err != nil {
		t.Fatal(err)
	}
	return w.say(accept, code, args...)
}
