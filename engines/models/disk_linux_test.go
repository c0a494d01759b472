package models_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sori/engines/models"
)

// A disk that fills while a model is fetched is said so, leaves nothing that could
// be taken for the model, and another try works once there is room.
func TestThePullFillsTheDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		if os.Getenv("CI") == "true" && os.Getenv("SORI_SMALL_DISK") != "missing" {
			t.Fatal(err)
		}
		t.Skipf("a small disk can only be made by root: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	body := noise(3 << 20)
	server := &web{body: body}
	want := []models.Bundle{onWeb(server.start(t), body)}
	err := models.Pull(t.Context(), dir, want, quick())
	if e := wantCode(t, err, models.CodeDiskFull); e.Do == "" || len(server.asked()) != 1 {
		t.Errorf("it does not say what to do, or tried %d times: %v", len(server.asked()), e)
	}
	if err := models.Check(dir, want); err == nil {
		t.Error("what is half there is taken for the model")
	}
	if _, err := os.Stat(filepath.Join(dir, want[0].ID, want[0].Files[0].Name)); err == nil {
		t.Error("a half file has the whole one's name")
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, "size=8m"); err != nil {
		t.Fatal(err)
	}
	if err := models.Pull(t.Context(), dir, want, quick()); err != nil || models.Verify(t.Context(), dir, want) != nil {
		t.Errorf("with room again: %v", err)
	}
	if asked := server.asked(); !strings.HasPrefix(asked[len(asked)-1], "bytes=") {
		t.Logf("the second pull began anew: %q", asked)
	}
}
