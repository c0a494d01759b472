package web_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sori/web"
)

func newHandler(t *testing.T) http.Handler {
	t.Helper()
	h, err := web.Handler()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// answer is what the handler gave, whole.
type answer struct {
	StatusCode int
	Header     http.Header
	data       []byte
}

func get(t *testing.T, h http.Handler, path string, change ...func(*http.Request)) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return answer{w.Code, w.Header(), w.Body.Bytes()}
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func body(t *testing.T, a answer) []byte {
	t.Helper()
	if a.Header.Get("Content-Encoding") != "gzip" {
		return a.data
	}
	z, err := gzip.NewReader(bytes.NewReader(a.data))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestEveryFileIsServedAsWhatItIs(t *testing.T) {
	t.Parallel()
	h := newHandler(t)
	types := map[string]string{
		".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".ts": "text/plain",
		".woff2": "font/woff2", ".webmanifest": "application/json", ".txt": "text/plain",
	}
	err := filepath.WalkDir("static", func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		want, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, encoding := range []string{"", "br, gzip", "gzip;q=0", "gzip;q=0.5"} {
			r := get(t, h, web.Prefix+strings.TrimPrefix(filepath.ToSlash(name), "static/"), header("Accept-Encoding", encoding))
			if r.StatusCode != http.StatusOK || !bytes.Equal(body(t, r), want) {
				t.Errorf("%s with Accept-Encoding %q: status %d, or not the file", name, encoding, r.StatusCode)
			}
			if got := r.Header.Get("Content-Type"); !strings.HasPrefix(got, types[filepath.Ext(name)]) || got == "" {
				t.Errorf("%s has the type %q", name, got)
			}
			if compressed := r.Header.Get("Content-Encoding") == "gzip"; compressed && (encoding == "" || encoding == "gzip;q=0") {
				t.Errorf("%s: compressed for who does not take it (%q)", name, encoding)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestThePageStandsAtTheRoot(t *testing.T) {
	t.Parallel()
	h := newHandler(t)
	r := get(t, h, "/")
	if data := body(t, r); r.StatusCode != http.StatusOK || !bytes.Contains(data, []byte("<title>sori")) {
		t.Errorf("status %d, body %.80q", r.StatusCode, data)
	}
}

func TestNothingElseIsThere(t *testing.T) {
	t.Parallel()
	h := newHandler(t)
	for _, path := range []string{"/app/", "/app/nothing.js", "/app/../web.go", "/app/static/index.html", "/app//index.html", "/elsewhere"} {
		if r := get(t, h, path); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", path, r.StatusCode)
		}
	}
}

func TestWhatIsKnownIsNotSentAgain(t *testing.T) {
	t.Parallel()
	h := newHandler(t)
	for _, encoding := range []string{"", "gzip"} {
		etag := get(t, h, "/app/sori.js", header("Accept-Encoding", encoding)).Header.Get("ETag")
		r := get(t, h, "/app/sori.js", header("Accept-Encoding", encoding), header("If-None-Match", etag))
		if r.StatusCode != http.StatusNotModified {
			t.Errorf("Accept-Encoding %q: status %d for its own ETag %s", encoding, r.StatusCode, etag)
		}
	}
}

func TestPolicyIsStrict(t *testing.T) {
	t.Parallel()
	h := newHandler(t)
	for _, path := range []string{"/", "/app/sori.js"} {
		r := get(t, h, path, func(r *http.Request) { r.Host = "sori.example:5000" })
		policy := r.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'", "connect-src 'self' ws://sori.example:5000 wss://sori.example:5000;"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: the policy lacks %q: %s", path, want, policy)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") || strings.Contains(policy, "http") {
			t.Errorf("%s: the policy is not strict: %s", path, policy)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		if got := r.Header.Get("Permissions-Policy"); !strings.Contains(got, "microphone=(self)") {
			t.Errorf("%s: Permissions-Policy is %q", path, got)
		}
	}
}

func TestHostCanNotWriteThePolicy(t *testing.T) {
	t.Parallel()
	h := newHandler(t)
	for _, host := range []string{"", "evil.example; script-src *", "a b", "x'y", "a,b", "*"} {
		r := get(t, h, "/", func(r *http.Request) { r.Host = host })
		if policy := r.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "connect-src 'self';") {
			t.Errorf("host %q: %s", host, policy)
		}
	}
}

// What the page needs comes from this server, so that it works offline and
// nobody else learns who uses it.
func TestThePageNeedsNobodyElse(t *testing.T) {
	t.Parallel()
	outside := regexp.MustCompile(`(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}`)
	err := filepath.WalkDir("static", func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Base(name) == "LICENSE.txt" || filepath.Ext(name) == ".woff2" {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, found := range outside.FindAllString(string(data), -1) {
			known := []string{"http://www.w3.org", "https://sori.example"} // a namespace, and an example in a comment
			if !strings.Contains(strings.Join(known, " "), found) {
				t.Errorf("%s names %s", name, found)
			}
		}
		if filepath.Ext(name) == ".html" && regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script>`).Match(data) {
			t.Errorf("%s has scripts or styles inside of it, which the policy forbids", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
