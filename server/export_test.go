package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"sori/session"
)

// Say gives the text of a code in a language.
func Say(t *testing.T, accept, code string, args ...any) string {
	t.Helper()
	w, err := newWords()
	if err != nil {
		t.Fatal(err)
	}
	return w.say(accept, code, args...)
}

// noStore is a store that is not asked.
type noStore struct{ Store }

// Routes gives every route that a server has, as "GET /users/{}".
func Routes(t *testing.T) []string {
	t.Helper()
	s, err := New(Config{Store: noStore{}, NewSession: func(session.Options) Session { return nil }, Metrics: http.NotFoundHandler()})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, r := range s.engine.Routes() {
		parts := strings.Split(r.Path, "/")
		for i, p := range parts {
			if strings.HasPrefix(p, ":") {
				parts[i] = "{}"
			}
		}
		all = append(all, r.Method+" "+strings.Join(parts, "/"))
	}
	return all
}

// SpecifiedRoutes gives every route of the specification, in the same form.
func SpecifiedRoutes(t *testing.T) map[string]bool {
	t.Helper()
	data, err := openapiJSON()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	if err := json.NewDecoder(strings.NewReader(string(data))).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	all := make(map[string]bool)
	for path, operations := range doc.Paths {
		parts := strings.Split(path, "/")
		for i, p := range parts {
			if strings.HasPrefix(p, "{") {
				parts[i] = "{}"
			}
		}
		for method := range operations {
			if method != "parameters" {
				all[strings.ToUpper(method)+" "+strings.Join(parts, "/")] = true
			}
		}
	}
	return all
}

// RoutesOf gives every route that a server answers now, as "GET /users/:id".
func RoutesOf(s *Server) []string {
	var all []string
	for _, r := range s.engine.Routes() {
		all = append(all, r.Method+" "+r.Path)
	}
	return all
}
