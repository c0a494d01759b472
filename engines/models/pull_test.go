package models_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sori/engines/models"
)

func TestPullFetchesOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "mo[d]els*")
	n := serving(t, archive(t, entry{name: "package/a.bin", body: "aaa"}, entry{name: "package/other", body: "x"}, entry{name: "package/b.bin", body: "bb"}))
	want := []models.Bundle{bundle("one-1.0", file("a", "aaa"), file("b", "bb")), bundle("two-1.0", file("b", "bb"))}
	var out bytes.Buffer
	o := n.options()
	o.Out = &out

	if e := wantCode(t, models.Check(dir, want), models.CodeMissing); !strings.Contains(e.What, "two-1.0") {
		t.Errorf("the error does not name what is missing: %v", e)
	}
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
			if e := wantCode(t, models.Check(dir, want), models.CodeMissing); !strings.Contains(e.What, "one") {
				t.Errorf("the error does not name what is missing: %v", e)
			}
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
