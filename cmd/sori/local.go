package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"time"

	"sori/engines/child"
	"sori/stage"
)

// engineStart bounds the time in which the local engines load their models: a
// second or two, but on a small machine that is busy minutes. stillLoading is how
// often that is said meanwhile.
const (
	engineStart  = 5 * time.Minute
	stillLoading = 15 * time.Second
)

// startLocal starts the process that serves stages locally. Compiled code is kept
// in dataDir, or in the user's cache folder when that is "".
func startLocal(ctx context.Context, cfg *engineURLs, stages []stage.Name, modelsDir, dataDir string, log *slog.Logger, heard func(page []byte)) (*child.Child, error) {
	args := append([]string{"engine"}, names(stages)...)
	args = append(args, "--fd", "3", "--models", modelsDir, "--log-level", "warn")
	if dataDir != "" {
		args = append(args, "--cache", filepath.Join(dataDir, "cache"))
	}
	chosen, err := cfg.localArgs(modelsDir)
	if err != nil {
		return nil, err
	}
	args = append(args, chosen...)
	if cfg.EngineWorkers > 0 {
		args = append(args, "--workers", strconv.Itoa(cfg.EngineWorkers))
	}
	c, err := child.Start(ctx, child.Options{Args: args, Log: log, Heard: heard})
	if err != nil {
		return nil, fmt.Errorf("the local engines can't be started: %w", err)
	}
	return c, nil
}

// awaitLocal waits until the engines can work.
func awaitLocal(ctx context.Context, c *child.Child, log *slog.Logger) error {
	ctx, stop := context.WithTimeout(ctx, engineStart)
	defer stop()
	ready := make(chan error, 1)
	go func() { ready <- c.Ready(ctx) }()
	begin, tick := time.Now(), time.NewTicker(stillLoading)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			log.InfoContext(ctx, "the local engines still load their models", "took_ms", time.Since(begin).Milliseconds())
		case err := <-ready:
			switch {
			case err == nil:
				return nil
			case errors.Is(err, context.DeadlineExceeded):
				return fmt.Errorf("the local engines are not ready after %s: %w", engineStart, err)
			}
			return fmt.Errorf("the local engines do not work: %w; `sori doctor` looks for the reason", err)
		}
	}
}
