package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sori/server"
	"sori/session"
)

// access says who may use a route.
type access int

const (
	public  access = iota // everybody, with and without a key
	callers               // whoever shows a good key
	ofKim                 // it is about a user: that user, an admin, and a backend that speaks for all
	admins                // admins alone
	lists                 // callers that are one user see theirs, admins all
)

// accessOf has a row for every route. A route without one fails the test.
func accessOf() map[string]access {
	return map[string]access{
		"GET /healthz": public, "GET /readyz": public, "GET /openapi.json": public, "GET /docs": public,
		"GET /app/*file": public, "HEAD /app/*file": public,
		"GET /": callers, "GET /ws": callers, "GET /whoami": callers, "POST /tokens": callers,
		"GET /atot": callers, "GET /ttot": callers, "POST /process-audio": callers, "POST /run-full-pipeline": callers,
		"POST /v1/audio/transcriptions": callers, "POST /v1/audio/speech": callers, "POST /v1/chat/completions": callers,
		"GET /v1/realtime": callers, "POST /v1/realtime/client_secrets": callers, "GET /v1/models": callers, "GET /v1/models/:id": callers,
		"GET /users":     lists,
		"GET /users/:id": ofKim, "DELETE /users/:id": ofKim, "GET /users/:id/turns": ofKim, "GET /users/:id/export": ofKim,
		"GET /users/:id/recordings/:name": ofKim, "HEAD /users/:id/recordings/:name": ofKim,
		"GET /metrics": admins, "GET /debug/pprof/*profile": admins,
	}
}

// verdict is what a caller has to meet: 401, 403, 503, or 0 for anything else.
func verdict(a access, caller string) int {
	switch caller {
	case "nobody", "wrong", "expired", "revoked", "two":
		if a != public {
			return http.StatusUnauthorized
		}
	case "unsure":
		if a != public {
			return http.StatusServiceUnavailable
		}
	case "lees":
		if a == ofKim || a == admins {
			return http.StatusForbidden
		}
	case "kims":
		if a == admins {
			return http.StatusForbidden
		}
	case "backends":
		if a == admins || a == lists {
			return http.StatusForbidden
		}
	}
	return 0
}

// TestWhoMayDoWhat asks every route that there is as everybody that there is.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	page := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	build := func() (*server.Server, error) {
		store := &fakeStore{}
		store.append(turnOf("kim", 1))
		store.append(turnOf("lee", 1))
		return server.New(server.Config{
			NewSession: func(session.Options) server.Session { return newFakeSession() }, Store: store,
			Auth: newDoors(), Metrics: page, Profiles: page, Page: page,
		})
	}
	s, err := build()
	if err != nil {
		t.Fatal(err)
	}
	rows := accessOf()
	used := make(map[string]bool)
	for _, route := range server.RoutesOf(s) {
		a, ok := rows[route]
		if !ok {
			t.Errorf("%s has no row: say who may use it", route)
			continue
		}
		used[route] = true
		for _, caller := range []string{"nobody", "wrong", "expired", "revoked", "two", "unsure", "lees", "kims", "backends", "operators"} {
			method, path, _ := strings.Cut(route, " ")
			path = strings.NewReplacer(":id", "kim", ":name", "x.wav", ":model", "x", "*file", "x", "*profile", "x", "*id", "x").Replace(path)
			r := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
			switch caller {
			case "nobody":
			case "two":
				r.Header["Authorization"] = []string{"Bearer kims", "Bearer operators"}
			default:
				r.Header.Set("Authorization", "Bearer "+caller)
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			got := w.Code
			want := verdict(a, caller)
			if want == 0 && (got == http.StatusUnauthorized || got == http.StatusForbidden) || want != 0 && got != want {
				t.Errorf("%s as %s: %d %s, want %d", route, caller, got, strings.TrimSpace(w.Body.String()), want)
			}
			if got == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("%s as %s: 401 without a challenge", route, caller)
			}
			if h := w.Header(); h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Security-Policy") == "" {
				t.Errorf("%s as %s: security headers are missing", route, caller)
			}
			if method != http.MethodDelete {
				continue
			}
			if s, err = build(); err != nil { // what it deleted the next one needs
				t.Fatal(err)
			}
		}
	}
	for route := range rows {
		if !used[route] {
			t.Errorf("%s has a row and is not there", route)
		}
	}
}

