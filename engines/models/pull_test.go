package models_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
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
	if err := os.WriteFile(n.path, []byte(text), 0o755); err != nil {
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

func TestPullFetchesOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "mo[d]els*")
	n := serving(t, archive(t, entry{name: "package/a.bin", body: "aaa"}, entry{name: "package/other", body: "x"}, entry{name: "package/b.bin", body: "bb"}))
	want := []models.Bundle{bundle("one-1.0", file("a", "aaa"), file("b", "bb")), bundle("two-1.0", file("b", "bb"))}
	var out bytes.Buffer
	o := n.options()
	o.Out = &out

	wantCode(t, models.Check(dir, want), models.CodeMissing)
	if err := models.Pull(t.Context(), dir, want, o); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(models.Check(dir, want), models.Verify(t.Context(), dir, want)); err != nil {
		t.Fatal(err)
	}
	path, ok := models.Path(dir, want, "b")
	if got, err := os.ReadFile(path); !ok || err != nil || string(got) != "bb" {
		t.Fatalf("b at %q holds %q, %v", path, got, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "one-1.0", "other")); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("a file that was not asked for was unpacked: %v", err)
	}
	calls := n.called(t)
	if len(calls) != 2 || !strings.HasPrefix(calls[0], "pack some-package@1.2.3 ") {
		t.Fatalf("npm was called as %q", calls)
	}
	for _, line := range []string{"[1/2] something for one-1.0 (0.0 MB) … done in ", "[2/2] something for two-1.0 (0.0 MB) … done in "} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("progress lacks %q:\n%s", line, &out)
		}
	}
	wantClean(t, dir)

	out.Reset()
	if err := models.Pull(t.Context(), dir, want, o); err != nil {
		t.Fatal(err)
	}
	if len(n.called(t)) != 2 || out.Len() != 0 {
		t.Fatalf("the second run did something: %q, npm calls %q", &out, n.called(t))
	}
}

func TestPullWorksOnAReadOnlyFolderThatIsComplete(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := serving(t, archive(t, entry{name: "package/a.bin", body: "aaa"}))
	want := []models.Bundle{bundle("one", file("a", "aaa"))}
	if err := models.Pull(t.Context(), dir, want, n.options()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(filepath.Join(dir, "one"), 0o555), os.Chmod(dir, 0o555)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = errors.Join(os.Chmod(dir, 0o755), os.Chmod(filepath.Join(dir, "one"), 0o755))
	})
	if err := models.Pull(t.Context(), dir, want, models.Options{NPM: "no-such-npm"}); err != nil {
		t.Fatal(err)
	}
}

func TestPullResumes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		spoil func(dir string) error
		calls int
		how   string
	}{
		{"stamp lost: the files are checked, not fetched", func(dir string) error {
			return os.Remove(filepath.Join(dir, "one", "SHA256SUMS"))
		}, 1, "checked"},
		{"a file is lost", func(dir string) error { return os.Remove(filepath.Join(dir, "one", "a.bin")) }, 2, "done in"},
		{"a file is cut", func(dir string) error { return os.Truncate(filepath.Join(dir, "one", "a.bin"), 2) }, 2, "done in"},
		{"another version's stamp", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "one", "SHA256SUMS"), []byte("0  a.bin\n"), 0o644)
		}, 1, "checked"},
		{"a killed download", func(dir string) error {
			return errors.Join(
				os.MkdirAll(filepath.Join(dir, ".fetch-123", "unpacked"), 0o755),
				os.WriteFile(filepath.Join(dir, ".fetch-123", "unpacked", "a.bin"), []byte("a"), 0o644),
				os.WriteFile(filepath.Join(dir, "one", "SHA256SUMS.part"), []byte("5"), 0o644),
				os.Remove(filepath.Join(dir, "one", "SHA256SUMS")),
				os.Remove(filepath.Join(dir, "one", "b.bin")))
		}, 2, "done in"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			n := serving(t, archive(t, entry{name: "package/a.bin", body: "aaa"}, entry{name: "package/b.bin", body: "bb"}))
			want := []models.Bundle{bundle("one", file("a", "aaa"), file("b", "bb"))}
			if err := models.Pull(t.Context(), dir, want, n.options()); err != nil {
				t.Fatal(err)
			}
			if err := c.spoil(dir); err != nil {
				t.Fatal(err)
			}
			wantCode(t, models.Check(dir, want), models.CodeMissing)
			var out bytes.Buffer
			o := n.options()
			o.Out, o.Live = &out, true
			if err := models.Pull(t.Context(), dir, want, o); err != nil {
				t.Fatal(err)
			}
			if err := models.Verify(t.Context(), dir, want); err != nil {
				t.Fatal(err)
			}
			if got := len(n.called(t)); got != c.calls {
				t.Errorf("npm was called %d times, want %d", got, c.calls)
			}
			if !strings.Contains(out.String(), c.how) {
				t.Errorf("progress %q lacks %q", &out, c.how)
			}
			wantClean(t, dir)
		})
	}
}

