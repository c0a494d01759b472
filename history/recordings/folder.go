// Package recordings keeps the audio of turns as WAV files, in a folder or in a
// bucket of an S3-compatible store, one folder for each user. Whatever a client
// sends as an id or a name, it reads and writes nothing outside.
package recordings

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"sori/history"
)

// The kinds of a recording.
const (
	Input = "input" // what the user said
	Reply = "reply" // what sori answered
)

// ErrInvalid is wrapped by the error for an id, a kind or a name that no
// recording has.
var ErrInvalid = errors.New("recordings: no such name")

const (
	folderName = "recordings"
	tempFolder = ".incoming" // no user's: theirs start with u- or x-
	// stale is the age of a half-written file that its process left behind.
	// Younger ones may be another process' that shares the folder.
	stale = time.Hour
	// maxName bounds turn ids, and user ids that are shown in the folder's name.
	maxName = 64
)

// Folder keeps recordings in a folder. It is safe for concurrent use, by several
// processes, too.
type Folder struct {
	root *os.Root // what keeps every path inside
	dir  string

	once     sync.Once
	closeErr error
}

// Open makes dir/recordings when it's not there, and removes what a crash left
// half written.
func Open(dir string) (*Folder, error) {
	dir = filepath.Join(dir, folderName)
	if err := os.MkdirAll(filepath.Join(dir, tempFolder), 0o700); err != nil {
		return nil, explain("make the folder of recordings", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, explain("open the folder of recordings", err)
	}
	f := &Folder{root: root, dir: dir}
	if err := f.sweep(); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return f, nil
}

func (f *Folder) sweep() error {
	entries, err := fs.ReadDir(f.root.FS(), tempFolder)
	if err != nil {
		return explain("sweep the folder of recordings", err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && time.Since(info.ModTime()) > stale {
			err = f.root.Remove(path.Join(tempFolder, e.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return explain("sweep the folder of recordings", err)
		}
	}
	return nil
}

// Close ends the use of the folder. It is idempotent.
func (f *Folder) Close() error {
	f.once.Do(func() { f.closeErr = f.root.Close() })
	return f.closeErr
}

// Save writes one recording, a whole WAV file, and gives the path at which it is
// read below the server's address: /users/{user}/recordings/{turn}-{kind}.wav.
// kind is Input or Reply; a turn ID has up to 64 letters, digits, - and _.
//
// The file is there whole or not at all. An error that wraps
// history.ErrUnavailable, such as that of a full disk, may pass; whatever the
// error, nothing half written stays.
func (f *Folder) Save(ctx context.Context, userID, turnID, kind string, wav io.Reader) (string, error) {
	name, err := nameOf(userID, turnID, kind)
	if err != nil {
		return "", err
	}
	temp := path.Join(tempFolder, fmt.Sprintf("%s-%016x", name, rand.Uint64()))
	err = f.write(ctx, temp, wav)
	if err == nil {
		err = f.publish(temp, folderOf(userID), name)
	}
	if err != nil {
		if e := f.root.Remove(temp); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
		return "", explain("save "+name, err)
	}
	return pathOf(userID, name), nil
}

// nameOf names the recording of a user's turn.
func nameOf(userID, turnID, kind string) (string, error) {
	if !plain(turnID) || (kind != Input && kind != Reply) {
		return "", fmt.Errorf("%w: turn %q, kind %q", ErrInvalid, turnID, kind)
	}
	if err := history.ValidUserID(userID); err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return turnID + "-" + kind + ".wav", nil
}

// pathOf is where a recording is read below the server's address.
func pathOf(userID, name string) string {
	return "/users/" + url.PathEscape(userID) + "/recordings/" + name
}

// write copies the audio into a new file, and waits until it is on the disk: a
// name never leads to a file that a loss of power has emptied.
func (f *Folder) write(ctx context.Context, temp string, wav io.Reader) error {
	out, err := f.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, obedient{ctx: ctx.Err, from: wav})
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}

// obedient is a reader that ends with its context.
type obedient struct {
	ctx  func() error
	from io.Reader
}

func (o obedient) Read(p []byte) (int, error) {
	if err := o.ctx(); err != nil {
		return 0, err
	}
	return o.from.Read(p)
}

// publish gives the file its name. The user may be deleted in between: then the
// folder is made once more.
func (f *Folder) publish(temp, folder, name string) error {
	for attempt := 0; ; attempt++ {
		if err := f.root.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		err := f.root.Rename(temp, path.Join(folder, name))
		if attempt >= 100 || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
}

// folderOf names the user's folder: the id itself where a file system can show
// it, else half of its hash. Ids are opaque, up to 128 bytes of anything.
func folderOf(userID string) string {
	if plain(userID) {
		return "u-" + userID
	}
	sum := sha256.Sum256([]byte(userID))
	return "x-" + hex.EncodeToString(sum[:len(sum)/2])
}

func plain(id string) bool {
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return id != "" && len(id) <= maxName
}

// parse splits the name of a recording.
func parse(name string) (turnID, kind string, ok bool) {
	stem, ok := strings.CutSuffix(name, ".wav")
	at := strings.LastIndexByte(stem, '-')
	if !ok || at < 0 {
		return "", "", false
	}
	turnID, kind = stem[:at], stem[at+1:]
	return turnID, kind, plain(turnID) && (kind == Input || kind == Reply)
}

// explain says what an operator can do.
func explain(what string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("recordings: %s: %w: the disk is full: make room: %w", what, history.ErrUnavailable, err)
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("recordings: %s: %w: give this user the right to write there: %w", what, history.ErrUnavailable, err)
	default:
		return fmt.Errorf("recordings: %s: %w", what, err)
	}
}
