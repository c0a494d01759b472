package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ForgetBad removes the turns in quarantine (no store takes them, and they wait
// for an operator) that are of the user, or, where userID is "", that were set
// aside before a time. One in which nothing can be read is of any user.
func (k *Keeper) ForgetBad(userID string, before time.Time) (removed int, err error) {
	entries, err := os.ReadDir(k.spool.dir)
	if err != nil {
		return 0, fmt.Errorf("history: read the spool: %w", err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), badFile) || !k.toForget(e, userID, before) {
			continue
		}
		if e := k.spool.drop(e.Name()); e != nil {
			err = errors.Join(err, e)
			continue
		}
		removed++
	}
	if removed == 0 {
		return 0, err
	}
	k.mu.Lock()
	k.bad = max(0, k.bad-removed)
	k.mu.Unlock()
	return removed, errors.Join(err, k.spool.sync())
}

func (k *Keeper) toForget(e os.DirEntry, userID string, before time.Time) bool {
	if userID == "" {
		info, err := e.Info()
		return err == nil && info.ModTime().Before(before)
	}
	text, err := os.ReadFile(filepath.Join(k.spool.dir, e.Name()))
	if err != nil {
		return false
	}
	var t struct {
		UserID string `json:"user_id"`
	}
	return json.Unmarshal(text, &t) != nil || t.UserID == "" || t.UserID == userID
}

// Forget drops the user's turns that were set aside here before a time, without
// asking the store: another process has deleted the user there. It gives how many
// turns that were.
func (k *Keeper) Forget(userID string, before time.Time) (dropped int, err error) {
	k.mu.Lock()
	l := k.lanes[userID]
	var files []string
	if l != nil {
		for _, it := range slices.Clone(l.items) {
			if it.seq >= before.UnixNano() {
				break
			}
			if file, _ := k.remove(l, it); file != "" {
				files = append(files, file)
			}
			dropped++
		}
		k.forget(l)
	}
	k.mu.Unlock()
	for _, file := range files {
		err = errors.Join(err, k.spool.drop(file))
	}
	if len(files) > 0 {
		err = errors.Join(err, k.spool.sync())
	}
	return dropped, err
}
