package server_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"sori/server"
)

func TestAUserIsDeletedWithTheRecordings(t *testing.T) {
	t.Parallel()
	store := &fakeStore{}
	store.append(turnOf("10", 1))
	store.append(turnOf("11", 1))
	var erased []string
	var trouble error
	h := handler(t, server.Config{Store: store, Erase: func(_ context.Context, user string) error {
		erased = append(erased, user)
		return trouble
	}})
	trouble = errors.New("disk")
	if w := ask(t, h, http.MethodDelete, "/users/10", nil); w.Code != http.StatusInternalServerError {
		t.Errorf("with a broken disk: %d", w.Code)
	}
	if w := get(t, h, "/users/10"); w.Code != http.StatusOK {
		t.Errorf("the user is gone, the recordings are not: %d", w.Code)
	}
	trouble = nil
	if w := ask(t, h, http.MethodDelete, "/users/10", nil); w.Code != http.StatusNoContent || w.Body.Len() != 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(t, h, http.MethodDelete, "/users/10", nil); w.Code != http.StatusNotFound || problemCode(t, w) != "user_not_found" {
		t.Errorf("again: %d %s", w.Code, w.Body)
	}
	if w := get(t, h, "/users/11"); w.Code != http.StatusOK || strings.Join(erased, ",") != "10,10,10" {
		t.Errorf("another user: %d, erased %v", w.Code, erased)
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.MkdirAll(root+"/10", 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/10/a.wav", []byte("RIFF"), 0o600); err != nil {
		t.Fatal(err)
	}
	store := &fakeStore{}
	turn := turnOf("10", 1)
	turn.InputWAV = new("/users/10/recordings/a.wav")
	turn.OutputWAV = new("/users/10/recordings/gone.wav")
	store.append(turn)
	h := handler(t, server.Config{Store: store, Recordings: folder(root)})
	w := get(t, h, "/users/10/export")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"atot_text": "heard 1"`) ||
		w.Header().Get("Content-Disposition") != `attachment; filename=sori-10.json` {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := get(t, h, "/users/10/export?format=vtt"); !strings.HasPrefix(w.Body.String(), "WEBVTT\n") || w.Header().Get("Content-Type") != "text/vtt; charset=utf-8" {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
	w = get(t, h, "/users/10/export?format=zip")
	archive, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if len(archive.File) != 3 || archive.File[2].Name != "recordings/a.wav" {
		t.Errorf("%d files", len(archive.File))
	}
	for target, code := range map[string]string{"/users/10/export?format=exe": "bad_parameter", "/users/11/export": "user_not_found"} {
		if got := problemCode(t, get(t, h, target)); got != code {
			t.Errorf("%s: %s", target, got)
		}
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	h := handler(t, server.Config{})
	for origin, allowed := range map[string]bool{
		"http://localhost:8000": true, "http://localhost:5000": true, "http://localhost:8002": true,
		"http://localhost:8004": false, "http://evil.com": false, "null": false,
	} {
		w := get(t, h, "/users", "Origin: "+origin)
		if got := w.Header().Get("Access-Control-Allow-Origin"); (got == origin) != allowed || (w.Code == http.StatusOK) != allowed {
			t.Errorf("%s: allowed %q, %d", origin, got, w.Code)
		}
		w = ask(t, h, http.MethodOptions, "/run-full-pipeline", nil, "Origin: "+origin, "Access-Control-Request-Method: POST")
		if w.Code != http.StatusNoContent || strings.Contains(w.Header().Get("Access-Control-Allow-Methods"), "POST") != allowed ||
			!strings.Contains(w.Header().Get("Vary"), "Origin") {
			t.Errorf("%s, asked first: %d %v", origin, w.Code, w.Header())
		}
		w = ask(t, h, http.MethodPost, "/process-audio", nil, "Origin: "+origin)
		if (w.Code == http.StatusForbidden) == allowed {
			t.Errorf("%s may post: %d", origin, w.Code)
		}
	}
	w := ask(t, h, http.MethodPost, "/process-audio", nil, "Origin: http://example.com") // httptest's own host
	if w.Code == http.StatusForbidden {
		t.Errorf("its own page: %d", w.Code)
	}
	other := handler(t, server.Config{Origins: []string{}})
	if w := get(t, other, "/users", "Origin: http://localhost:8000"); w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Error("no origin was configured, and one may come")
	}
}
