package models_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sori/engines/models"
)

func TestPullRefusesBadArchives(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 100_000) // does not shrink, so half an archive is half of it
	rng := rand.NewChaCha8([32]byte{1})
	_, _ = rng.Read(noise) // never fails
	a := file("a", string(noise))
	good := archive(t, entry{name: "package/a.bin", body: string(noise)})
	other := bytes.Clone(noise)
	other[5]++
	for _, c := range []struct {
		name  string
		body  []byte
		code  models.Code
		calls int
	}{
		{"garbage", []byte("<html>no</html>"), models.CodeArchive, 3},
		{"empty", nil, models.CodeArchive, 3},
		{"truncated", good[:len(good)/2], models.CodeArchive, 3},
		{"a bit flipped", flip(good, len(good)/2), "", 0},
		{"file absent", archive(t, entry{name: "package/c.bin", body: "c"}), models.CodeArchive, 3},
		{"other size", archive(t, entry{name: "package/a.bin", body: "short"}), models.CodeArchive, 3},
		{"link in the file's place", archive(t, entry{name: "package/a.bin", link: "/etc/passwd"}), models.CodeArchive, 3},
		{"wrong checksum", archive(t, entry{name: "package/a.bin", body: string(other)}), models.CodeChecksum, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			n := serving(t, c.body)
			want := []models.Bundle{bundle("one", a)}
			err := models.Pull(t.Context(), dir, want, n.options())
			if c.code == "" { // gzip's checksum or ours, whichever sees it first
				if err == nil {
					t.Fatal("a damaged archive was taken")
				}
			} else {
				e := wantCode(t, err, c.code)
				if c.code == models.CodeChecksum && !strings.Contains(e.What, a.SHA256) {
					t.Errorf("the error does not give the expected checksum: %v", e)
				}
				if got := len(n.called(t)); got != c.calls {
					t.Errorf("npm was called %d times, want %d", got, c.calls)
				}
			}
			if _, err := os.Stat(filepath.Join(dir, "one", "a.bin")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a bad file was placed: %v", err)
			}
			wantClean(t, dir)
		})
	}
}

func flip(b []byte, at int) []byte {
	c := bytes.Clone(b)
	c[at] ^= 0x10
	return c
}

func TestEntriesCannotChooseWhereTheyLand(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	dir := filepath.Join(top, "a", "b", "models")
	n := serving(t, archive(t,
		entry{name: "../../../evil.bin", body: "evil"}, entry{name: "/tmp/sori-evil.bin", body: "evil"},
		entry{name: "package/../../evil.bin", body: "evil"}, entry{name: "package", link: top},
		entry{name: "package/a.bin", body: "aaa"}))
	if err := models.Pull(t.Context(), dir, []models.Bundle{bundle("one", file("a", "aaa"))}, n.options()); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	err := filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found[d.Name()] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 3 || !found["a.bin"] || !found["SHA256SUMS"] || !found[".lock"] {
		t.Errorf("files were written: %v", found)
	}
	if _, err := os.Stat("/tmp/sori-evil.bin"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an absolute path was followed: %v", err)
	}
}

func TestPullTriesAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := serving(t, archive(t, entry{name: "package/a.bin", body: "aaa"}))
	n := newNPM(t, `if [ "$(wc -l <"$(dirname "$0")/calls")" -lt 3 ]; then echo 'npm error code ECONNRESET' >&2; exit 1; fi; exec `+good.path+` "$@"`)
	var out bytes.Buffer
	o := n.options()
	o.Out = &out
	if err := models.Pull(t.Context(), dir, []models.Bundle{bundle("one", file("a", "aaa"))}, o); err != nil {
		t.Fatal(err)
	}
	calls := n.called(t)
	if len(calls) != 3 || !strings.Contains(calls[0], "--prefer-offline") || strings.Contains(calls[1], "--prefer-offline") {
		t.Errorf("npm was called as %q", calls)
	}
	for _, s := range []string{"try 1 of 3 failed", "try 2 of 3 failed", "done in"} {
		if !strings.Contains(out.String(), s) {
			t.Errorf("progress lacks %q:\n%s", s, &out)
		}
	}
}

func TestPullSaysWhyNPMFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, stderr string
		code         models.Code
		says         string
		calls        int
	}{
		{"offline", "npm error code ENOTFOUND\nnpm error syscall getaddrinfo\nnpm error network request failed", models.CodeNetwork, "need the network", 3},
		{"old npm, offline", "npm ERR! code EAI_AGAIN\nnpm ERR! network no", models.CodeNetwork, "need the network", 3},
		{"refused connection", "npm error code ECONNREFUSED", models.CodeNetwork, "proxy", 3},
		{"unknown package", "npm error code E404\nnpm error 404 Not Found", models.CodeRefused, "mirror", 1},
		{"forbidden", "npm error code E403\nnpm error 403 Forbidden", models.CodeRefused, "mirror", 1},
		{"no such version", "npm error code ETARGET\nnpm error notarget No matching version", models.CodeRefused, "mirror", 1},
		{"overloaded", "npm error code E503", models.CodeNetwork, "later", 3},
		{"too many requests", "npm error code E429", models.CodeNetwork, "later", 3},
		{"certificate", "npm error code UNABLE_TO_GET_ISSUER_CERT_LOCALLY", models.CodeNetwork, "cafile", 3},
		{"disk full", "npm error code ENOSPC\nnpm error nospc There appears to be insufficient space", models.CodeDiskFull, "space", 1},
		{"cache not writable", "npm error code EACCES\nnpm error path /x/.npm", models.CodeFolder, "writable", 1},
		{"damaged copy", "npm error code EINTEGRITY", models.CodeArchive, "cache verify", 3},
		{"node missing", "/usr/bin/env: 'node': No such file or directory", models.CodeNPM, "by hand", 3},
		{"silent", "", models.CodeNPM, "by hand", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			n := newNPM(t, "cat >&2 <<'END'\n"+c.stderr+"\nEND\nexit 1")
			e := wantCode(t, models.Pull(t.Context(), dir, []models.Bundle{bundle("one", file("a", "aaa"))}, n.options()), c.code)
			if !strings.Contains(e.Do, c.says) || !strings.Contains(e.What+e.Do, "some-package@1.2.3") {
				t.Errorf("the error does not help: %v", e)
			}
			if got := len(n.called(t)); got != c.calls {
				t.Errorf("npm was called %d times, want %d", got, c.calls)
			}
			wantClean(t, dir)
		})
	}
}

func TestPullWithoutNPM(t *testing.T) {
	t.Parallel()
	want := []models.Bundle{bundle("one", file("a", "aaa"))}
	err := models.Pull(t.Context(), t.TempDir(), want, models.Options{NPM: filepath.Join(t.TempDir(), "npm")})
	if e := wantCode(t, err, models.CodeNoNPM); !strings.Contains(e.Do, "Node.js") {
		t.Errorf("the error does not help: %v", e)
	}
}

func TestPullIntoAFolderThatCannotBeMade(t *testing.T) {
	t.Parallel()
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	want := []models.Bundle{bundle("one", file("a", "aaa"))}
	err := models.Pull(t.Context(), filepath.Join(blocked, "models"), want, models.Options{})
	if e := wantCode(t, err, models.CodeFolder); !strings.Contains(e.Do, "SORI_MODELS") {
		t.Errorf("the error does not help: %v", e)
	}
}
