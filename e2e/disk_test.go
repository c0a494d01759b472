//go:build e2e && linux

package e2e_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"sori/client"
	"sori/protocol"
)

// A full disk costs no turn: conversations go on, the client is warned, and what
// was held is written when there is room again.
func TestTheDiskIsFull(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	if err := syscall.Mount("tmpfs", data, "tmpfs", 0, "size=24m"); err != nil {
		if os.Getenv("CI") == "true" && os.Getenv("SORI_SMALL_DISK") != "missing" {
			t.Fatal(err)
		}
		t.Skipf("a small disk can only be made by root: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(data, syscall.MNT_DETACH) })
	s := serve(t, "--data", data, "--recordings", "folder")
	t.Cleanup(func() { _ = s.stop() }) // before the disk is taken away
	user := "full"
	c := format(16000)
	c.User = &user
	conn := dial(t, s, c)
	var want, warnings []string
	say := func(text string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		a, err := conn.Ask(ctx, client.Turn{Text: text}, func(m client.Message) {
			if w, ok := m.Event.(protocol.Warning); ok {
				warnings = append(warnings, w.Code)
			}
		}, nil)
		if err != nil || !a.Done() {
			t.Fatalf("%q: %v, %+v", text, err, a)
		}
		want = append(want, text)
	}
	say("there is room")
	filler := filepath.Join(data, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 4096); ; {
		if _, err := f.Write(block); err != nil {
			break
		}
	}
	_ = f.Close()
	for range 8 { // the database has some pages left
		say("there is none")
	}
	if !slices.Contains(warnings, protocol.WarnRecording) {
		t.Errorf("warnings %v, want %s", warnings, protocol.WarnRecording)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	say("there is room again")
	if got := turnsOf(t, s, user, len(want)); !slices.Equal(got, want) {
		t.Errorf("the store has %q, want %q", got, want)
	}
	t.Logf("warnings: %v", warnings)
}
