package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"sori/engines/enginehttp"
	"sori/engines/espeak"
	"sori/engines/flite"
	"sori/engines/models"
	"sori/engines/ort"
	"sori/engines/piper"
	"sori/engines/voices"
	"sori/stage"
)

// plainLanguages are those that espeak-ng speaks where it is there. English has
// better voices.
func plainLanguages() []string { return []string{"ko", "de", "es", "fr", "it", "pt", "nl"} }

// loadTTS loads the voices: the chosen one, flite behind it, and espeak-ng for
// the languages that they don't have.
func (e *engineCmd) loadTTS(ctx context.Context, c *console, l *loaded, files *models.Files, log *slog.Logger) (enginehttp.Synthesizer, error) {
	var plain *flite.Synthesizer
	var side errgroup.Group
	side.Go(func() (err error) { // beside the natural voice
		plain, err = flite.Open(ctx, files.Flite, flite.Options{Workers: e.Workers, CacheDir: e.cacheDir(c, log)})
		if err != nil {
			return fmt.Errorf("the voice can't be loaded: %w; `sori models verify` says more", err)
		}
		l.atEnd(func(ctx context.Context) { _ = plain.Close(ctx) }) // the process ends
		return nil
	})
	dir, _, err := e.find(c)
	if err != nil {
		return nil, errors.Join(err, side.Wait())
	}
	lib, missing := loadEspeak(dir)
	natural, err := e.openVoice(ctx, dir, files, lib, missing)
	if broken := side.Wait(); broken != nil {
		return nil, errors.Join(broken, err)
	}
	all := []voices.Voice{plain}
	switch {
	case err == nil && natural != nil:
		l.atEnd(func(context.Context) { natural.Close() })
		all = []voices.Voice{natural, plain}
	case err != nil && !e.Anyway && e.Voice != "":
		return nil, err
	case err != nil:
		log.Error("the natural voice can't be loaded, flite speaks", "error", err)
		l.without(stage.TTS, enginehttp.Missing{Engine: voiceName(e.Voice), Err: err})
	}
	if lib != nil {
		if v, err := espeak.NewVoice(lib, plainLanguages()...); err == nil {
			all = append(all, v)
		} else {
			log.Debug("espeak-ng speaks no other language", "error", err)
		}
	}
	return voices.New(log, all[0], all[1:]...), nil
}

// openVoice opens the natural voice, nil where none is chosen or there.
func (e *engineCmd) openVoice(ctx context.Context, dir string, files *models.Files, lib *espeak.Library, missing error) (*piper.Synthesizer, error) {
	path, err := findVoice(dir, e.Voice)
	if err != nil || path == "" {
		return nil, err
	}
	if lib == nil {
		return nil, missing
	}
	r, err := ort.Open(files.Runtime)
	if err != nil {
		return nil, fmt.Errorf("the library that runs the models can't be loaded: %w; `sori doctor` says more", err)
	}
	return piper.Open(ctx, r, lib, path, piper.Options{Workers: e.Workers})
}

// loadEspeak loads espeak-ng, the fetched one or else the system's.
func loadEspeak(dir string) (*espeak.Library, error) {
	if path, err := findExtra(dir, models.NameEspeak, models.IDEspeak); err == nil {
		return espeak.Load(path, filepath.Dir(path))
	}
	return espeak.Load("", "")
}

// voiceName is the name of a natural voice that is not there.
func voiceName(choice string) string {
	if filepath.Ext(choice) != ".onnx" {
		return choicePiper
	}
	return "piper " + strings.TrimSuffix(filepath.Base(choice), ".onnx")
}
