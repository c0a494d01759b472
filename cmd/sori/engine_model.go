package main

import (
	"context"
	"iter"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"sori/engines/enginehttp"
	"sori/engines/espeak"
	"sori/engines/llama"
	"sori/engines/models"
	"sori/engines/responder"
	"sori/stage"
)

// loadTTOT loads the language model, or takes the built-in skills where none is
// chosen.
func (e *engineCmd) loadTTOT(c *console, l *loaded, log *slog.Logger) (enginehttp.Responder, error) {
	skills := responder.New(responder.Options{})
	if e.Model == "" {
		return skills, nil
	}
	model, err := e.openModel(c, log)
	if err != nil {
		if e.Anyway {
			file, _, _ := strings.Cut(e.Model, "?")
			log.Error("the language model can't be loaded, the built-in skills answer", "model", e.Model, "error", err)
			l.without(stage.TTOT, enginehttp.Missing{Engine: llama.Name(file), Err: err})
			return skills, nil
		}
		return nil, err
	}
	l.atEnd(func(context.Context) { model.Close() })
	return answerer{model: model, rest: skills}, nil
}

func (e *engineCmd) openModel(c *console, log *slog.Logger) (*llama.Responder, error) {
	file, o, err := parseModel(e.Model)
	if err != nil {
		return nil, &usageError{err.Error()}
	}
	dir, _, err := e.find(c)
	if err != nil {
		return nil, err
	}
	library, err := findExtra(dir, models.NameLlama, models.IDLlama)
	if err != nil {
		return nil, err
	}
	path, err := findModel(dir, file)
	if err != nil {
		return nil, err
	}
	lib, err := llama.Load(filepath.Dir(library))
	if err != nil {
		return nil, err
	}
	o.Log = log
	return lib.Open(path, o)
}

// answerer is a language model, and the built-in skills for the languages that
// it does not have.
type answerer struct {
	model *llama.Responder
	rest  *responder.Responder
}

// Engine implements enginehttp.Responder.
func (a answerer) Engine() string { return a.model.Engine() }

// Each gives both by name, with their languages.
func (a answerer) Each() iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		_ = yield(a.model.Engine(), a.model.Languages()) && yield(a.rest.Engine(), a.rest.Languages())
	}
}

// Languages are the base tags of what can be answered; empty for any.
func (a answerer) Languages() []string {
	own := a.model.Languages()
	if len(own) == 0 {
		return nil
	}
	return slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(own), a.rest.Languages()...))))
}

// Respond implements enginehttp.Responder.
func (a answerer) Respond(ctx context.Context, p stage.Prompt) iter.Seq2[string, error] {
	base, own := espeak.Base(p.Language), a.model.Languages()
	if base != "" && len(own) > 0 && !slices.Contains(own, base) && slices.Contains(a.rest.Languages(), base) {
		stage.NoteServed(ctx, stage.Served{Stage: stage.TTOT, Engine: a.rest.Engine()})
		return a.rest.Respond(ctx, p)
	}
	return a.model.Respond(ctx, p)
}
