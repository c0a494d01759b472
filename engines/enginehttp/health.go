package enginehttp

import (
	"iter"
	"net/http"
	"time"

	"sori/stage"
)

// health says what is served and how busy it is. An engine that is served is
// ready: the models are loaded before the handler is made.
func (h *handler) health(w http.ResponseWriter, _ *http.Request) {
	type load struct {
		Active   int `json:"active"`
		Waiting  int `json:"waiting"`
		Capacity int `json:"capacity"`
	}
	type one struct {
		Service string `json:"service"`
		Engine  string `json:"engine"`
		Ready   bool   `json:"ready"`
		Load    load   `json:"load"`
		// Base tags of the languages that it knows; empty when that is not known.
		Languages []string `json:"languages"`
		// Where the stage has several engines: the first that has the language of
		// what is said serves.
		Engines []part `json:"engines,omitempty"`
		// The voices that can be asked for by name; tts only.
		Voices []string `json:"voices,omitempty"`
		// The engine that could not be loaded, and why.
		Missing string `json:"missing,omitempty"`
		Error   string `json:"error,omitempty"`
	}
	answer := struct {
		Status   string  `json:"status"`
		Ready    bool    `json:"ready"`
		Uptime   float64 `json:"uptime_s"`
		Services []one   `json:"services"`
	}{Status: "ok", Ready: true, Uptime: time.Since(h.began).Seconds(), Services: []one{}}
	for i, s := range h.services {
		var l load
		l.Active, l.Waiting, l.Capacity = s.gate.load()
		o := one{Service: string(s.name), Engine: h.engines[i], Ready: true, Load: l, Languages: s.languages(), Engines: s.parts(), Voices: s.voices()}
		if s.missing.Err != nil {
			o.Missing, o.Error = s.missing.Engine, s.missing.Err.Error()
		}
		answer.Services = append(answer.Services, o)
	}
	writeJSON(w, http.StatusOK, answer)
}

// part is one of a stage's engines.
type part struct {
	Name      string   `json:"name"`
	Languages []string `json:"languages"` // base tags, empty for any
}

// parts are the engines of a stage that has several.
func (s *service) parts() []part {
	several, ok := s.serves().(interface {
		Each() iter.Seq2[string, []string]
	})
	if !ok {
		return nil
	}
	var all []part
	for name, languages := range several.Each() {
		all = append(all, part{name, append([]string{}, languages...)})
	}
	return all
}

// serves is the stage's engine.
func (s *service) serves() any {
	switch s.name {
	case stage.ATOT:
		return s.ATOT
	case stage.TTOT:
		return s.TTOT
	case stage.TTS:
		return s.TTS
	}
	return nil
}

// languages are the base tags of what the stage's engine knows; empty when that
// is not known.
func (s *service) languages() []string {
	switch e := s.serves().(type) {
	case Hearing:
		return append([]string{}, e.Languages...)
	case Hearings:
		return append([]string{}, e.languages()...)
	case interface{ Languages() []string }:
		return append([]string{}, e.Languages()...)
	}
	return []string{}
}

// voices names those of the stage's engine; nil where it has none, or does not say.
func (s *service) voices() []string {
	if e, ok := s.TTS.(interface{ Voices() []string }); ok && s.name == stage.TTS {
		return e.Voices()
	}
	return nil
}
