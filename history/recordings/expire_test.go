package recordings_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sori/history/recordings"
)

func TestExpire(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := recordings.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	save := func(user, turn string, age time.Duration) {
		t.Helper()
		if _, err := f.Save(t.Context(), user, turn, recordings.Input, bytes.NewReader([]byte("RIFF"))); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		files, err := filepath.Glob(filepath.Join(dir, "recordings", "*", turn+"-input.wav"))
		if err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		if err := os.Chtimes(files[0], at, at); err != nil {
			t.Fatal(err)
		}
	}
	save("kim", "t1", 72*time.Hour)
	save("kim", "t2", time.Hour)
	save("lee/x", "t3", 48*time.Hour)
	if err := os.WriteFile(filepath.Join(dir, "recordings", "u-kim", "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Expire(t.Context(), time.Now().Add(-24*time.Hour)); n != 2 || err != nil {
		t.Errorf("%d removed, %v", n, err)
	}
	if list, err := f.List(t.Context(), "kim"); err != nil || len(list) != 1 || list[0].TurnID != "t2" {
		t.Errorf("left: %v, %v", list, err)
	}
	if folders, err := filepath.Glob(filepath.Join(dir, "recordings", "[ux]-*")); err != nil || len(folders) != 1 {
		t.Errorf("folders left: %v, %v", folders, err)
	}
	if n, err := f.Expire(t.Context(), time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("%d removed, %v", n, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "recordings", "u-kim", "notes.txt")); err != nil {
		t.Errorf("what is not sori's is gone: %v", err)
	}
	save("kim", "t4", 0) // a folder that was removed is made anew
}
