package history_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"sori/history"
)

func TestTurnsInQuarantineAreForgotten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	folder := filepath.Join(dir, "spool")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"1-a.json.bad": `{"user_id":"kim","atot_text":"a secret"}`,
		"2-b.json.bad": `{"user_id":"lee","atot_text":"another"}`,
		"3-c.json.bad": `{"user_id":"ki`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	k, err := history.NewKeeper(nil, history.KeeperOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	left := func(want int) {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(folder, "*"))
		if err != nil || len(files) != want || k.Status().Quarantined != want {
			t.Errorf("%q are left, %v; the keeper counts %d", files, err, k.Status().Quarantined)
		}
	}
	if n, err := k.ForgetBad("", time.Now().Add(-time.Hour)); n != 0 || err != nil {
		t.Errorf("%d young ones removed, %v", n, err)
	}
	left(3)
	if n, err := k.ForgetBad("kim", time.Time{}); n != 2 || err != nil {
		t.Errorf("%d removed, %v", n, err)
	}
	left(1)
	if n, err := k.ForgetBad("", time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("%d removed, %v", n, err)
	}
	left(0)
}