// Nobody runs a turn, or makes a token, as somebody else.
func TestNobodySpeaksForAnother(t *testing.T) {
	t.Parallel()
	h := handler(t, server.Config{Auth: newDoors()})
	for path, method := range map[string]string{
		"/atot?user_id=kim": http.MethodGet, "/ttot?user_id=kim": http.MethodGet,
		"/process-audio?user_id=kim": http.MethodPost, "/run-full-pipeline?user_id=kim&text=hello": http.MethodPost,
	} {
		if w := ask(t, h, method, path, nil, "Authorization: Bearer lees"); w.Code != http.StatusForbidden || problemCode(t, w) != "user_forbidden" {
			t.Errorf("%s as lee: %d %s", path, w.Code, w.Body)
		}
	}
	if w := ask(t, h, http.MethodPost, "/tokens", strings.NewReader(`{"user":"kim"}`), "Authorization: Bearer lees"); w.Code != http.StatusForbidden {
		t.Errorf("a token for kim as lee: %d %s", w.Code, w.Body)
	}
	if w := ask(t, h, http.MethodGet, "/whoami?access_token=kims", nil); w.Code != http.StatusBadRequest || problemCode(t, w) != "credential_in_url" {
		t.Errorf("a key in the URL: %d %s", w.Code, w.Body)
	}
	if w := get(t, h, "/users", "Authorization: Bearer lees"); w.Code != http.StatusOK || strings.Contains(w.Body.String(), "kim") {
		t.Errorf("lee sees %s", w.Body)
	}
}

// A server that runs open is for its own machine, by its own name.
func TestAnOpenServerAnswersItsOwnMachineAlone(t *testing.T) {
	t.Parallel()
	h := handler(t, server.Config{OnlyLocal: func() bool { return true }})
	for host, want := range map[string]int{
		"127.0.0.1:5000": 200, "localhost:5000": 200, "[::1]:5000": 200, "sori.localhost": 200,
		"evil.example.com": 403, "127.0.0.1.evil.example.com": 403, "192.168.1.7:5000": 403, "": 403,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/users", http.NoBody)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("as %q: %d, want %d", host, w.Code, want)
		}
	}
	for _, header := range []string{"X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Host", "Via"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/users", http.NoBody)
		r.Host = "localhost"
		r.Header.Set(header, "203.0.113.7")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden {
			t.Errorf("by way of a proxy that says %s: %d", header, w.Code)
		}
	}
}

// A page of another origin makes its visitor's browser ask: what does work, or
// tells anything, is refused, whether the page may read the answer or not.
func TestPagesOfOthersCanDoNothing(t *testing.T) {
	t.Parallel()
	h := handler(t, server.Config{Origins: []string{"https://app.example.com"}})
	const script, image, link, typed = "cors", "no-cors", "navigate", ""
	for _, c := range []struct {
		method, path, origin, site, mode string
		allowed                          bool
	}{
		{"GET", "/users", "https://evil.example", "cross-site", script, false},
		{"GET", "/users", "null", "cross-site", script, false},
		{"GET", "/ttot", "http://127.0.0.1:3000", "same-site", script, false},
		{"GET", "/users", "https://app.example.com", "cross-site", script, true},
		{"GET", "/healthz", "https://evil.example", "cross-site", script, true},
		{"GET", "/atot", "", "cross-site", image, false},
		{"GET", "/ttot", "", "same-site", image, false},
		{"GET", "/ttot", "", "cross-site", link, false},
		{"GET", "/users", "", "cross-site", image, false},
		{"GET", "/users", "", "cross-site", link, true},
		{"POST", "/tokens", "", "cross-site", link, false},
		{"GET", "/docs", "", "cross-site", image, true},
		{"GET", "/users", "", "none", link, true},
		{"GET", "/users", "", "same-origin", script, true},
		{"GET", "/users", "", "", typed, true},
	} {
		r := httptest.NewRequestWithContext(t.Context(), c.method, c.path, http.NoBody)
		for name, value := range map[string]string{"Origin": c.origin, "Sec-Fetch-Site": c.site, "Sec-Fetch-Mode": c.mode} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if refused := w.Code == http.StatusForbidden; refused == c.allowed {
			t.Errorf("%+v: %d", c, w.Code)
		}
	}
}
