package main

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// writeThirdParty writes THIRD_PARTY.md for the tree at root.
func writeThirdParty(ctx context.Context, w io.Writer, root string) error {
	mods, err := modules(ctx, root)
	if err != nil {
		return err
	}
	library, err := goItself()
	if err != nil {
		return err
	}
	page, err := embedded(root)
	if err != nil {
		return err
	}
	bundles, err := fetched()
	if err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("# Third-party parts\n\nWhat sori carries or fetches and did not make, and on what terms. `make third-party` writes this file; a test holds it\n" +
		"against what is built. sori itself is under the [MIT licence](LICENSE).\n\n" +
		"## In the binary\n\nThe Go standard library and runtime (BSD-3-Clause), and code of these Go modules:\n\n| module | version | licence |\n| --- | --- | --- |\n")
	for _, p := range mods {
		fmt.Fprintf(&b, "| [%s](%s) | %s | %s |\n", p.name, p.source, p.version, strings.Join(p.licences, ", "))
	}
	b.WriteString("\n## In the page, which is in the binary\n\nThe page and its client library have no dependencies. Of others is the font:\n\n| package | version | licence |\n| --- | --- | --- |\n")
	for _, p := range page {
		fmt.Fprintf(&b, "| [%s](%s) | %s | %s |\n", p.name, p.source, p.version, strings.Join(p.licences, ", "))
	}
	b.WriteString("\n## Fetched by `sori models pull`\n\nModels and native libraries. They are no part of the binary: each is fetched from where its makers, or somebody else, put it,\n" +
		"checked by its SHA-256, and comes with its own terms. The container image of `make docker` holds those that need no name.\n\n" +
		"| what | for | licence | source |\n| --- | --- | --- | --- |\n")
	for i := range bundles {
		m := &bundles[i]
		name := m.ID
		if m.Name != "" {
			name += " (`sori models pull " + m.Name + "`)"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s: `%s` |\n", name, m.Title, m.Licence, m.Source.Kind, m.Source.Ref)
	}
	b.WriteString("\n## In the container image\n\nBesides, the packages of Debian, each with its terms in `/usr/share/doc/*/copyright`.\n\n## The terms\n\n" +
		"Each text once, with all whose it is.\n")
	writeTexts(&b, append(append([]part{library}, mods...), page...))
	_, err = io.WriteString(w, b.String())
	return err
}

// writeTexts writes each text once.
func writeTexts(b *strings.Builder, parts []part) {
	var order []string
	of := make(map[string][]string)
	for _, p := range parts {
		for _, t := range p.texts {
			if of[t.body] == nil {
				order = append(order, t.body)
			}
			of[t.body] = append(of[t.body], p.name+" ("+t.name+")")
		}
	}
	for _, body := range order {
		fmt.Fprintf(b, "\n### %s\n\n", strings.Join(of[body], ", "))
		for line := range strings.Lines(body + "\n") {
			b.WriteString(strings.TrimRight("    "+strings.TrimRight(line, " \t\r\n\f"), " ") + "\n")
		}
	}
}
