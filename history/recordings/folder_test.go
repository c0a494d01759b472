package recordings_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"

	"sori/history/historytest"
	"sori/history/recordings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, dir string) *recordings.Folder {
	t.Helper()
	f, err := recordings.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func save(t *testing.T, f *recordings.Folder, user, turn, kind, text string) string {
	t.Helper()
	path, err := f.Save(t.Context(), user, turn, kind, strings.NewReader(text))
	if err != nil {
		t.Fatalf("Save(%q, %q, %q): %v", user, turn, kind, err)
	}
	return path
}

func read(t *testing.T, f *recordings.Folder, user, name string) string {
	t.Helper()
	file, info, err := f.Open(t.Context(), user, name)
	if err != nil {
		t.Fatalf("Open(%q, %q): %v", user, name, err)
	}
	text, err := io.ReadAll(file)
	if err := errors.Join(err, file.Close()); err != nil || info.Size() != int64(len(text)) {
		t.Fatalf("read %q: %v, %d of %d bytes", name, err, len(text), info.Size())
	}
	return string(text)
}

// files gives what is in the folder on the disk, below recordings.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	root := filepath.Join(dir, "recordings")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, strings.TrimPrefix(path, root+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSaveAndOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir)
	if got, want := save(t, f, "10", "0193-a", recordings.Input, "RIFFin"), "/users/10/recordings/0193-a-input.wav"; got != want {
		t.Errorf("path %s, want %s", got, want)
	}
	save(t, f, "10", "0193-a", recordings.Reply, "RIFFout")
	save(t, f, "11", "0193-a", recordings.Reply, "RIFFother")
	if got := read(t, f, "10", "0193-a-input.wav"); got != "RIFFin" {
		t.Errorf("got %q", got)
	}
	want := "u-10/0193-a-input.wav u-10/0193-a-reply.wav u-11/0193-a-reply.wav"
	if got := strings.Join(files(t, dir), " "); got != want {
		t.Errorf("on the disk: %s", got)
	}
	list, err := f.List(t.Context(), "10")
	if err != nil || len(list) != 2 {
		t.Fatalf("List: %v, %v", list, err)
	}
	if r := list[1]; r.Name != "0193-a-reply.wav" || r.TurnID != "0193-a" || r.Kind != recordings.Reply || r.Bytes != 7 || r.Saved.IsZero() {
		t.Errorf("got %+v", r)
	}
	if used, count, err := f.Used(t.Context()); err != nil || used != 6+7+9 || count != 3 {
		t.Errorf("Used: %d bytes, %d files, %v", used, count, err)
	}
	save(t, f, "10", "0193-a", recordings.Input, "RIFFagain") // a turn's recording that is saved twice is the newer one
	if got := read(t, f, "10", "0193-a-input.wav"); got != "RIFFagain" {
		t.Errorf("got %q", got)
	}

	if err := f.DeleteUser(t.Context(), "10"); err != nil {
		t.Fatal(err)
	}
	if err := f.DeleteUser(t.Context(), "nobody"); err != nil {
		t.Errorf("a user without recordings: %v", err)
	}
	if _, _, err := f.Open(t.Context(), "10", "0193-a-input.wav"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after the delete: %v", err)
	}
	if list, err := f.List(t.Context(), "10"); err != nil || len(list) != 0 {
		t.Errorf("after the delete: %v, %v", list, err)
	}
	if got := read(t, f, "11", "0193-a-reply.wav"); got != "RIFFother" {
		t.Errorf("another's: %q", got)
	}
}

// Whatever the user id: its path leads back to it, and its files stay inside and
// apart from all others.
func TestOddUsers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir)
	ids := append(historytest.OddUserIDs(), "u-10", "x-10", ".incoming", "../../etc", strings.Repeat("y", 64), strings.Repeat("y", 65))
	for i, id := range ids {
		path := save(t, f, id, "t1", recordings.Input, fmt.Sprint("RIFF", i))
		parts := strings.Split(path, "/")
		if len(parts) != 5 {
			t.Fatalf("user %q: path %s", id, path)
		}
		if back, err := url.PathUnescape(parts[2]); err != nil || back != id {
			t.Errorf("user %q: its path is of %q, %v", id, back, err)
		}
	}
	for i, id := range ids {
		if got := read(t, f, id, "t1-input.wav"); got != fmt.Sprint("RIFF", i) {
			t.Errorf("user %q reads %s, want RIFF%d", id, got, i)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the folder there is %v, %v", entries, err)
	}
	for _, name := range files(t, dir) {
		if strings.Count(name, "/") != 1 || (!strings.HasPrefix(name, "u-") && !strings.HasPrefix(name, "x-")) {
			t.Errorf("a file at %q", name)
		}
	}
	if _, err := f.Save(t.Context(), strings.Repeat("x", 129), "t1", recordings.Input, strings.NewReader("")); !errors.Is(err, recordings.ErrInvalid) {
		t.Errorf("a user id of 129 bytes: %v", err)
	}
}

