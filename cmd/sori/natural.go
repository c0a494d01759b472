package main

import (
	"context"
	"runtime"

	"sori/clients/discover"
	"sori/engines/models"
)

// beNatural fetches what a natural conversation needs, and chooses the small
// language model where nothing else is chosen or found.
func (p *parts) beNatural(ctx context.Context) error {
	dir, base, err := p.find(p.console)
	if err != nil {
		return err
	}
	bundles, err := models.Select(base, models.Extras(runtime.GOOS, runtime.GOARCH), models.NameBase, models.NameNatural)
	if err != nil {
		return err
	}
	if err := models.Pull(ctx, dir, bundles, models.Options{Out: p.err, Live: isTerminal(p.err)}); err != nil {
		return err
	}
	if p.TTOT != "" {
		return nil
	}
	if _, found := discover.LLM(ctx, discover.Usual()); found {
		return nil // it is found again when the engines are started
	}
	if _, err := findExtra(dir, models.NameSmolLM, models.IDSmolLM); err != nil {
		return nil //nolint:nilerr // none runs on this machine: the built-in skills answer
	}
	p.TTOT = local + models.NameSmolLM
	return nil
}
