package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"sori/engines/energy"
	"sori/engines/enginehttp"
	"sori/engines/models"
	"sori/engines/moonshine"
	"sori/engines/ort"
	"sori/engines/recognizer"
	"sori/engines/silero"
	"sori/engines/whisper"
	"sori/stage"
)

// whisperLanguages are those that Whisper was taught at least a thousand hours
// of. It knows more, badly.
func whisperLanguages() []string {
	return []string{"ko", "en", "zh", "de", "es", "ru", "fr", "pt", "ja", "tr", "pl", "it", "sv", "nl", "ca", "fi", "id"}
}

// loadATOT loads the recognisers: Moonshine, and Whisper for the languages that
// it does not have where Whisper was fetched, or the one that is chosen.
func (e *engineCmd) loadATOT(c *console, l *loaded, files *models.Files, log *slog.Logger) (enginehttp.Transcriber, error) {
	dir, _, err := e.find(c)
	if err != nil {
		return nil, err
	}
	r, err := ort.Open(files.Runtime)
	if err != nil {
		return nil, fmt.Errorf("the library that runs the models can't be loaded: %w; `sori doctor` says more", err)
	}
	voice, err := silero.Open(r, files.Silero)
	if err != nil {
		return nil, fmt.Errorf("the voice detector can't be loaded: %w; `sori models verify` says more", err)
	}
	l.atEnd(func(context.Context) { voice.Close() })
	o := recognizer.Options{Workers: e.Workers, NewDetector: func() (recognizer.Detector, error) {
		d, failed := voice.NewDetector()
		if failed != nil {
			return nil, failed
		}
		return energy.NewGate(d), nil
	}}
	var english *recognizer.Recognizer
	var side errgroup.Group
	openEnglish := func() (err error) {
		english, err = moonshine.Open(r, moonshine.Files{Encoder: files.Encoder, Decoder: files.Decoder, Vocabulary: files.Vocabulary}, o)
		if err != nil {
			return fmt.Errorf("the recogniser can't be loaded: %w; `sori models verify` says more", err)
		}
		l.atEnd(func(context.Context) { english.Close() })
		return nil
	}
	if e.Ear != choiceWhisper {
		side.Go(openEnglish) // beside Whisper
	}
	others, err := e.loadOthers(l, r, dir, o, log)
	if err = errors.Join(err, side.Wait()); err != nil {
		return nil, err
	}
	if e.Ear == choiceWhisper {
		if len(others) > 0 {
			return others, nil
		}
		if err = openEnglish(); err != nil {
			return nil, err
		}
	}
	return append(enginehttp.Hearings{{Name: moonshine.Engine, Languages: []string{"en"}, Hear: english.StreamIn}}, others...), nil
}

// loadOthers loads what hears other languages, where it is wanted and there.
func (e *engineCmd) loadOthers(l *loaded, r *ort.Runtime, dir string, o recognizer.Options, log *slog.Logger) (enginehttp.Hearings, error) {
	if e.Ear == choiceMoonshine {
		return nil, nil
	}
	many, missing, err := loadWhisper(r, dir, o)
	switch {
	case err == nil:
		l.atEnd(func(context.Context) { many.Close() })
		return enginehttp.Hearings{{Name: whisper.Engine, Languages: whisperLanguages(), Hear: many.StreamIn}}, nil
	case missing && e.Ear == "": // nobody asked for it
		return nil, nil
	case !e.Anyway && e.Ear == choiceWhisper:
		return nil, err
	}
	log.Error("Whisper can't be loaded, English alone is heard", "error", err)
	l.without(stage.ATOT, enginehttp.Missing{Engine: whisper.Engine, Err: err, Beside: e.Ear != choiceWhisper})
	return nil, nil
}

// loadWhisper loads Whisper; missing says that it was not fetched.
func loadWhisper(r *ort.Runtime, dir string, o recognizer.Options) (w *recognizer.Recognizer, missing bool, err error) {
	files, err := findWhisper(dir)
	if err != nil {
		e, ok := errors.AsType[*models.Error](err)
		return nil, ok && e.Code == models.CodeMissing && !begun(dir, models.NameEar), err
	}
	w, err = whisper.Open(r, files, o)
	return w, false, err
}

// begun says whether there is anything of a bundle, be it whole or not.
func begun(dir, bundle string) bool {
	return slices.ContainsFunc(models.Extras(runtime.GOOS, runtime.GOARCH), func(b models.Bundle) bool {
		_, err := os.Stat(filepath.Join(dir, b.ID))
		return err == nil && b.Name == bundle
	})
}

// findWhisper gives Whisper's files.
func findWhisper(dir string) (f whisper.Files, err error) {
	for _, one := range []struct {
		path *string
		id   string
	}{
		{&f.Weights, models.IDWhisper},
		{&f.Config, models.IDWhisperConfig},
		{&f.Vocabulary, models.IDWhisperVocabulary},
	} {
		if *one.path, err = findExtra(dir, models.NameEar, one.id); err != nil {
			return f, err
		}
	}
	return f, nil
}
