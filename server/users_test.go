package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"

	"sori/history"
	"sori/server"
	"sori/session"
)

// handler makes a server that only answers requests.
func handler(t *testing.T, cfg server.Config) http.Handler {
	t.Helper()
	if cfg.NewSession == nil {
		cfg.NewSession = func(session.Options) server.Session { return newFakeSession() }
	}
	if cfg.Store == nil {
		cfg.Store = &fakeStore{}
	}
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// get answers GET target with the given header lines.
func get(t *testing.T, h http.Handler, target string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	return ask(t, h, http.MethodGet, target, nil, header...)
}

func ask(t *testing.T, h http.Handler, method, target string, body io.Reader, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, body)
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	return record(t, h, r)
}

// record gives the answer to a request, after holding it to the specification.
func record(t *testing.T, h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	validate(t, r, w)
	return w
}

// sameJSON compares a body with the JSON that it should be.
func sameJSON(t *testing.T, body, want string) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("got  %s\nwant %s", body, want)
	}
}

// problemCode checks an error's body and gives its code.
func problemCode(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var p struct {
		Type, Title, Detail, Code string
		Status                    int
	}
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%q: %v", w.Body, err)
	}
	if w.Header().Get("Content-Type") != "application/problem+json" || p.Status != w.Code ||
		p.Type == "" || p.Title == "" || p.Detail == "" || p.Detail == p.Code {
		t.Errorf("%s %s", w.Header().Get("Content-Type"), w.Body)
	}
	return p.Code
}

func turnOf(user string, n int) history.Turn {
	return history.Turn{
		ID: fmt.Sprintf("t%03d", n), UserID: user, Number: n, Status: history.Done,
		ATOTText: fmt.Sprintf("heard %d", n), TTOTText: fmt.Sprintf("said <%d>", n),
	}
}

func TestHome(t *testing.T) {
	t.Parallel()
	store := &fakeStore{}
	h := handler(t, server.Config{Store: store, Page: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, "<html>") //nolint:errcheck // a test
	})})
	w := get(t, h, "/")
	sameJSON(t, w.Body.String(), `{"message":"This is the Backend Server","user":
		{"id":10,"input_wav_list":[],"atot_text_list":[],"ttot_text_list":[],"output_wav_list":[]}}`)
	if w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("type %q", w.Header().Get("Content-Type"))
	}
	if ok, err := store.HasUser(t.Context(), "10"); !ok || err != nil {
		t.Error("the default user was not created")
	}
	if w := get(t, h, "/", "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"); w.Body.String() != "<html>" {
		t.Errorf("a browser got %q", w.Body)
	}
	for _, accept := range []string{"*/*", "application/json", "application/json, text/html"} {
		if w := get(t, h, "/", "Accept: "+accept); !strings.HasPrefix(w.Body.String(), "{") {
			t.Errorf("%s got %q", accept, w.Body)
		}
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	store := &fakeStore{}
	h := handler(t, server.Config{Store: store})
	sameJSON(t, get(t, h, "/users").Body.String(), `[]`)
	spoken := turnOf("10", 1)
	spoken.InputWAV = new("/users/10/recordings/a.wav")
	store.append(spoken)
	store.append(turnOf("민지/7", 1))
	ten := `{"id":10,"input_wav_list":["/users/10/recordings/a.wav"],"atot_text_list":["heard 1"],"ttot_text_list":["said <1>"],"output_wav_list":[null]}`
	other := `{"id":"민지/7","input_wav_list":[null],"atot_text_list":["heard 1"],"ttot_text_list":["said <1>"],"output_wav_list":[null]}`
	sameJSON(t, get(t, h, "/users").Body.String(), `[`+ten+`,`+other+`]`)
	sameJSON(t, get(t, h, "/users/10").Body.String(), ten)
	sameJSON(t, get(t, h, "/users/%EB%AF%BC%EC%A7%80%2F7").Body.String(), other)

	w := get(t, h, "/users/11")
	if w.Code != http.StatusNotFound || problemCode(t, w) != "user_not_found" || !strings.Contains(w.Body.String(), `"detail":"User not found"`) {
		t.Errorf("an unknown user: %d %s", w.Code, w.Body)
	}
}

func TestIDsAreNumbersWhereTheyReadBack(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"0": `0`, "10": `10`, "9007199254740992": `9007199254740992`,
		"007": `"007"`, "-1": `"-1"`, "+1": `"+1"`, "1e3": `"1e3"`, "9007199254740993": `"9007199254740993"`,
		"99999999999999999999": `"99999999999999999999"`, "ten": `"ten"`, "１": `"１"`,
	} {
		store := &fakeStore{}
		store.append(turnOf(id, 1))
		if got := get(t, handler(t, server.Config{Store: store}), "/users").Body.String(); !strings.HasPrefix(got, `[{"id":`+want+`,`) {
			t.Errorf("%s: %s", id, got)
		}
	}
}

