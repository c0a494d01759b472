// Command parts lists what sori is made of and is not sori's own: the Go modules
// in the binary, what the page embeds, and the models and native libraries that
// `sori models pull` fetches. It works offline, from the module cache and from
// the manifest that the binary carries.
//
//	go run ./ci/parts third-party >THIRD_PARTY.md       licences, with their texts
//	go run ./ci/parts sbom BINARY VERSION >sori.cdx.json   a CycloneDX SBOM
package main

import (
	"context"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(context.Background(), os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "parts:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, args []string) error {
	switch {
	case len(args) == 1 && args[0] == "third-party":
		return writeThirdParty(ctx, w, ".")
	case len(args) == 3 && args[0] == "sbom":
		return writeSBOM(ctx, w, ".", args[1], args[2])
	}
	return fmt.Errorf("%q: say third-party, or sbom with a binary and its version", args)
}
