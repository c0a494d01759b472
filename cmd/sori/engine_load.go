package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"sori/engines/enginehttp"
	"sori/engines/models"
	"sori/stage"
)

// loaded is what a process of engines holds.
type loaded struct {
	config enginehttp.Config
	ends   []func(context.Context) // free what was loaded, the last first

	mu sync.Mutex // guards the fields while the engines load at once
}

// without keeps that an engine of a stage could not be loaded.
func (l *loaded) without(name stage.Name, m enginehttp.Missing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.config.Missing == nil {
		l.config.Missing = map[stage.Name]enginehttp.Missing{}
	}
	l.config.Missing[name] = m
}

// atEnd keeps what has to be done at the end.
func (l *loaded) atEnd(f func(context.Context)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends = append(l.ends, f)
}

// outcome is what loading came to.
type outcome struct {
	loaded *loaded
	err    error
}

// load loads the engines of the stages, all at once.
func (e *engineCmd) load(ctx context.Context, c *console, stages []stage.Name, files *models.Files, log *slog.Logger) (*loaded, error) {
	l := &loaded{}
	var g errgroup.Group
	if slices.Contains(stages, stage.ATOT) {
		g.Go(func() (err error) { //nolint:contextcheck // loading a model can't be cancelled
			l.config.ATOT, err = e.loadATOT(c, l, files, log)
			return err
		})
	}
	if slices.Contains(stages, stage.TTS) {
		g.Go(func() (err error) {
			l.config.TTS, err = e.loadTTS(ctx, c, l, files, log)
			return err
		})
	}
	if slices.Contains(stages, stage.TTOT) {
		g.Go(func() (err error) {
			l.config.TTOT, err = e.loadTTOT(c, l, log)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		l.close(ctx)
		return nil, err
	}
	return l, nil
}

func (l *loaded) close(ctx context.Context) {
	for _, end := range slices.Backward(l.ends) {
		end(ctx)
	}
}

// warming lets requests wait until the engines are loaded, so that the address
// answers from the first moment on. Only the health page does not wait.
type warming struct {
	loaded  chan struct{} // closed by ready
	handler http.Handler  // set before loaded is closed
}

func newWarming() *warming { return &warming{loaded: make(chan struct{})} }

// ready hands all requests to h.
func (w *warming) ready(h http.Handler) {
	w.handler = h
	close(w.loaded)
}

// ServeHTTP answers a request.
func (w *warming) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/health" {
		select {
		case <-w.loaded:
		default:
			rw.Header().Set("Content-Type", "application/json")
			rw.Header().Set("Retry-After", "1")
			rw.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(rw, `{"status":"loading","ready":false}`)
			return
		}
	}
	select {
	case <-w.loaded:
		w.handler.ServeHTTP(rw, r)
	case <-r.Context().Done():
	}
}
