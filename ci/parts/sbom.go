package main

import (
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/google/uuid"

	"sori/engines/models"
)

// What of CycloneDX 1.6 is written: https://cyclonedx.org/docs/1.6/json/.
type (
	bom struct {
		Schema       string       `json:"$schema"`
		Format       string       `json:"bomFormat"`
		Spec         string       `json:"specVersion"`
		Serial       string       `json:"serialNumber"`
		Version      int          `json:"version"`
		Metadata     metadata     `json:"metadata"`
		Components   []component  `json:"components"`
		Dependencies []dependency `json:"dependencies"`
	}
	metadata struct {
		Component component `json:"component"`
	}
	component struct {
		Type       string      `json:"type"`
		Ref        string      `json:"bom-ref"`
		Name       string      `json:"name"`
		Version    string      `json:"version,omitempty"`
		Text       string      `json:"description,omitempty"`
		Scope      string      `json:"scope,omitempty"`
		Hashes     []hash      `json:"hashes,omitempty"`
		Licences   []licence   `json:"licenses,omitempty"`
		PURL       string      `json:"purl,omitempty"`
		Components []component `json:"components,omitempty"`
		Properties []property  `json:"properties,omitempty"`
	}
	hash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	licence struct {
		Licence licenceName `json:"license"`
	}
	licenceName struct {
		ID   string `json:"id,omitempty"` // of SPDX
		Name string `json:"name,omitempty"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	dependency struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn,omitempty"`
	}
)

// writeSBOM writes what a binary of sori, built from the tree at root, is made
// of. The same binary gives the same SBOM.
func writeSBOM(ctx context.Context, w io.Writer, root, binary, version string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("%s is no Go binary: %w", binary, err)
	}
	data, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	mods, err := modules(ctx, root)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	b := bom{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", Spec: "1.6", Version: 1,
		Serial: "urn:uuid:" + uuid.NewSHA1(uuid.NameSpaceOID, sum[:]).String(),
		Metadata: metadata{component{
			Type: "application", Ref: "sori", Name: "sori", Version: version, Hashes: []hash{{"SHA-256", hex.EncodeToString(sum[:])}},
			Licences: []licence{{licenceName{ID: "MIT"}}}, PURL: "pkg:generic/sori@" + version,
		}},
	}
	b.add(component{
		Type: "library", Ref: "go", Name: "std", Version: strings.TrimPrefix(info.GoVersion, "go"), Text: "the Go standard library and runtime",
		Licences: []licence{{licenceName{ID: "BSD-3-Clause"}}}, PURL: "pkg:golang/std@" + strings.TrimPrefix(info.GoVersion, "go"),
	})
	for _, m := range info.Deps {
		i := slices.IndexFunc(mods, func(p part) bool { return p.name == m.Path && p.version == m.Version })
		if i < 0 {
			return fmt.Errorf("%s holds %s %s and the tree does not: build it again", binary, m.Path, m.Version)
		}
		purl := "pkg:golang/" + m.Path + "@" + m.Version
		b.add(component{
			Type: "library", Ref: purl, Name: m.Path, Version: m.Version, Licences: spdx(mods[i].licences), PURL: purl,
			Properties: []property{{"go:sum", m.Sum}},
		})
	}
	page, err := embedded(root)
	if err != nil {
		return err
	}
	for _, p := range page {
		purl := purlOf("npm", p.name, p.version)
		b.add(component{Type: "file", Ref: purl, Name: p.name, Version: p.version, Text: "a font in the page", Licences: spdx(p.licences), PURL: purl})
	}
	if err := b.addFetched(); err != nil {
		return err
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(b)
}

// add puts in something that sori depends on.
func (b *bom) add(c component) {
	b.Components = append(b.Components, c)
	if len(b.Dependencies) == 0 {
		b.Dependencies = []dependency{{Ref: b.Metadata.Component.Ref}}
	}
	b.Dependencies[0].DependsOn = append(b.Dependencies[0].DependsOn, c.Ref)
	b.Dependencies = append(b.Dependencies, dependency{Ref: c.Ref})
}

// addFetched puts in what the binary fetches and checks, each file by its hash.
func (b *bom) addFetched() error {
	bundles, err := fetched()
	if err != nil {
		return err
	}
	for i := range bundles {
		m := &bundles[i]
		c := component{
			Type: "library", Ref: "models/" + m.ID, Name: m.ID, Text: m.Title, Scope: "optional",
			Licences:   []licence{{licenceName{Name: m.Licence}}},
			Properties: []property{{"sori:source", string(m.Source.Kind) + " " + m.Source.Ref}},
		}
		switch m.Source.Kind {
		case models.KindNPM:
			at := strings.LastIndexByte(m.Source.Ref, '@')
			c.PURL, c.Version = purlOf("npm", m.Source.Ref[:at], m.Source.Ref[at+1:]), m.Source.Ref[at+1:]
		case models.KindPip:
			name, v, _ := strings.Cut(m.Source.Ref, "==")
			c.PURL, c.Version = purlOf("pypi", name, v), v
		case models.KindURL, models.KindCDN: // these have no name among packages
		}
		for _, f := range m.Files {
			if ext := path.Ext(f.Name); ext == ".onnx" || ext == ".gguf" {
				c.Type = "machine-learning-model"
			}
			c.Components = append(c.Components, component{
				Type: "file", Ref: c.Ref + "/" + f.Name, Name: f.Name, Hashes: []hash{{"SHA-256", f.SHA256}},
			})
		}
		b.add(c)
	}
	return nil
}

func purlOf(kind, name, version string) string {
	return "pkg:" + kind + "/" + strings.Replace(name, "@", "%40", 1) + "@" + version
}

// spdx are licences by their names at SPDX, where they have one.
func spdx(names []string) []licence {
	var all []licence
	for _, n := range names {
		if n == "GooglePatentsFile" {
			all = append(all, licence{licenceName{Name: "Google's additional grant of patent rights"}})
			continue
		}
		all = append(all, licence{licenceName{ID: n}})
	}
	return all
}
