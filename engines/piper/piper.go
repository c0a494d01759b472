package piper

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"sori/engines/espeak"
	"sori/engines/flite"
	"sori/engines/ort"
	"sori/stage"
)

// MaxText is the longest text, in bytes, that one call speaks.
const MaxText = 32 << 10

// Phonemizer says how words are pronounced, in the International Phonetic
// Alphabet as espeak-ng writes it.
type Phonemizer interface {
	Phonemes(voice, text string) (string, error)
}

// Options tune a Synthesizer. The zero value is a good start.
type Options struct {
	// Config is the voice's configuration file; "" for the model's path with
	// .json at the end.
	Config string
	// Workers is how many sentences are made at once: as many as there are
	// processors when 0.
	Workers int
}

// Synthesizer speaks with one voice. Its methods may be called from many
// goroutines.
type Synthesizer struct {
	runtime  *ort.Runtime
	session  *ort.Session
	phonemes Phonemizer
	config   *config
	name     string
	order    []input
	slots    chan struct{} // one entry for each sentence that is made
}

// input is what one of the model's inputs is fed with.
type input int

const (
	inputPhonemes input = iota
	inputLengths
	inputScales
	inputSpeaker
)

// Open loads a voice and speaks a word with it, so that a file that is another
// kind of model, or lacks its configuration, is found out now.
func Open(ctx context.Context, r *ort.Runtime, p Phonemizer, model string, o Options) (*Synthesizer, error) {
	if o.Config == "" {
		o.Config = model + ".json"
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	c, err := readConfig(o.Config)
	if err != nil {
		return nil, err
	}
	s := &Synthesizer{runtime: r, phonemes: p, config: c, slots: make(chan struct{}, o.Workers)}
	s.name = strings.TrimSuffix(filepath.Base(model), ".onnx")
	if s.session, err = r.OpenSession(model, ort.SessionOptions{}); err != nil {
		return nil, fmt.Errorf("piper: the voice can't be loaded: %w", err)
	}
	if err = s.readInputs(); err == nil {
		err = s.warmUp(ctx)
	}
	if err != nil {
		s.session.Close()
		return nil, fmt.Errorf("piper: %s is no voice that sori can use: %w", model, err)
	}
	return s, nil
}

// readInputs finds out in which order the model takes what.
func (s *Synthesizer) readInputs() error {
	for _, name := range s.session.Inputs() {
		switch name {
		case "input":
			s.order = append(s.order, inputPhonemes)
		case "input_lengths":
			s.order = append(s.order, inputLengths)
		case "scales":
			s.order = append(s.order, inputScales)
		case "sid":
			s.order = append(s.order, inputSpeaker)
		default:
			return fmt.Errorf("it asks for %q", name)
		}
	}
	if !slices.Contains(s.order, inputPhonemes) || !slices.Contains(s.order, inputLengths) {
		return errors.New("it does not take phonemes")
	}
	return nil
}

// warmUp speaks one word, so that the first caller does not wait for cold pages.
func (s *Synthesizer) warmUp(ctx context.Context) error {
	for _, err := range s.Synthesize(ctx, stage.Speech{Text: "One."}) {
		if err != nil {
			return err
		}
	}
	return nil
}

// Close waits for sentences that are being made and frees the model.
func (s *Synthesizer) Close() { s.session.Close() }

// Engine is the name that history and clients see.
func (s *Synthesizer) Engine() string { return "piper " + s.name }

// Voices names the voice: its file's name, and what its makers call it.
func (s *Synthesizer) Voices() []string {
	if d := s.config.Dataset; d != "" && d != s.name {
		return []string{d, s.name}
	}
	return []string{s.name}
}

// Languages is the base tag of the language that the voice speaks.
func (s *Synthesizer) Languages() []string { return []string{s.config.language()} }

// Rate is the rate of all speech, in Hz.
func (s *Synthesizer) Rate() int { return s.config.Audio.Rate }

// Synthesize gives the speech sentence by sentence. Errors are *stage.Error:
// CodeLanguage for a language or a script that the voice can't read,
// CodeRejected for no text or one longer than MaxText.
func (s *Synthesizer) Synthesize(ctx context.Context, sp stage.Speech) iter.Seq2[stage.Chunk, error] {
	return func(yield func(stage.Chunk, error) bool) {
		plain, err := s.plan(sp)
		if err != nil {
			yield(stage.Chunk{}, err)
			return
		}
		level := level{}
		said := false
		for _, text := range pieces(plain) {
			pcm, err := s.piece(ctx, text, &level)
			if err != nil {
				yield(stage.Chunk{}, s.failed(ctx, err))
				return
			}
			if len(pcm) == 0 {
				continue
			}
			said = true
			if !yield(stage.Chunk{PCM: pcm, Rate: s.Rate()}, nil) {
				return
			}
		}
		if !said { // punctuation or emoji alone: a short rest
			yield(stage.Chunk{PCM: make([]byte, s.Rate()/10*2), Rate: s.Rate()}, nil)
		}
	}
}

// plan checks what is asked for and gives the text as it is to be read.
func (s *Synthesizer) plan(sp stage.Speech) (plain string, err error) {
	refuse := func(code, format string, args ...any) error {
		return &stage.Error{Stage: stage.TTS, Code: code, Message: fmt.Sprintf(format, args...), Engine: s.Engine()}
	}
	own := s.config.language()
	base := espeak.Base(sp.Language)
	switch {
	case base != "" && base != own:
		return "", refuse(stage.CodeLanguage, "The local voice %s speaks %s, not %.20q.", s.name, own, sp.Language)
	case len(sp.Text) > MaxText:
		return "", refuse(stage.CodeRejected, "The text has %d bytes; at most %d can be spoken at once.", len(sp.Text), MaxText)
	case strings.TrimSpace(sp.Text) == "":
		return "", refuse(stage.CodeRejected, "There is no text to speak.")
	case own != "en":
		return espeak.Plain(sp.Text), nil
	}
	plain, ok := flite.Speakable(sp.Text)
	if !ok {
		return "", refuse(stage.CodeLanguage, "The local voice %s speaks English only and can't read this text's script.", s.name)
	}
	return plain, nil
}

func (s *Synthesizer) failed(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	e := *stage.AsError(stage.TTS, err)
	e.Engine = s.Engine()
	return &e
}
