package history

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// spool is a folder with one file for each turn that waits. A file is there
// whole or not at all, whenever the process or the power goes: it is written
// beside, synced, renamed, and the folder is synced. Names sort by time.
type spool struct {
	dir     string
	durably func(path string, data []byte) error
}

// spooled is a file that an earlier process left.
type spooled struct {
	name string
	seq  int64
	bad  bool // in quarantine
}

const (
	spoolName = "spool"
	goodFile  = ".json"
	badFile   = ".json.bad"
	tempFile  = ".tmp"
)

// openSpool makes the folder, clears what a crash left half written, and gives
// the files in their order.
func openSpool(dir string, durably func(string, []byte) error) (spool, []spooled, error) {
	s := spool{dir: filepath.Join(dir, spoolName), durably: durably}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return s, nil, fmt.Errorf("history: make the spool: give this user the right to write %s, or choose another data folder: %w", dir, err)
	}
	entries, err := os.ReadDir(s.dir) // sorted by name, so by time
	if err != nil {
		return s, nil, fmt.Errorf("history: read the spool: %w", err)
	}
	var found []spooled
	for _, e := range entries {
		name := e.Name()
		switch {
		case strings.HasSuffix(name, badFile):
			found = append(found, spooled{name: name, bad: true})
		case strings.HasSuffix(name, tempFile):
			if err := s.drop(name); err != nil {
				return s, nil, err
			}
		case strings.HasSuffix(name, goodFile):
			digits, _, _ := strings.Cut(name, "-")
			seq, err := strconv.ParseInt(digits, 10, 64)
			if err != nil {
				seq = 0 // not a name of ours: what is in it decides
			}
			found = append(found, spooled{name: name, seq: seq})
		}
	}
	return s, found, nil
}

// name is unique even where two processes share the folder by mistake.
func (s spool) name(seq int64) string {
	return fmt.Sprintf("%020d-%08x", seq, rand.Uint32())
}

// put writes a turn and gives the name of its file.
func (s spool) put(seq int64, record []byte) (name string, err error) {
	name = s.name(seq) + goodFile
	return name, s.durably(filepath.Join(s.dir, name), record)
}

// putBad writes a turn that no store takes, for an operator to look at.
func (s spool) putBad(seq int64, record []byte) (name string, err error) {
	name = s.name(seq) + badFile
	return name, s.durably(filepath.Join(s.dir, name), record)
}

// reject renames a file so that it isn't tried again.
func (s spool) reject(name string) (bad string, err error) {
	bad = strings.TrimSuffix(name, goodFile) + badFile
	return bad, os.Rename(filepath.Join(s.dir, name), filepath.Join(s.dir, bad))
}

func (s spool) read(name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(s.dir, name))
}

// drop removes a file; one that is gone already is no error.
func (s spool) drop(name string) error {
	if err := os.Remove(filepath.Join(s.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("history: remove a turn from the spool: %w", err)
	}
	return nil
}

// sync makes what was removed stay removed.
func (s spool) sync() error { return syncDir(s.dir) }

// writeDurably writes a whole file or none. When it returns nil the file
// survives the loss of power.
func writeDurably(path string, data []byte) (err error) {
	temp := path + tempFile
	defer func() {
		if err != nil {
			// Half a file has no use, and its room may be what is missing.
			if e := os.Remove(temp); e != nil && !errors.Is(e, fs.ErrNotExist) {
				err = errors.Join(err, e)
			}
		}
	}()
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return errors.Join(err, os.Remove(path)) // perhaps there, perhaps not: rather not
	}
	return nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