func TestNamesThatLeadOutside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir)
	save(t, f, "10", "a", recordings.Input, "RIFF")
	if err := os.WriteFile(filepath.Join(dir, "secret-input.wav"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	user := filepath.Join(dir, "recordings", "u-10")
	if err := errors.Join(
		os.Symlink(filepath.Join(dir, "secret-input.wav"), filepath.Join(user, "link-input.wav")),
		os.Symlink("../../secret-input.wav", filepath.Join(user, "near-input.wav")),
		os.Symlink(dir, filepath.Join(dir, "recordings", "u-linked")),
		os.Mkdir(filepath.Join(user, "folder-input.wav"), 0o700),
		syscall.Mkfifo(filepath.Join(user, "pipe-input.wav"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"", ".", "..", "/", "../secret-input.wav", "../../secret-input.wav", "/etc/passwd", "a-input.wav/", "./a-input.wav", "../u-10/a-input.wav",
		"a-input.wav\x00", "a-input", "a.wav", "-input.wav", "a-other.wav", "a/b-input.wav", `..\secret-input.wav`, "%2e%2e-input.wav", "a-INPUT.wav",
		"link-input.wav", "near-input.wav", "folder-input.wav", "pipe-input.wav", strings.Repeat("a", 65) + "-input.wav",
	} {
		file, _, err := f.Open(t.Context(), "10", name)
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open(%q): %v", name, err)
		}
		if file != nil {
			_ = file.Close()
		}
	}
	if file, _, err := f.Open(t.Context(), "linked", "secret-input.wav"); err == nil {
		_ = file.Close()
		t.Error("a link in place of a user's folder was followed")
	}
	if _, err := f.Save(t.Context(), "linked", "a", recordings.Input, strings.NewReader("x")); err == nil {
		t.Error("a link in place of a user's folder was written through")
	}
	if list, err := f.List(t.Context(), "10"); err != nil || len(list) != 1 {
		t.Errorf("List shows %v, %v", list, err)
	}
	for _, c := range []struct{ turn, kind string }{
		{"", "input"},
		{"../a", "input"},
		{"a/b", "input"},
		{".", "input"},
		{"a.b", "input"},
		{strings.Repeat("a", 65), "input"},
		{"é", "input"},
		{"a\n", "input"},
		{"a", ""},
		{"a", "Input"},
		{"a", "../x"},
		{"a", "output"},
	} {
		if _, err := f.Save(t.Context(), "10", c.turn, c.kind, strings.NewReader("x")); !errors.Is(err, recordings.ErrInvalid) {
			t.Errorf("Save(%q, %q): %v", c.turn, c.kind, err)
		}
	}
	if err := f.DeleteUser(t.Context(), "linked"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "secret-input.wav")); err != nil {
		t.Errorf("the delete went outside: %v", err)
	}
}

// What fails leaves nothing behind.
func TestSaveThatFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := open(t, dir)
	broken := errors.New("the source broke")
	_, err := f.Save(t.Context(), "10", "a", recordings.Input, io.MultiReader(strings.NewReader("RIFF"), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = f.Save(ctx, "10", "a", recordings.Input, io.MultiReader(strings.NewReader("RIFF"), readerFunc(func(p []byte) (int, error) {
		cancel()
		return copy(p, "more"), nil
	})))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
	if _, err := f.List(ctx, "10"); err != nil {
		t.Errorf("List of nothing: %v", err)
	}
	if err := f.DeleteUser(ctx, "10"); !errors.Is(err, context.Canceled) {
		t.Errorf("DeleteUser: %v", err)
	}
}

type readerFunc func(p []byte) (int, error)

func (r readerFunc) Read(p []byte) (int, error) { return r(p) }

// A crash leaves a file half written; the next start removes it when it's old,
// and no other process' that is at work.
func TestSweep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, dir)
	old, young := filepath.Join(dir, "recordings", ".incoming", "old"), filepath.Join(dir, "recordings", ".incoming", "young")
	long := time.Now().Add(-2 * time.Hour)
	if err := errors.Join(os.WriteFile(old, nil, 0o600), os.WriteFile(young, nil, 0o600), os.Chtimes(old, long, long)); err != nil {
		t.Fatal(err)
	}
	f := open(t, dir)
	if got := strings.Join(files(t, dir), " "); got != ".incoming/young" {
		t.Errorf("there is %q", got)
	}
	if used, count, err := f.Used(t.Context()); err != nil || used != 0 || count != 0 {
		t.Errorf("Used: %d, %d, %v", used, count, err)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	f := open(t, t.TempDir())
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for n := range 20 {
				_, err := f.Save(t.Context(), fmt.Sprint(n%3), fmt.Sprintf("%d-%d", w, n), recordings.Input, strings.NewReader("RIFF"))
				if err != nil {
					t.Errorf("Save: %v", err)
				}
				if err := f.DeleteUser(t.Context(), "2"); err != nil {
					t.Errorf("DeleteUser: %v", err)
				}
			}
		})
	}
	wg.Wait()
	for user, want := range map[string]int{"0": 8 * 7, "1": 8 * 7} {
		if list, err := f.List(t.Context(), user); err != nil || len(list) != want {
			t.Errorf("user %s has %d recordings, want %d: %v", user, len(list), want, err)
		}
	}
}

func TestOpenSaysWhatToDo(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := recordings.Open(file); err == nil || !strings.Contains(err.Error(), "folder of recordings") {
		t.Errorf("got %v", err)
	}
}

func BenchmarkSave(b *testing.B) {
	f := open(b, b.TempDir())
	tenSeconds := make([]byte, 320_044)
	n := 0
	b.SetBytes(int64(len(tenSeconds)))
	for b.Loop() {
		n++
		if _, err := f.Save(b.Context(), "10", fmt.Sprint(n), recordings.Input, bytes.NewReader(tenSeconds)); err != nil {
			b.Fatal(err)
		}
	}
}