func TestVerifyFindsADamagedFileAndPullReplacesIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := serving(t, archive(t, entry{name: "package/a.bin", body: "aaa"}))
	want := []models.Bundle{bundle("one", file("a", "aaa"))}
	if err := models.Pull(t.Context(), dir, want, n.options()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "one", "a.bin"), []byte("aab"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := models.Check(dir, want); err != nil {
		t.Fatalf("Check reads no contents, and says %v", err)
	}
	e := wantCode(t, models.Verify(t.Context(), dir, want), models.CodeDamaged)
	if !strings.Contains(e.What, want[0].Files[0].SHA256) || !strings.Contains(e.What, filepath.Join(dir, "one", "a.bin")) {
		t.Errorf("the error names neither file nor checksum: %v", e)
	}
	if err := models.Pull(t.Context(), dir, want, n.options()); err != nil {
		t.Fatal(err)
	}
	if err := models.Verify(t.Context(), dir, want); err != nil {
		t.Fatal(err)
	}
}

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

func TestPullEndsWithItsContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pid := filepath.Join(t.TempDir(), "pid")
	// The grandchild holds npm's pipes open and must not outlive it.
	n := newNPM(t, "sleep 60 & echo $! >"+pid+".part; mv "+pid+".part "+pid+"; wait")
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the user went away")
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			if _, err := os.Stat(pid); err == nil || ctx.Err() != nil {
				cancel(why)
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	began := time.Now()
	err := models.Pull(ctx, dir, []models.Bundle{bundle("one", file("a", "aaa"))}, n.options())
	wg.Wait()
	if !errors.Is(err, why) {
		t.Fatalf("Pull gave %v, want the context's cause", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("Pull took %s to end", took)
	}
	wantClean(t, dir)
	text, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for alive(child) {
		if time.Since(began) > 20*time.Second {
			t.Fatal("what npm started still runs")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// alive says whether a process runs. One that ended and waits for its parent,
// which is whoever adopts orphans here, does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func TestPullGivesUpOnAHangingNPM(t *testing.T) {
	t.Parallel()
	n := newNPM(t, "sleep 60")
	o := n.options()
	o.Timeout = 50 * time.Millisecond
	e := wantCode(t, models.Pull(t.Context(), t.TempDir(), []models.Bundle{bundle("one", file("a", "aaa"))}, o), models.CodeNetwork)
	if !strings.Contains(e.What, "in time") {
		t.Errorf("the error does not help: %v", e)
	}
}

func TestTwoPullsDoNotFight(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := serving(t, archive(t, entry{name: "package/a.bin", body: "aaa"}))
	n := newNPM(t, "sleep 0.3; exec "+good.path+` "$@"`)
	want := []models.Bundle{bundle("one", file("a", "aaa"))}
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		wg.Go(func() { errs[i] = models.Pull(t.Context(), dir, want, n.options()) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if got := len(n.called(t)); got != 1 {
		t.Errorf("npm was called %d times, want once", got)
	}
}

func TestWaitingForAnotherPullEndsWithItsContext(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	started := filepath.Join(t.TempDir(), "started")
	n := newNPM(t, "touch "+started+"; sleep 60")
	want := []models.Bundle{bundle("one", file("a", "aaa"))}
	first, stopFirst := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = models.Pull(first, dir, want, n.options()) }) // its end is the test's doing
	for {
		if _, err := os.Stat(started); err == nil {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	var out bytes.Buffer
	err := models.Pull(ctx, dir, want, models.Options{NPM: n.path, Out: &out})
	stopFirst()
	wg.Wait()
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting ended with %v", err)
	}
	if !strings.Contains(out.String(), "waiting for it") {
		t.Errorf("the one who waits is not told: %q", &out)
	}
}
