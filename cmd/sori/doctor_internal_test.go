package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"sori/engines/models"
	"sori/history/sqlitestore"
)

// answering gives the address of a server with one answer to /readyz.
func answering(t *testing.T, status int, body string) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestDoctorAsksAServer(t *testing.T) {
	t.Parallel()
	const ready = `{"ready":true,"stopping":false,"sessions":3,"parts":[{"name":"store","ok":true,"required":true,"took_ms":1.2},{"name":"tts","ok":false,"required":false,"took_ms":3,"error":"engine_timeout: late"}]}`
	const broken = `{"ready":false,"stopping":false,"sessions":0,"parts":[{"name":"store","ok":false,"required":true,"took_ms":1,"error":"not available"}]}`
	const stopping = `{"ready":false,"stopping":true,"sessions":1,"parts":[]}`
	for _, tt := range []struct {
		name, body string
		status     int
		args       []string
		code       int
		says       []string
	}{
		{"quick and ready", ready, 200, []string{"--quick"}, exitDone, []string{"ready, 3 sessions"}},
		{"quick and not", broken, 503, []string{"--quick"}, exitFailed, []string{"is not ready: store: not available"}},
		{"quick and stopping", stopping, 503, []string{"--quick"}, exitFailed, []string{"is not ready: it stops"}},
		{"quick and something else", "<html>", 200, []string{"--quick"}, exitFailed, []string{"is no sori (200 OK)"}},
		{"all parts", ready, 200, nil, exitDone, []string{"ok    store", "warn  tts        engine_timeout: late", "ok    server"}},
		{"all parts, broken", broken, 503, nil, exitFailed, []string{"fail  store      not available", "fail  server"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"doctor", "--url", answering(t, tt.status, tt.body)}, tt.args...)
			sori(t, nil, args...).expect(t, tt.code, tt.says...)
		})
	}
	t.Run("nobody", func(t *testing.T) {
		t.Parallel()
		sori(t, nil, "doctor", "--quick", "--url", "http://127.0.0.1:1").expect(t, exitFailed, "nobody answers at http://127.0.0.1:1")
		sori(t, nil, "doctor", "--quick", "--addr", "0.0.0.0:1").expect(t, exitFailed, "nobody answers at http://127.0.0.1:1")
		sori(t, nil, "doctor", "--url", "http://127.0.0.1:1").expect(t, exitFailed, "fail  server")
	})
	t.Run("no address", func(t *testing.T) {
		t.Parallel()
		sori(t, nil, "doctor", "--quick", "--url", "http://a b").expect(t, exitUsage, "is no address")
	})
	t.Run("JSON", func(t *testing.T) {
		t.Parallel()
		r := sori(t, nil, "doctor", "--json", "--url", answering(t, 503, broken))
		r.expect(t, exitFailed)
		var got struct {
			OK       bool
			Findings []finding
		}
		if err := json.Unmarshal([]byte(r.out), &got); err != nil || got.OK || len(got.Findings) != 2 || got.Findings[0].State != bad {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// newSurgery examines with some flags set.
func newSurgery(t *testing.T, set func(*doctorCmd)) *surgery {
	t.Helper()
	d := &doctorCmd{}
	d.Addr, d.ATOT, d.TTS = "127.0.0.1:0", local, local
	d.Data = t.TempDir()
	d.Models = t.TempDir()
	if set != nil {
		set(d)
	}
	return &surgery{doctorCmd: d, console: &console{getenv: lookup(nil)}}
}

func (f finding) expect(t *testing.T, want state, says string) {
	t.Helper()
	if f.State != want || !strings.Contains(f.Says+"\n"+f.Do, says) {
		t.Errorf("%s: %s (%s), want %s with %q", f.State, f.Says, f.Do, want, says)
	}
}

func TestDoctorLooksAtTheDataFolder(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(t.TempDir(), "a", "b")
	newSurgery(t, nil).lookData(t.Context()).expect(t, fine, "can be written")
	newSurgery(t, func(d *doctorCmd) { d.Data = fresh }).lookData(t.Context()).expect(t, fine, "will be made")
	newSurgery(t, func(d *doctorCmd) { d.Data = file }).lookData(t.Context()).expect(t, bad, "is no folder")
	newSurgery(t, func(d *doctorCmd) { d.Data = file + "/below" }).lookData(t.Context()).expect(t, bad, "--data")
	newSurgery(t, func(d *doctorCmd) { d.Data = "/proc/nothing" }).lookData(t.Context()).expect(t, bad, "/proc can't be written")
	newSurgery(t, func(d *doctorCmd) { d.Data = "" }).lookData(t.Context()).expect(t, bad, "no home folder")
	if _, err := os.Stat(filepath.Dir(fresh)); err == nil {
		t.Error("looking made the folder")
	}
}

func TestDoctorLooksAtTheStore(t *testing.T) {
	t.Parallel()
	newSurgery(t, nil).lookStore(t.Context()).expect(t, fine, "will be made")

	path := filepath.Join(t.TempDir(), "users.db")
	st, err := sqlitestore.Open(t.Context(), path, sqlitestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.EnsureUser(t.Context(), "7"); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	newSurgery(t, func(d *doctorCmd) { d.Store = "sqlite:" + path }).lookStore(t.Context()).expect(t, fine, "1 users")

	if err := os.WriteFile(path, []byte("not a database at all, but long enough to be looked at"), 0o600); err != nil {
		t.Fatal(err)
	}
	newSurgery(t, func(d *doctorCmd) { d.Store = "sqlite:" + path }).lookStore(t.Context()).expect(t, bad, path)
	newSurgery(t, func(d *doctorCmd) { d.Store = "redis://:secret@127.0.0.1:1/0" }).lookStore(t.Context()).expect(t, bad, "Redis, redis://127.0.0.1:1/0 does not answer")
	newSurgery(t, func(d *doctorCmd) { d.Store = "mysql://h" }).lookStore(t.Context()).expect(t, bad, "of no kind")
}

func TestDoctorLooksAtTheModels(t *testing.T) {
	t.Parallel()
	s := newSurgery(t, nil)
	s.lookModels(t.Context()).expect(t, bad, "sori models pull")
	s.lookLibrary(t.Context()).expect(t, warn, "not looked at")
	s.lookEngines(t.Context()).expect(t, bad, "can't start without their models")
	s.lookTTS(t.Context()).expect(t, warn, "not tried")
	newSurgery(t, func(d *doctorCmd) { d.ATOT, d.TTS = "http://h:1", "http://h:2" }).lookModels(t.Context()).expect(t, warn, "a simpler voice detector")
}

func TestDoctorLooksAtTheAddress(t *testing.T) {
	t.Parallel()
	newSurgery(t, nil).lookAddress(t.Context()).expect(t, fine, "is free")

	ready := answering(t, 200, `{"ready":true,"sessions":2}`)
	newSurgery(t, func(d *doctorCmd) { d.Addr = strings.TrimPrefix(ready, "http://") }).lookAddress(t.Context()).expect(t, fine, "a sori answers at")

	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		if conn, err := ln.Accept(); err == nil {
			_ = conn.Close()
		}
	}()
	newSurgery(t, func(d *doctorCmd) { d.Addr = ln.Addr().String() }).lookAddress(t.Context()).expect(t, bad, "choose another address")
}

func TestDoctorPrints(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	err := printFindings(t.Context(), &out, false, []examination{
		{"a", func(context.Context) finding { return found(fine, "", "all is well") }},
		{"b", func(context.Context) finding { return found(bad, "Do this.\nThen that.", "it broke") }},
	})
	if want := "ok    a          all is well\nfail  b          it broke\n                 Do this.\n                 Then that.\n"; out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
	if err == nil {
		t.Error("a failure made no error")
	}
}

// What was fetched by name is told, and what of it is not whole.
func TestDoctorLooksAtTheExtras(t *testing.T) {
	t.Parallel()
	newSurgery(t, nil).lookExtras(t.Context()).expect(t, fine, "whisper, piper-joe")
	newSurgery(t, nil).lookExtras(t.Context()).expect(t, fine, "sori models pull NAME")
	dir := t.TempDir()
	extras := models.Extras(runtime.GOOS, runtime.GOARCH)
	i := slices.IndexFunc(extras, func(b models.Bundle) bool { return b.Name == models.NameEar })
	half := filepath.Join(dir, extras[i].ID)
	if err := os.Mkdir(half, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "config.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	newSurgery(t, func(d *doctorCmd) { d.Models = dir }).lookExtras(t.Context()).expect(t, warn, "`sori models pull whisper` mends them.")
	newSurgery(t, nil).lookLanguages(t.Context()).expect(t, warn, "not tried")
}
