package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"sori/server"
)

// specification gives the router of the server's own OpenAPI document.
var specification = sync.OnceValues(func() (routers.Router, error) { //nolint:gochecknoglobals // read once for hundreds of answers
	for _, media := range []string{"audio/wav", "audio/pcm", "application/zip", "application/x-subrip", "text/event-stream", "text/vtt", "text/html"} {
		openapi3filter.RegisterBodyDecoder(media, openapi3filter.FileBodyDecoder)
	}
	s, err := server.New(server.Config{NewSession: withSession(nil), Store: &fakeStore{}})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "/openapi.json", http.NoBody)
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	doc, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	if err != nil {
		return nil, err
	}
	if err := doc.Validate(context.Background()); err != nil {
		return nil, err
	}
	return legacy.NewRouter(doc)
})

// validate holds an answer to the specification.
func validate(t testing.TB, r *http.Request, w *httptest.ResponseRecorder) {
	t.Helper()
	router, err := specification()
	if err != nil {
		t.Fatalf("the specification: %v", err)
	}
	if r.Method == http.MethodOptions {
		return // answered for every address, there or not
	}
	r.URL.Host, r.Host = "", ""
	route, params, err := router.FindRoute(r)
	var unknown *routers.RouteError
	if errors.As(err, &unknown) && (w.Code == http.StatusNotFound || w.Code == http.StatusMethodNotAllowed) {
		return
	}
	if err != nil {
		t.Errorf("%s %s answers %d and is not in the specification: %v", r.Method, r.URL.Path, w.Code, err)
		return
	}
	if _, ok := route.Operation.Responses.Map()[http.StatusText(w.Code)]; !ok && w.Code == http.StatusSwitchingProtocols {
		return
	}
	err = openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 w.Code,
		Header:                 w.Header(),
		Body:                   io.NopCloser(bytes.NewReader(w.Body.Bytes())),
		Options:                &openapi3filter.Options{IncludeResponseStatus: true},
	})
	if err != nil {
		t.Errorf("%s %s: the answer is not what the specification says: %v", r.Method, r.URL.Path, err)
	}
}

func TestTheSpecificationIsServed(t *testing.T) {
	t.Parallel()
	h := handler(t, server.Config{})
	if w := get(t, h, "/openapi.json"); w.Code != http.StatusOK || !bytes.Contains(w.Body.Bytes(), []byte(`"openapi":"3.1.0"`)) && !bytes.Contains(w.Body.Bytes(), []byte(`"openapi": "3.1.0"`)) {
		t.Errorf("%d %.200s", w.Code, w.Body)
	}
	w := get(t, h, "/docs")
	for _, outside := range []string{"http://", "https://", "src=\"//"} {
		if bytes.Contains(w.Body.Bytes(), []byte(outside)) {
			t.Errorf("the page needs something at %s…", outside)
		}
	}
}

// TestTheSpecificationHasEveryRoute finds routes that it does not tell of, and
// those that are not there.
func TestTheSpecificationHasEveryRoute(t *testing.T) {
	t.Parallel()
	want := make(map[string]bool)
	for _, route := range server.Routes(t) {
		want[route] = true
	}
	for route := range server.SpecifiedRoutes(t) {
		if !want[route] {
			t.Errorf("%s is specified and not served", route)
		}
		delete(want, route)
	}
	for route := range want {
		t.Errorf("%s is served and not specified", route)
	}
}
