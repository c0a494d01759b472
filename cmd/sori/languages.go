package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"

	"sori/engines/child"
	"sori/protocol"
	"sori/stage"
)

// knownLanguages is what the local engines say of their languages and voices. Its methods
// may be called from many goroutines.
type knownLanguages struct {
	mu    sync.Mutex          // guards what follows
	first map[stage.Name]bool // whom the local engine serves in the first place
	local map[stage.Name]bool // and of these, whom nobody else serves
	all   protocol.Languages
	named []string // the voices
	lives map[stage.Name]life
}

// mine says whether a stage is served locally in the first place, and whether
// nobody else is there for it.
func (k *knownLanguages) mine(name stage.Name, first, alone bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.local == nil {
		k.local, k.first = map[stage.Name]bool{}, map[stage.Name]bool{}
	}
	k.first[name], k.local[name] = first, first && alone
}

// languages is what is known now.
func (k *knownLanguages) languages() protocol.Languages {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.all
}

// voices are those that are known now.
func (k *knownLanguages) voices() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.named
}

// learn asks the process of local engines.
func (k *knownLanguages) learn(ctx context.Context, c *child.Child, log *slog.Logger) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.Host()+"/health", http.NoBody)
	if err != nil {
		return err
	}
	resp, err := c.Client().Do(req)
	if err != nil {
		return fmt.Errorf("the local engines don't say what languages they know: %w", err)
	}
	defer resp.Body.Close()
	var page localPage
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&page); err != nil {
		return fmt.Errorf("the local engines don't say what languages they know: %w", err)
	}
	k.take(page, log)
	return nil
}

// take keeps what the process says.
func (k *knownLanguages) take(page localPage, log *slog.Logger) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range page.Services {
		k.live(s, log)
		if !k.local[s.Service] {
			continue
		}
		switch s.Service {
		case stage.ATOT:
			k.all.ATOT = s.Languages
		case stage.TTOT:
			k.all.TTOT = s.Languages
		case stage.TTS:
			k.all.TTS = s.Languages
			k.named = s.Voices
		}
	}
}