func TestTurnsArePaged(t *testing.T) {
	t.Parallel()
	store := &fakeStore{}
	for n := range 120 {
		store.append(turnOf("10", n))
	}
	h := handler(t, server.Config{Store: store})
	var seen []string
	for target := "/users/10/turns"; target != ""; {
		var page struct {
			Turns []history.Turn
			More  bool
			Next  *string
		}
		w := get(t, h, target)
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		for _, turn := range page.Turns {
			seen = append(seen, turn.ID)
		}
		if page.More != (page.Next != nil) {
			t.Fatalf("more is %v, next %v", page.More, page.Next)
		}
		target = ""
		if page.More {
			target = "/users/10/turns?limit=50&before=" + *page.Next
		}
	}
	if len(seen) != 120 || seen[0] != "t119" || seen[119] != "t000" {
		t.Errorf("saw %d turns", len(seen))
	}
	for target, want := range map[string]string{
		"/users/10/turns?limit=0":        "bad_parameter",
		"/users/10/turns?limit=201":      "bad_parameter",
		"/users/10/turns?limit=x":        "bad_parameter",
		"/users/10/turns?before=unknown": "turn_not_found",
		"/users/11/turns":                "user_not_found",
	} {
		if code := problemCode(t, get(t, h, target)); code != want {
			t.Errorf("%s: %s", target, code)
		}
	}
}

// folder opens recordings as the operating system would, without any check.
type folder string

func (f folder) Open(_ context.Context, user, name string) (server.RecordingFile, error) {
	return os.Open(string(f) + "/" + user + "/" + name)
}

func TestRecordings(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for name, text := range map[string]string{"10/a.wav": "0123456789", "secret": "s", "10/sub/b.wav": "b"} {
		path := root + "/rec/" + name
		if name == "secret" {
			path = root + "/" + name
		}
		if err := os.MkdirAll(path[:strings.LastIndex(path, "/")], 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := handler(t, server.Config{Recordings: folder(root + "/rec")})
	w := get(t, h, "/users/10/recordings/a.wav")
	if w.Code != http.StatusOK || w.Body.String() != "0123456789" || w.Header().Get("Content-Type") != "audio/wav" ||
		w.Header().Get("Accept-Ranges") != "bytes" {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
	w = get(t, h, "/users/10/recordings/a.wav", "Range: bytes=2-4")
	if w.Code != http.StatusPartialContent || w.Body.String() != "234" || w.Header().Get("Content-Range") != "bytes 2-4/10" {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
	if w := get(t, h, "/users/10/recordings/a.wav", "Range: bytes=20-"); w.Code != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("a range behind the end: %d", w.Code)
	}
	if w := ask(t, h, http.MethodHead, "/users/10/recordings/a.wav", nil); w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Errorf("HEAD: %d %q", w.Code, w.Body)
	}
	for _, target := range []string{
		"/users/10/recordings/b.wav", "/users/10/recordings/sub", "/users/10/recordings/..",
		"/users/10/recordings/%2e%2e%2f%2e%2e%2fsecret", "/users/10/recordings/..%2Fa.wav",
		"/users/10/recordings/%2e", "/users/10/recordings/a.wav%00", "/users/10/recordings/..%5Csecret",
		"/users/10/recordings/sub%2Fb.wav", "/users/11/recordings/a.wav",
	} {
		w := get(t, h, target)
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: %d %q", target, w.Code, w.Body)
		}
	}
	if code := problemCode(t, get(t, handler(t, server.Config{}), "/users/10/recordings/a.wav")); code != "no_recording" {
		t.Errorf("without recordings: %s", code)
	}
}

// broken gives recordings that can't be opened for a reason of their own.
type broken struct{ err error }

func (b broken) Open(context.Context, string, string) (server.RecordingFile, error) {
	return nil, b.err
}

func TestErrors(t *testing.T) {
	t.Parallel()
	boom := errors.New("disk: /secret/path is on fire")
	for name, tc := range map[string]struct {
		cfg    server.Config
		target string
		status int
		code   string
	}{
		"no address":  {server.Config{}, "/nowhere", 404, "not_found"},
		"store away":  {server.Config{Store: &fakeStore{userIDs: func() ([]string, error) { return nil, fmt.Errorf("redis: %w", history.ErrUnavailable) }}}, "/users", 503, "store_unavailable"},
		"store bug":   {server.Config{Store: &fakeStore{hasUser: func(string) (bool, error) { return false, boom }}}, "/users/1", 500, "internal"},
		"store panic": {server.Config{Store: &fakeStore{hasUser: func(string) (bool, error) { panic(boom) }}}, "/users/1", 500, "internal"},
		"recording":   {server.Config{Recordings: broken{boom}}, "/users/1/recordings/a.wav", 500, "internal"},
		"no file":     {server.Config{Recordings: broken{fs.ErrNotExist}}, "/users/1/recordings/a.wav", 404, "no_recording"},
		"no upgrade":  {server.Config{}, "/ws", 426, "upgrade_required"},
	} {
		w := get(t, handler(t, tc.cfg), tc.target)
		if code := problemCode(t, w); w.Code != tc.status || code != tc.code || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	w := ask(t, handler(t, server.Config{}), http.MethodDelete, "/users", nil)
	if code := problemCode(t, w); code != "method_not_allowed" || w.Header().Get("Allow") == "" {
		t.Errorf("%s, Allow %q", code, w.Header().Get("Allow"))
	}
}

func TestErrorsSpeakTheCallersLanguage(t *testing.T) {
	t.Parallel()
	h := handler(t, server.Config{})
	for accept, korean := range map[string]bool{
		"": false, "ko": true, "ko-KR,ko;q=0.9,en;q=0.8": true, "en-US,ko;q=0.5": false, "de": false, "de, ko;q=0.5": true,
		"*": false, ";;;": false, strings.Repeat("ko,", 500): true,
	} {
		w := get(t, h, "/nowhere", "Accept-Language: "+accept)
		if got := strings.Contains(w.Body.String(), "주소"); got != korean || problemCode(t, w) != "not_found" {
			t.Errorf("%.40q: %s", accept, w.Body)
		}
	}
}
