package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"sori/clients/discover"
	"sori/engines/espeak"
	"sori/engines/llama"
	"sori/engines/models"
)

// beNatural fetches what a natural conversation needs, and chooses a language
// model that fits this machine where nothing else is chosen or found.
func (p *parts) beNatural(ctx context.Context) error {
	dir, base, err := p.find(p.console)
	if err != nil {
		return err
	}
	extras := models.Extras(runtime.GOOS, runtime.GOARCH)
	names := []string{models.NameBase, models.NameJoe}
	if base := espeak.Base(p.Language); base != "en" && slices.Contains(whisperLanguages(), base) {
		names = append(names, models.NameEar)
	}
	model := ""
	if _, ok := models.Path(dir, extras, models.IDLlama); ok && p.TTOT == "" { // else none runs on this machine: the built-in skills answer
		if _, found := discover.LLM(ctx, discover.Usual()); !found { // it is found again when the engines are started
			model = modelFor(llama.Available())
			names = append(names, model)
		}
	}
	bundles, err := models.Select(base, extras, names...)
	if err != nil {
		return err
	}
	if err := models.Pull(ctx, dir, bundles, models.Options{Out: p.err, Live: isTerminal(p.err)}); err != nil {
		return err
	}
	if model != "" {
		p.TTOT = fmt.Sprintf("%s%s?threads=%d", local, model, threadsOf(runtime.NumCPU()))
	}
	return nil
}

// modelFor names the best language model that runs well in so much free memory,
// in bytes: beside it there are the other engines, and whatever the user runs.
func modelFor(free uint64) string {
	const gib = 1 << 30
	switch {
	case free >= 4*gib:
		return models.NameQwenLarge // it takes 2
	case free >= 2*gib:
		return models.NameQwen
	}
	return models.NameSmolLM
}

// threadsOf is how many of the processors the language model may take: as many as
// leave one half to those that hear and speak, for its threads spin.
func threadsOf(processors int) int { return min(max(processors/2, 1), 4) }
