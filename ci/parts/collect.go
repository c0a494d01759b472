package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"sori/engines/models"
)

// part is something in the binary that is not sori's own.
type part struct {
	name     string // a module's path, an npm package's name
	version  string
	source   string // where it comes from
	licences []string
	texts    []text
}

// modules gives the Go modules of which code is in the binary, by what the go
// command says of it for Linux.
func modules(ctx context.Context, root string) ([]part, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-json=Module", "./cmd/sori")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOFLAGS=-mod=readonly")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, errs.Bytes())
	}
	found := make(map[string]part)
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Module *struct {
				Path, Version, Dir string
				Main               bool
			}
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("what go list says: %w", err)
		}
		m := p.Module
		if m == nil || m.Main || found[m.Path].name != "" {
			continue
		}
		one := part{name: m.Path, version: m.Version, source: "https://pkg.go.dev/" + m.Path + "@" + m.Version}
		if one.texts, err = texts(m.Dir); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path, err)
		}
		if one.licences, err = licences(one.texts); err != nil {
			return nil, fmt.Errorf("%s %s: %w", m.Path, m.Version, err)
		}
		found[m.Path] = one
	}
	all := make([]part, 0, len(found))
	for _, p := range found {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b part) int { return cmp.Compare(a.name, b.name) })
	return all, nil
}

// goItself is the standard library and the runtime.
func goItself() (part, error) {
	p := part{name: "Go standard library and runtime", version: runtime.Version(), source: "https://go.dev", licences: []string{"BSD-3-Clause"}}
	body, err := os.ReadFile(filepath.Join(runtime.GOROOT(), "LICENSE")) //nolint:staticcheck // the toolchain that runs this is the one that builds
	p.texts = []text{{"LICENSE", strings.TrimSpace(string(body))}}
	return p, err
}

// embedded gives what the page holds that was made by others. Its code has no
// dependencies: what web/package.json names are tools, but for the font.
func embedded(root string) ([]part, error) {
	data, err := os.ReadFile(filepath.Join(root, "web", "package.json"))
	if err != nil {
		return nil, err
	}
	var npm struct {
		Tools        map[string]string `json:"devDependencies"`
		Dependencies map[string]string `json:"dependencies"`
	}
	if err := json.Unmarshal(data, &npm); err != nil {
		return nil, fmt.Errorf("web/package.json: %w", err)
	}
	if len(npm.Dependencies) > 0 {
		return nil, fmt.Errorf("web/package.json has dependencies, of which ci/parts knows nothing: %v", npm.Dependencies)
	}
	const font = "@fontsource-variable/newsreader"
	p := part{name: font, version: npm.Tools[font], source: "https://www.npmjs.com/package/" + font}
	if p.version == "" {
		return nil, errors.New("web/package.json does not name the font's package, " + font)
	}
	if p.texts, err = texts(filepath.Join(root, "web", "static", "fonts")); err != nil {
		return nil, err
	}
	if p.licences, err = licences(p.texts); err != nil {
		return nil, fmt.Errorf("web/static/fonts: %w", err)
	}
	return []part{p}, nil
}

// fetched gives what `sori models pull` brings, on every platform.
func fetched() ([]models.Bundle, error) {
	var all []models.Bundle
	seen := make(map[string]bool)
	for _, platform := range [][2]string{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}} {
		base, err := models.Manifest(platform[0], platform[1])
		if err != nil {
			return nil, err
		}
		for _, b := range append(base, models.Extras(platform[0], platform[1])...) {
			if !seen[b.ID] {
				seen[b.ID] = true
				all = append(all, b)
			}
		}
	}
	slices.SortFunc(all, func(a, b models.Bundle) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}
