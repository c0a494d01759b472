package models_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sori/engines/models"
)

// entry is one entry of an archive.
type entry struct {
	name string
	body string
	link string // a symbolic link to this when not empty
}

func archive(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var buf bytes.Buffer
	zw := gzip.NewWriter(&buf)
	tw := tar.NewWriter(zw)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o644, Size: int64(len(e.body)), Typeflag: tar.TypeReg}
		if e.link != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, e.link
		}
		if err := tw.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := tw.Write([]byte(e.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(tw.Close(), zw.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func file(id, body string) models.File {
	sum := sha256.Sum256([]byte(body))
	return models.File{ID: id, Name: id + ".bin", Inside: "package/" + id + ".bin", Size: int64(len(body)), SHA256: hex.EncodeToString(sum[:])}
}

func bundle(id string, files ...models.File) models.Bundle {
	return models.Bundle{
		ID: id, Title: "something for " + id, Licence: "MIT", Download: 100,
		Source: models.Source{Kind: models.KindNPM, Ref: "some-package@1.2.3"}, Files: files,
	}
}

// npm is a stand-in for npm: a shell script that counts its calls.
type npm struct {
	path, calls string
}

func newNPM(t *testing.T, script string) npm {
	t.Helper()
	dir := t.TempDir()
	n := npm{path: filepath.Join(dir, "npm"), calls: filepath.Join(dir, "calls")}
	text := "#!/bin/sh\necho \"$@\" >>" + n.calls + "\n" + script + "\n"
	// A process that another test starts meanwhile would inherit the open file,
	// and a program that is open for writing can't be run.
	syscall.ForkLock.RLock()
	err := os.WriteFile(n.path, []byte(text), 0o755)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// serving gives an npm that brings this archive.
func serving(t *testing.T, body []byte) npm {
	t.Helper()
	from := filepath.Join(t.TempDir(), "served.tgz")
	if err := os.WriteFile(from, body, 0o644); err != nil {
		t.Fatal(err)
	}
	return newNPM(t, "cp "+from+" some-package-1.2.3.tgz && echo some-package-1.2.3.tgz")
}

func (n npm) called(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile(n.calls)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

func (n npm) options() models.Options {
	return models.Options{NPM: n.path, Backoff: time.Millisecond}
}

func wantCode(t *testing.T, err error, code models.Code) *models.Error {
	t.Helper()
	e, ok := errors.AsType[*models.Error](err)
	if !ok {
		t.Fatalf("error %v is no *models.Error, want code %s", err, code)
	}
	if e.Code != code {
		t.Fatalf("error %v has the code %s, want %s", err, e.Code, code)
	}
	if e.Do == "" || e.What == "" {
		t.Fatalf("error %#v does not say what failed and what to do", e)
	}
	return e
}

// wantClean checks that no unfinished download is left in the models folder.
func wantClean(t *testing.T, dir string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, ".fetch-*"))
	if err != nil || len(left) != 0 {
		t.Fatalf("unfinished downloads are left: %v %v", left, err)
	}
}
