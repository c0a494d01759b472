package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// keeper is a server with one user, who is gone after a DELETE.
func keeper(t *testing.T) string {
	t.Helper()
	gone := false
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `[{"id":7,"atot_text_list":["a","b"]},{"id":"anna","atot_text_list":[]}]`)
	})
	mux.HandleFunc("GET /users/7/turns", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"turns":[{"id":"t2","status":"done","started_at":"2026-01-02T03:04:05Z","atot_text":"hi %s","ttot_text":"hello"}],"more":true}`, r.URL.Query().Get("limit"))
	})
	mux.HandleFunc("GET /users/7/export", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("format") == "zip" {
			z := zip.NewWriter(w)
			if err := z.Close(); err != nil {
				t.Error(err)
			}
			return
		}
		fmt.Fprint(w, "WEBVTT\n")
	})
	mux.HandleFunc("DELETE /users/7", func(w http.ResponseWriter, _ *http.Request) {
		if gone {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"detail":"User not found"}`)
			return
		}
		gone = true
		w.WriteHeader(http.StatusNoContent)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestUsers(t *testing.T) {
	t.Parallel()
	url := keeper(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "7.zip")
	for _, c := range []struct {
		args []string
		in   string
		code int
		says string
	}{
		{args: []string{"list"}, says: "anna  0"},
		{args: []string{"turns", "7", "--limit", "3"}, says: "user  hi 3"},
		{args: []string{"turns", "7"}, says: "--before t2"},
		{args: []string{"turns", "7", "--json"}, says: `{"id":"t2"`},
		{args: []string{"export", "7", "--format", "vtt", "--out", "-"}, says: "WEBVTT"},
		{args: []string{"export", "7", "--out", file}, says: "7.zip, 1 KB"},
		{args: []string{"delete", "7"}, in: "no\n", code: exitFailed, says: "nothing was deleted"},
		{args: []string{"delete", "7"}, in: "yes\n", says: "is deleted"},
		{args: []string{"delete", "7", "--yes"}, code: exitFailed, says: "User not found"},
		{args: []string{"list", "--url", "http://127.0.0.1:1"}, code: exitFailed, says: "nobody answers"},
	} {
		args := append([]string{"users"}, c.args...)
		if !strings.Contains(strings.Join(args, " "), "--url") {
			args = append(args, "--url", url)
		}
		var out, errs bytes.Buffer
		code := run(t.Context(), args, nil, strings.NewReader(c.in), &out, &errs)
		if all := out.String() + errs.String(); code != c.code || !strings.Contains(all, c.says) {
			t.Errorf("%v: exit %d, want %d and %q:\n%s", c.args, code, c.code, c.says, all)
		}
	}
	if b, err := os.ReadFile(file); err != nil || !bytes.HasPrefix(b, []byte("PK")) {
		t.Errorf("the export is %q, %v", b, err)
	}
}
