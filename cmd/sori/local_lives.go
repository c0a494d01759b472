package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"sori/clients/atot"
	"sori/clients/ttot"
	"sori/clients/tts"
	"sori/engines/espeak"
	"sori/stage"
)

// localPage is the health page of the process of local engines.
type localPage struct {
	Services []localService `json:"services"`
}

// localService is what the page says of one stage.
type localService struct {
	Service   stage.Name `json:"service"`
	Engine    string     `json:"engine"`
	Languages []string   `json:"languages"`
	Engines   []struct {
		Name      string   `json:"name"`
		Languages []string `json:"languages"`
	} `json:"engines"` // where it has several: the first that has the language serves
	Voices  []string `json:"voices"`
	Missing string   `json:"missing"` // the engine that could not be loaded, "" for none
	Error   string   `json:"error"`   // why not
}

// life is how a stage's local engines are since the process started last, beside
// what they were at first.
type life struct {
	now   localService
	first []string // languages
}

// gone are the languages that there were at first and are no more.
func (l life) gone() []string {
	if len(l.now.Languages) == 0 {
		return nil // any
	}
	return slices.DeleteFunc(slices.Clone(l.first), func(s string) bool { return slices.Contains(l.now.Languages, s) })
}

// trouble says what is missing, "" for nothing. It names no path: who may see
// this may not see those.
func (l life) trouble() string {
	gone := l.gone()
	switch {
	case l.now.Missing != "" && len(gone) > 0:
		return fmt.Sprintf("%s can't be loaded, %s serves, without %s: the server's log says why", l.now.Missing, l.now.Engine, strings.Join(gone, ", "))
	case l.now.Missing != "":
		return fmt.Sprintf("%s can't be loaded, %s serves: the server's log says why", l.now.Missing, l.now.Engine)
	case len(gone) > 0:
		return fmt.Sprintf("%s serves, and what had the languages %s is not there any more", l.now.Engine, strings.Join(gone, ", "))
	}
	return ""
}

// live keeps what a stage's engines are now. What goes missing is logged once, as
// is its return. k.mu is held.
func (k *knownLanguages) live(s localService, log *slog.Logger) {
	was, known := k.lives[s.Service]
	is := life{now: s, first: was.first}
	if !known {
		is.first = s.Languages
	}
	if k.lives == nil {
		k.lives = map[stage.Name]life{}
	}
	k.lives[s.Service] = is
	switch now := is.trouble(); {
	case now == was.trouble() && s.Error == was.now.Error:
	case now == "":
		log.Info("a local engine is there again", "stage", string(s.Service), "engine", s.Engine)
	default:
		log.Error("a local engine is missing, another serves", "stage", string(s.Service), "engine", s.Engine, "failed", s.Missing, "reason", now, "error", s.Error)
	}
}

// hear gives a func that takes the health page of the process.
func (k *knownLanguages) hear(log *slog.Logger) func(page []byte) {
	return func(b []byte) {
		var page localPage
		if err := json.Unmarshal(b, &page); err != nil {
			log.Warn("the local engines' health page can't be read", "error", err)
			return
		}
		k.take(page, log)
	}
}

// warning says what is missing of a stage's local engines, "" for nothing.
func (k *knownLanguages) warning(name stage.Name) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.lives[name].trouble()
}

// why is warning with the reason, for who runs the server.
func (k *knownLanguages) why(name stage.Name) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.lives[name]
	if l.now.Error == "" {
		return l.trouble()
	}
	return fmt.Sprintf("%s can't be loaded, %s serves: %s", l.now.Missing, l.now.Engine, l.now.Error)
}

// name is that of the engine that serves a stage: what was asked for, or, where
// the local engine for it can't be loaded, the one in its place.
func (k *knownLanguages) name(name stage.Name, wanted string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := k.lives[name].now; k.first[name] && now.Missing != "" {
		return now.Engine
	}
	return wanted
}

// nameFor is name for what is said in a language: local engines are several, each
// with languages of its own.
func (k *knownLanguages) nameFor(name stage.Name, wanted, language string) string {
	k.mu.Lock()
	now, first := k.lives[name].now, k.first[name]
	k.mu.Unlock()
	base := espeak.Base(language)
	if first && base != "" {
		for _, e := range now.Engines {
			if len(e.Languages) == 0 || slices.Contains(e.Languages, base) {
				return e.Name
			}
		}
	}
	return k.name(name, wanted)
}

// The engines as sessions know them: by the name of the one that serves.
type (
	hears struct {
		*atot.Client
		known *knownLanguages
	}
	answers struct {
		*ttot.Client
		known *knownLanguages
	}
	speaks struct {
		*tts.Client
		known *knownLanguages
	}
)

// Engine implements session.ATOT.
func (e hears) Engine() string { return e.known.name(stage.ATOT, e.Client.Engine()) }

// EngineFor names the engine for a language.
func (e hears) EngineFor(language string) string {
	return e.known.nameFor(stage.ATOT, e.Client.Engine(), language)
}

// Engine implements session.TTOT.
func (e answers) Engine() string { return e.known.name(stage.TTOT, e.Client.Engine()) }

// EngineFor names the engine for a language.
func (e answers) EngineFor(language string) string {
	return e.known.nameFor(stage.TTOT, e.Client.Engine(), language)
}

// Engine implements session.TTS.
func (e speaks) Engine() string { return e.known.name(stage.TTS, e.Client.Engine()) }

// EngineFor names the engine for a language.
func (e speaks) EngineFor(language string) string {
	return e.known.nameFor(stage.TTS, e.Client.Engine(), language)
}
