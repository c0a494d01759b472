package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"

	"sori/engines/child"
	"sori/protocol"
	"sori/stage"
)

// knownLanguages is what the local engines say of their languages and voices. Its methods
// may be called from many goroutines.
type knownLanguages struct {
	mu    sync.Mutex // guards what follows
	local map[stage.Name]bool
	all   protocol.Languages
	named []string // the voices
}

// mine says whether a stage is served locally in the first place.
func (k *knownLanguages) mine(name stage.Name, local bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.local == nil {
		k.local = map[stage.Name]bool{}
	}
	k.local[name] = local
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
func (k *knownLanguages) learn(ctx context.Context, c *child.Child) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.Host()+"/health", http.NoBody)
	if err != nil {
		return err
	}
	resp, err := c.Client().Do(req)
	if err != nil {
		return fmt.Errorf("the local engines don't say what languages they know: %w", err)
	}
	defer resp.Body.Close()
	var health struct {
		Services []struct {
			Service   stage.Name `json:"service"`
			Languages []string   `json:"languages"`
			Voices    []string   `json:"voices"`
		} `json:"services"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&health); err != nil {
		return fmt.Errorf("the local engines don't say what languages they know: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range health.Services {
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
	return nil
}
