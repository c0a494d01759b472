package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"sori/clients/atot"
	"sori/clients/discover"
	"sori/clients/endpoint"
	"sori/clients/ttot"
	"sori/clients/tts"
	"sori/engines/child"
	"sori/engines/models"
	"sori/stage"
)

// engines is what serves the three stages.
type engines struct {
	atot    *atot.Client
	ttot    *ttot.Client
	tts     *tts.Client
	local   *child.Child // nil when no stage is served locally
	about   map[stage.Name]string
	known   knownLanguages
	options endpoint.Options // that the clients were made with
}

// startEngines starts the local engines, if any are asked for, and makes the
// clients of all. The caller closes what it gets.
func startEngines(ctx context.Context, c *console, cfg *engineURLs, modelsDir, dataDir string, log *slog.Logger, seen eyes) (*engines, error) {
	e := &engines{about: map[stage.Name]string{}}
	specs := cfg.stages()
	// The search takes a moment, in which the local engines load already. They
	// are begun with a responder, which costs nothing, if they are begun at all.
	search := specs[stage.TTOT] == ""
	if search {
		specs[stage.TTOT] = local
		if !isLocal(specs[stage.ATOT]) && !isLocal(specs[stage.TTS]) {
			e.search(ctx, specs)
			search = false
		}
	}
	var wanted []stage.Name
	for _, name := range []stage.Name{stage.ATOT, stage.TTOT, stage.TTS} {
		if isLocal(specs[name]) {
			wanted = append(wanted, name)
		}
	}
	if len(wanted) > 0 {
		var err error
		if e.local, err = startLocal(ctx, cfg, wanted, modelsDir, dataDir, log, e.known.hear(log)); err != nil {
			return nil, err
		}
	}
	if search {
		e.search(ctx, specs)
	}
	if err := e.connect(c, cfg, specs, modelsDir, log, seen); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

// search looks for a language model on this machine.
func (e *engines) search(ctx context.Context, specs map[stage.Name]string) {
	if f, ok := discover.LLM(ctx, discover.Usual()); ok {
		specs[stage.TTOT] = f.URL
		e.about[stage.TTOT] = "found on this machine, " + f.Server
	}
}

// connect makes the clients.
func (e *engines) connect(c *console, cfg *engineURLs, specs map[stage.Name]string, modelsDir string, log *slog.Logger, seen eyes) error {
	o := endpoint.Options{
		Timeout: cfg.EngineTimeout, Getenv: c.getenv, Log: log, Trace: seen.trace,
		OnFallback: func(ctx context.Context, name stage.Name, from, to string, err error) {
			if seen.fellBack != nil {
				seen.fellBack(name)
			}
			stage.NoteServed(ctx, stage.Served{Stage: name, Engine: to, Failed: from, Err: err})
		},
	}
	host := ""
	if e.local != nil {
		host, o.Dial = e.local.Host(), e.local.Dial
	}
	e.options = o
	spec := func(name stage.Name) string {
		first, _, _ := strings.Cut(specs[name], ",")
		if isLocal(first) {
			e.about[name] = "local"
		}
		if more := strings.Count(specs[name], ","); more > 0 {
			e.about[name] = strings.TrimPrefix(fmt.Sprintf("%s, %d to fall back on", e.about[name], more), ", ")
		}
		// Where a remote engine may help out, nobody knows what languages there are.
		e.known.mine(name, isLocal(first), !strings.Contains(specs[name], ","))
		return resolveLocal(specs[name], host, localName(name, specs[name], modelsDir))
	}
	var err error
	if e.atot, err = atot.New(spec(stage.ATOT), o); err != nil {
		return err
	}
	if e.ttot, err = ttot.New(spec(stage.TTOT), o); err != nil {
		return err
	}
	e.tts, err = tts.New(spec(stage.TTS), o)
	return err
}

// checks asks all engines of all stages whether they are there.
func (e *engines) checks(ctx context.Context) []endpoint.Check {
	all := e.atot.Check(ctx)
	all = append(all, e.ttot.Check(ctx)...)
	return append(all, e.tts.Check(ctx)...)
}

// wait waits until the local engines can work.
func (e *engines) wait(ctx context.Context) error {
	if e.local == nil {
		return nil
	}
	if err := awaitLocal(ctx, e.local, e.options.Log); err != nil {
		return err
	}
	return e.known.learn(ctx, e.local, e.options.Log)
}

// close ends the connections and the local engines.
func (e *engines) close() error {
	if e.atot != nil {
		e.atot.Close()
	}
	if e.ttot != nil {
		e.ttot.Close()
	}
	if e.tts != nil {
		e.tts.Close()
	}
	if e.local != nil {
		return e.local.Close()
	}
	return nil
}

// findModels gives the models' files, and an error that says what to do when
// one is missing.
func findModels(p *modelsPlace, c *console) (dir string, files *models.Files, err error) {
	dir, bundles, err := p.find(c)
	if err != nil {
		return dir, nil, err
	}
	if err = models.Check(dir, bundles); err != nil {
		return dir, nil, err
	}
	f, err := models.Locate(dir, bundles)
	return dir, &f, err
}

// missingModels says what to do when the local engines lack their models.
func missingModels(err error) error {
	if e, ok := errors.AsType[*models.Error](err); ok && e.Code != models.CodeMissing {
		return err
	}
	return fmt.Errorf("%w\nThe local engines need their models: run `sori models pull` (or `make models`) once, or name other engines with --atot and --tts", err)
}
