package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"sori/engines/energy"
	"sori/engines/enginehttp"
	"sori/engines/models"
	"sori/engines/moonshine"
	"sori/engines/ort"
	"sori/engines/recognizer"
	"sori/engines/silero"
	"sori/stage"
)

// loaded is what a process of engines holds.
type loaded struct {
	config     enginehttp.Config
	recognizer *recognizer.Recognizer
	voice      *silero.Model
	ends       []func(context.Context) // free what was loaded, the last first

	mu sync.Mutex // guards ends while the engines load at once
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
		g.Go(func() error { return l.loadATOT(files, e.Workers) }) //nolint:contextcheck // loading a model can't be cancelled
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
	if l.recognizer != nil {
		l.config.ATOT = enginehttp.Hearing{Name: moonshine.Engine, Languages: []string{"en"}, Hear: l.recognizer.Stream}
	}
	return l, nil
}

func (l *loaded) loadATOT(files *models.Files, workers int) error {
	r, err := ort.Open(files.Runtime)
	if err != nil {
		return fmt.Errorf("the library that runs the models can't be loaded: %w; `sori doctor` says more", err)
	}
	if l.voice, err = silero.Open(r, files.Silero); err != nil {
		return fmt.Errorf("the voice detector can't be loaded: %w; `sori models verify` says more", err)
	}
	detector := func() (recognizer.Detector, error) {
		d, failed := l.voice.NewDetector()
		if failed != nil {
			return nil, failed
		}
		return energy.NewGate(d), nil
	}
	l.recognizer, err = moonshine.Open(r,
		moonshine.Files{Encoder: files.Encoder, Decoder: files.Decoder, Vocabulary: files.Vocabulary},
		recognizer.Options{Workers: workers, NewDetector: detector})
	if err != nil {
		return fmt.Errorf("the recogniser can't be loaded: %w; `sori models verify` says more", err)
	}
	return nil
}

func (l *loaded) close(ctx context.Context) {
	if l.recognizer != nil {
		l.recognizer.Close()
	}
	if l.voice != nil {
		l.voice.Close()
	}
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
