package espeak

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"unicode"

	"sori/stage"
)

const engineName = "espeak-ng"

// Voice is espeak-ng as a TTS engine. Its methods may be called from many
// goroutines.
type Voice struct {
	lib       *Library
	languages []string // base tags
}

// voiceOf names espeak-ng's voice for a language's base tag.
func voiceOf(base string) string {
	if base == "en" {
		return "en-us"
	}
	return base
}

// NewVoice makes an engine that speaks those of the languages, given as base
// tags ("ko"), that the library has. It fails where it has none of them.
func NewVoice(l *Library, languages ...string) (*Voice, error) {
	v := &Voice{lib: l}
	for _, base := range languages {
		if l.Knows(voiceOf(base)) {
			v.languages = append(v.languages, base)
		}
	}
	if len(v.languages) == 0 {
		return nil, fmt.Errorf("espeak-ng: it has no voice for any of %s", strings.Join(languages, ", "))
	}
	return v, nil
}

// Engine is the name that history and clients see.
func (*Voice) Engine() string { return engineName }

// Languages are the base tags of the languages that it speaks.
func (v *Voice) Languages() []string { return v.languages }

// Voices names the voices.
func (*Voice) Voices() []string { return []string{engineName} }

// Synthesize gives the speech as it is made, one clause after the other.
func (v *Voice) Synthesize(ctx context.Context, s stage.Speech) iter.Seq2[stage.Chunk, error] {
	return func(yield func(stage.Chunk, error) bool) {
		fail := func(code, message string) {
			yield(stage.Chunk{}, &stage.Error{Stage: stage.TTS, Code: code, Message: message, Engine: engineName})
		}
		base := Base(s.Language)
		if base == "" {
			base = v.languages[0]
		}
		switch {
		case !slices.Contains(v.languages, base):
			fail(stage.CodeLanguage, fmt.Sprintf("The plain local voice does not speak %.20q; it speaks %s.", s.Language, strings.Join(v.languages, ", ")))
			return
		case strings.TrimSpace(s.Text) == "":
			fail(stage.CodeRejected, "There is no text to speak.")
			return
		}
		said := false
		for _, text := range pieces(Plain(s.Text)) {
			pcm, err := v.piece(ctx, voiceOf(base), text)
			if err != nil {
				e := *stage.AsError(stage.TTS, err)
				e.Engine = engineName
				yield(stage.Chunk{}, &e)
				return
			}
			if len(pcm) == 0 {
				continue
			}
			said = true
			if !yield(stage.Chunk{PCM: pcm, Rate: v.lib.Rate()}, nil) {
				return
			}
		}
		if !said { // punctuation or emoji alone: a short rest
			yield(stage.Chunk{PCM: make([]byte, v.lib.Rate()/10*2), Rate: v.lib.Rate()}, nil)
		}
	}
}

// piece speaks one piece into memory: the library makes hundreds of times as
// much speech as a listener takes, and must not wait for one.
func (v *Voice) piece(ctx context.Context, voice, text string) ([]byte, error) {
	var pcm []byte
	err := v.lib.Speak(ctx, voice, text, func(samples []int16) bool {
		for _, s := range samples {
			pcm = append(pcm, byte(s), byte(uint16(s)>>8))
		}
		return true
	})
	return pcm, err
}

// Base gives the base tag of a language in small letters, "" for none in
// particular.
func Base(tag string) string {
	base, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(strings.TrimSpace(tag)), "_", "-"), "-")
	switch base {
	case "und", "mul", "auto":
		return ""
	}
	return base
}

// Plain leaves out what is written but not said in any language: markup, emoji,
// control characters. Other signs stay: espeak-ng reads them in its language.
func Plain(text string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(text, " ") {
		switch {
		case strings.ContainsRune("*`#~|<>[]{}_^\\\"", r), unicode.IsControl(r) && r != '\n':
			b.WriteByte(' ')
		case unicode.In(r, unicode.So, unicode.Co, unicode.Cs, unicode.Cf), r == '\uFE0F':
		default:
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(b.String())
}

// maxPiece is the longest piece, in bytes, that is spoken at once.
const maxPiece = 300

// pieces cuts a text at the ends of sentences, and where a sentence is long at
// commas and spaces.
func pieces(text string) []string {
	var all []string
	begin, space, comma := 0, -1, -1
	cut := func(end int) {
		if p := strings.TrimSpace(text[begin:end]); strings.ContainsFunc(p, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			all = append(all, p)
		}
		begin, space, comma = end, -1, -1
	}
	rs := []rune(text)
	at := 0
	for i, r := range rs {
		at += len(string(r))
		last := i+1 == len(rs)
		switch {
		case r == '\n', strings.ContainsRune("。！？", r), strings.ContainsRune(".!?", r) && (last || unicode.IsSpace(rs[i+1])):
			cut(at)
			continue
		case strings.ContainsRune(",;:、，", r):
			comma = at
		case unicode.IsSpace(r):
			space = at
		}
		if at-begin < maxPiece {
			continue
		}
		switch {
		case comma > begin:
			cut(comma)
		case space > begin:
			cut(space)
		default:
			cut(at)
		}
	}
	cut(len(text))
	return all
}
