// Package voices makes one TTS engine of several: each text goes to the first
// voice that has its language, and to the next where that one fails before it
// made a sound.
package voices

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"unicode"

	"sori/engines/espeak"
	"sori/stage"
)

// Voice is one engine that speaks.
type Voice interface {
	Synthesize(ctx context.Context, s stage.Speech) iter.Seq2[stage.Chunk, error]
	// Engine is the name that clients see.
	Engine() string
	// Languages are the base tags of what it speaks, Voices the names that a
	// client may ask for.
	Languages() []string
	Voices() []string
}

// Choice speaks with the voices that it was made of. Its methods may be called
// from many goroutines.
type Choice struct {
	voices []Voice
	log    *slog.Logger
}

// New makes a choice of at least one voice, the preferred one first. log hears
// of voices that failed; nil is silence.
func New(log *slog.Logger, preferred Voice, others ...Voice) *Choice {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Choice{voices: append([]Voice{preferred}, others...), log: log}
}

// Engine is the preferred voice's name.
func (c *Choice) Engine() string { return c.voices[0].Engine() }

// Each gives the voices' engines by name, with their languages.
func (c *Choice) Each() iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for _, v := range c.voices {
			if !yield(v.Engine(), v.Languages()) {
				return
			}
		}
	}
}

// Languages are the base tags of all that can be spoken.
func (c *Choice) Languages() []string {
	var all []string
	for _, v := range c.voices {
		for _, l := range v.Languages() {
			if !slices.Contains(all, l) {
				all = append(all, l)
			}
		}
	}
	return all
}

// Voices names all voices.
func (c *Choice) Voices() []string {
	var all []string
	for _, v := range c.voices {
		all = append(all, v.Voices()...)
	}
	return all
}

// Synthesize gives the speech of the voice that was found for it. It fails with
// CodeLanguage where no voice has the language, with CodeRejected where none has
// the name that is asked for, and else as the voices do.
func (c *Choice) Synthesize(ctx context.Context, s stage.Speech) iter.Seq2[stage.Chunk, error] {
	return func(yield func(stage.Chunk, error) bool) {
		fit, err := c.find(&s)
		if err != nil {
			yield(stage.Chunk{}, err)
			return
		}
		var first error
		for i, v := range fit {
			if i > 0 || v.Engine() != c.Engine() {
				served := stage.Served{Stage: stage.TTS, Engine: v.Engine(), Err: first}
				if first != nil {
					served.Failed = fit[0].Engine()
				}
				stage.NoteServed(ctx, served)
			}
			began, err := pass(ctx, v, s, yield)
			if err == nil {
				return
			}
			if first == nil {
				first = err
			}
			if began || ctx.Err() != nil || i+1 == len(fit) || !another(err) {
				if !began {
					err = first
				}
				yield(stage.Chunk{}, err)
				return
			}
			c.log.WarnContext(ctx, "a voice failed, another speaks for it", "engine", v.Engine(), "next", fit[i+1].Engine(), "error", err)
			s.Voice = "" // it was the other's
		}
	}
}

// pass hands on what a voice speaks. began says whether the caller has any of
// it; an error is for the caller still to be told.
func pass(ctx context.Context, v Voice, s stage.Speech, yield func(stage.Chunk, error) bool) (began bool, err error) {
	if s.Voice != "" && !has(v, s.Voice) {
		s.Voice = ""
	}
	for chunk, err := range v.Synthesize(ctx, s) {
		if err != nil {
			return began, err
		}
		began = true
		if !yield(chunk, nil) {
			return true, nil
		}
	}
	return began, nil
}

// another says whether another voice may do better.
func another(err error) bool {
	e, ok := errors.AsType[*stage.Error](err)
	return !ok || e.Code != stage.CodeRejected
}

// find gives the voices for a speech, the best first. A text in Korean letters
// is Korean, whatever the session's language is; the speech is told so.
func (c *Choice) find(s *stage.Speech) ([]Voice, error) {
	base := espeak.Base(s.Language)
	if hangul(s.Text) {
		base, s.Language = "ko", "ko"
	}
	var fit []Voice
	for _, v := range c.voices {
		if base == "" || slices.Contains(v.Languages(), base) {
			fit = append(fit, v)
		}
	}
	if len(fit) == 0 {
		return nil, c.refused(stage.CodeLanguage, "No local voice speaks the language %.20q; they speak %s.", s.Language, strings.Join(c.Languages(), ", "))
	}
	if s.Voice = strings.TrimSpace(s.Voice); s.Voice == "" {
		return fit, nil
	}
	named := func(v Voice) bool { return has(v, s.Voice) }
	if !slices.ContainsFunc(c.voices, named) {
		return nil, c.refused(stage.CodeRejected, "There is no voice %.40q. The voices are: %s.", s.Voice, strings.Join(c.Voices(), ", "))
	}
	// A voice of another language is none for this text; then the order stays.
	slices.SortStableFunc(fit, func(a, b Voice) int {
		switch {
		case named(a) == named(b):
			return 0
		case named(a):
			return -1
		}
		return 1
	})
	return fit, nil
}

// has says whether a voice has the name.
func has(v Voice, name string) bool {
	return slices.ContainsFunc(v.Voices(), func(n string) bool { return strings.EqualFold(n, name) })
}

func (c *Choice) refused(code, format string, args ...any) error {
	return &stage.Error{Stage: stage.TTS, Code: code, Message: fmt.Sprintf(format, args...), Engine: c.Engine()}
}

// hangul says whether most letters of a text are Korean.
func hangul(text string) bool {
	korean, letters := 0, 0
	for _, r := range text {
		if unicode.IsLetter(r) {
			letters++
			if unicode.Is(unicode.Hangul, r) {
				korean++
			}
		}
	}
	return korean > letters/2
}
