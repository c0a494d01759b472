package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"sori/engines/flite"
	"sori/engines/llama"
	"sori/engines/models"
	"sori/engines/moonshine"
	"sori/engines/responder"
	"sori/engines/whisper"
	"sori/stage"
)

// Names of local engines that stand behind local: and need no file.
const (
	choicePiper = "piper"
	choiceFlite = "flite"

	choiceMoonshine = "moonshine"
	choiceWhisper   = models.NameEar
)

// checkLocal says what is wrong with what stands behind local: in a spec,
// without looking at files.
func checkLocal(name stage.Name, spec string) error {
	choice, err := localChoice(spec)
	if err != nil || choice == "" {
		return err
	}
	switch name {
	case stage.ATOT:
		if choice != choiceMoonshine && choice != choiceWhisper {
			return fmt.Errorf("--atot local:%s: it is local:moonshine (English), local:whisper (Korean and other languages), or local: for both", choice)
		}
	case stage.TTOT:
		_, _, err = parseModel(choice)
		return err
	case stage.TTS:
		if choice != choicePiper && choice != choiceFlite && filepath.Ext(choice) != ".onnx" {
			return fmt.Errorf("--tts local:%s: it is local:flite, local:piper, or a Piper voice, local:VOICE.onnx", choice)
		}
	}
	return nil
}

// findExtra gives the path of a file of a bundle that a user may fetch, and an
// error that says how when it is not there.
func findExtra(dir, name, id string) (string, error) {
	extras := models.Extras(runtime.GOOS, runtime.GOARCH)
	i := slices.IndexFunc(extras, func(b models.Bundle) bool { return b.Name == name })
	if i < 0 {
		_, err := models.Select(nil, extras, name) // it says what there is
		return "", err
	}
	if err := models.Check(dir, extras[i:i+1]); err != nil {
		if e, ok := errors.AsType[*models.Error](err); ok && e.Code == models.CodeMissing {
			return "", fmt.Errorf("%s is not there: run `sori models pull %s` once: %w", name, name, err)
		}
		return "", err
	}
	path, _ := models.Path(dir, extras, id)
	return path, nil
}

// localArgs says to the process of local engines what was chosen. A language
// model that can't work is an error here, before anything is started.
func (e *engineURLs) localArgs(modelsDir string) (args []string, err error) {
	args = []string{"--anyway"}
	if isLocal(e.ATOT) {
		choice, err := localChoice(e.ATOT)
		if err != nil {
			return nil, err
		}
		if choice == choiceWhisper {
			if _, err := findWhisper(modelsDir); err != nil {
				return nil, fmt.Errorf("--atot local:%s: %w", choice, err)
			}
		}
		if choice != "" {
			args = append(args, "--ear="+choice)
		}
	}
	if isLocal(e.TTOT) {
		choice, err := localChoice(e.TTOT)
		if err != nil {
			return nil, err
		}
		if choice != "" {
			if err := inspectModel(modelsDir, choice); err != nil {
				return nil, fmt.Errorf("--ttot local:%s: %w", choice, err)
			}
			args = append(args, "--model="+choice)
		}
	}
	if isLocal(e.TTS) {
		choice, err := localChoice(e.TTS)
		if err != nil {
			return nil, err
		}
		path, err := findVoice(modelsDir, choice)
		if err != nil {
			return nil, fmt.Errorf("--tts local:%s: %w", choice, err)
		}
		if choice == "" && path != "" {
			choice = choicePiper // should it be gone at a later start, that is said
		}
		if choice != "" {
			args = append(args, "--voice="+choice)
		}
	}
	return args, nil
}

// findVoice gives the path of the voice that is chosen, "" for flite alone. With
// "" as the choice it is the natural voice where that is there.
func findVoice(modelsDir, choice string) (string, error) {
	switch choice {
	case choiceFlite:
		return "", nil
	case choicePiper:
		return findExtra(modelsDir, models.NameJoe, models.IDJoe)
	case "":
		path, err := findExtra(modelsDir, models.NameJoe, models.IDJoe)
		if err != nil {
			return "", nil //nolint:nilerr // it is not there, and nobody asked for it
		}
		return path, nil
	}
	return filepath.Abs(choice)
}

// localName is the name of the local engine of a stage.
func localName(name stage.Name, spec, modelsDir string) string {
	choice, err := localChoice(spec)
	if err != nil {
		return ""
	}
	switch name {
	case stage.ATOT:
		if choice == choiceWhisper {
			return whisper.Engine
		}
		return moonshine.Engine
	case stage.TTOT:
		if file, _, err := parseModel(choice); choice != "" && err == nil {
			if path, err := findModel(modelsDir, file); err == nil {
				return llama.Name(path)
			}
		}
		return (*responder.Responder)(nil).Engine()
	case stage.TTS:
		if path, err := findVoice(modelsDir, choice); err == nil && path != "" {
			return "piper " + strings.TrimSuffix(filepath.Base(path), ".onnx")
		}
	}
	return (*flite.Synthesizer)(nil).Engine()
}
