package main

import (
	"errors"
	"fmt"
	"strings"

	"sori/clients/ttot"
	"sori/protocol"
	"sori/server"
	"sori/session"
)

// realtimeNames says what the names mean that clients of the OpenAI Realtime API
// ask for.
type realtimeNames struct {
	RealtimeModel []string `placeholder:"NAME=MEANING" setting:"" help:"What the name of a model means at /v1/realtime, such as gpt-realtime=kiosk for the profile kiosk, or gpt-realtime-mini=openai+http://127.0.0.1:11434/v1?model=llama3.2 for another text engine. A name may have one of each; separated by commas. Other names mean the configured pipeline."`
	RealtimeVoice []string `placeholder:"NAME=VOICE" setting:"" help:"Which voice of the engine the name of a voice means at /v1/realtime, such as marin=piper-joe, separated by commas. OpenAI's names mean the engine's own voice otherwise."`
}

// meanings are realtimeNames, read.
type meanings struct {
	profiles map[string]string // by the model's name
	engines  map[string]string // URLs of text engines, by the model's name
	voices   map[string]string
}

// read takes the names apart.
func (r *realtimeNames) read() (meanings, error) {
	m := meanings{profiles: map[string]string{}, engines: map[string]string{}, voices: map[string]string{}}
	for _, pair := range r.RealtimeModel {
		name, meaning, ok := strings.Cut(pair, "=")
		into := m.profiles
		if strings.Contains(meaning, ":") {
			into = m.engines
		}
		switch _, twice := into[name]; {
		case !ok || name == "" || meaning == "":
			return m, fmt.Errorf("--realtime-model %q has to be NAME=PROFILE or NAME=URL", pair)
		case twice:
			return m, fmt.Errorf("--realtime-model says twice what %q means", name)
		case isLocal(meaning):
			return m, fmt.Errorf("--realtime-model %q: local engines are chosen with --ttot, for all sessions", pair)
		}
		into[name] = meaning
	}
	for _, pair := range r.RealtimeVoice {
		name, voice, ok := strings.Cut(pair, "=")
		if !ok || name == "" || voice == "" {
			return m, fmt.Errorf("--realtime-voice %q has to be NAME=VOICE", pair)
		}
		m.voices[name] = voice
	}
	return m, nil
}

func (r *realtimeNames) check() error {
	_, err := r.read()
	return err
}

// dub says to the server what the names mean. The sessions of a model with an
// engine of its own work with deps but for that.
func (p *parts) dub(cfg *server.Config, deps *session.Deps) error {
	m, err := p.read()
	if err != nil {
		return err
	}
	if err := checkProfiles(m.profiles, cfg.Session.Profiles); err != nil {
		return err
	}
	cfg.Realtime.Models, cfg.Realtime.Voices = m.profiles, m.voices
	cfg.Realtime.Sessions = make(map[string]func(session.Options) server.Session, len(m.engines))
	for name, url := range m.engines {
		engine, err := ttot.New(url, p.engines.options)
		if err != nil {
			return fmt.Errorf("--realtime-model %s: %w", name, err)
		}
		p.dubbed = append(p.dubbed, engine)
		own := *deps
		own.TTOT = engine
		cfg.Realtime.Sessions[name] = func(o session.Options) server.Session { return session.New(o, own) }
	}
	return nil
}

// checkProfiles says which model means a profile that is not there.
func checkProfiles(models map[string]string, profiles map[string]protocol.Configure) error {
	var errs []error
	for name, profile := range models {
		if _, ok := profiles[profile]; !ok {
			errs = append(errs, fmt.Errorf("--realtime-model %s=%s: --profiles has no profile %q", name, profile, profile))
		}
	}
	return errors.Join(errs...)
}
