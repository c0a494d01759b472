package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDataFolder(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, flag string
		env        []string
		want       string
	}{
		{"flag", "/srv/sori", []string{"HOME=/h"}, "/srv/sori"},
		{"XDG", "", []string{"HOME=/h", "XDG_DATA_HOME=/x"}, "/x/sori"},
		{"home", "", []string{"HOME=/h"}, "/h/.local/share/sori"},
		{"no home", "", nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := storage{Data: tt.flag}
			got, err := s.folder(&console{getenv: lookup(tt.env)})
			if got != tt.want || (err != nil) != (tt.want == "") {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestStoreURL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, flag, path, url, err string }{
		{"default", "", "/data/users.db", "", ""},
		{"sqlite", "sqlite:/srv/a.db", "/srv/a.db", "", ""},
		{"sqlite with slashes", "sqlite:///srv/a.db", "/srv/a.db", "", ""},
		{"redis", "redis://h:6379/1", "", "redis://h:6379/1", ""},
		{"TLS", "rediss://h", "", "rediss://h", ""},
		{"sentinel", "redis+sentinel://h?master_name=m", "", "redis+sentinel://h?master_name=m", ""},
		{"socket", "unix:///run/redis.sock", "", "unix:///run/redis.sock", ""},
		{"no path", "sqlite:", "", "", "needs a path"},
		{"other", "postgres://user:secret@h/db", "", "", "postgres:…"},
		{"plain path", "/srv/a.db", "", "", "of no kind that sori knows"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := storage{Store: tt.flag}
			path, url, err := s.storeURL("/data")
			if path != tt.path || url != tt.url {
				t.Errorf("%q, %q, want %q, %q", path, url, tt.path, tt.url)
			}
			if (err == nil) != (tt.err == "") || err != nil && (!strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "secret")) {
				t.Errorf("error %v, want %q in it", err, tt.err)
			}
		})
	}
	s := storage{Store: "sqlite:a.db"}
	if path, _, err := s.storeURL("/data"); err != nil || !filepath.IsAbs(path) {
		t.Errorf("a relative path gave %q, %v", path, err)
	}
}

func TestEngineURLs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, atot, ttot, tts, err string }{
		{"local", "local:", "", "local:", ""},
		{"remote", "http://h:8000", "openai+http://h:11434/v1?model=m", "https://h/tts", ""},
		{"several", "http://h:8000, local:", "local:,http://h", "local:", ""},
		{"no scheme", "h:8000", "", "local:", "--atot"},
		{"unknown parameter", "local:", "http://h?colour=red", "local:", "--ttot"},
		{"empty in a list", "local:", "", "local:,,http://h", "--tts, URL 2 of 3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := engineURLs{ATOT: tt.atot, TTOT: tt.ttot, TTS: tt.tts, EngineTimeout: time.Second}
			err := e.check(lookup(nil))
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q in it", err, tt.err)
			}
		})
	}
}

func TestResolveLocal(t *testing.T) {
	t.Parallel()
	got := resolveLocal("http://h:1, local:,https://x?model=m", "127.0.0.1:9", "moonshine")
	if want := "http://h:1,http://127.0.0.1:9?name=moonshine,https://x?model=m"; strings.ReplaceAll(got, " ", "") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if isLocal("http://local:1") || !isLocal("http://h, local:") {
		t.Error("isLocal is wrong")
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for addr, ok := range map[string]bool{
		"127.0.0.1:5000": true, ":0": true, "[::1]:80": true, "localhost:5000": true,
		"127.0.0.1": false, "5000": false, "h:http": false, "h:70000": false, "": false,
	} {
		if err := (&listenAt{Addr: addr}).check(); (err == nil) != ok {
			t.Errorf("%q: %v", addr, err)
		}
	}
}
