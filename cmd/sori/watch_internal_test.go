package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"sori/telemetry"
)

func TestDebugServerIsForThisMachine(t *testing.T) {
	t.Parallel()
	h := debugHandler(telemetry.New("v1", nil))
	for _, tt := range []struct {
		url  string
		code int
	}{
		{"http://127.0.0.1:6060/metrics", http.StatusOK},
		{"http://localhost:6060/debug/pprof/", http.StatusOK},
		{"http://[::1]:6060/debug/pprof/heap", http.StatusOK},
		{"http://evil.example:6060/debug/pprof/", http.StatusForbidden},
		{"http://192.0.2.1/metrics", http.StatusForbidden},
		{"http://127.0.0.1:6060/users", http.StatusNotFound},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, tt.url, http.NoBody))
		if w.Code != tt.code {
			t.Errorf("%s: %d, want %d", tt.url, w.Code, tt.code)
		}
	}
}
