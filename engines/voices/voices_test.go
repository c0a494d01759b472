package voices_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"sori/engines/voices"
	"sori/stage"
)

// voice says its name and what it was told, or fails after so many chunks.
type voice struct {
	name      string
	languages []string
	fail      error
	after     int
}

func (v voice) Engine() string      { return v.name }
func (v voice) Languages() []string { return v.languages }
func (v voice) Voices() []string    { return []string{v.name + "-voice"} }

func (v voice) Synthesize(_ context.Context, s stage.Speech) iter.Seq2[stage.Chunk, error] {
	return func(yield func(stage.Chunk, error) bool) {
		for i := range 2 {
			if v.fail != nil && i >= v.after {
				yield(stage.Chunk{}, v.fail)
				return
			}
			if !yield(stage.Chunk{PCM: []byte(v.name + "(" + s.Language + s.Voice + ")"), Rate: 16000}, nil) {
				return
			}
		}
	}
}

func say(t *testing.T, c *voices.Choice, s stage.Speech) (string, error) {
	t.Helper()
	var all []string
	for chunk, err := range c.Synthesize(t.Context(), s) {
		if err != nil {
			return strings.Join(all, " "), err
		}
		all = append(all, string(chunk.PCM))
	}
	return strings.Join(all, " "), nil
}

func TestEachLanguageHasItsVoice(t *testing.T) {
	t.Parallel()
	c := voices.New(nil, voice{name: "piper", languages: []string{"en"}}, voice{name: "flite", languages: []string{"en"}}, voice{name: "espeak", languages: []string{"ko", "de"}})
	if got := strings.Join(c.Languages(), " "); got != "en ko de" {
		t.Errorf("it speaks %s", got)
	}
	for _, x := range []struct {
		name   string
		speech stage.Speech
		want   string
		code   string
	}{
		{"no language", stage.Speech{Text: "hello"}, "piper() piper()", ""},
		{"English", stage.Speech{Text: "hello", Language: "en-GB"}, "piper(en-GB) piper(en-GB)", ""},
		{"Korean", stage.Speech{Text: "안녕", Language: "ko"}, "espeak(ko) espeak(ko)", ""},
		{"Korean in an English session", stage.Speech{Text: "안녕하세요!", Language: "en"}, "espeak(ko) espeak(ko)", ""},
		{"a Korean word in English", stage.Speech{Text: "They say 안녕 there", Language: "en"}, "piper(en) piper(en)", ""},
		{"by name", stage.Speech{Text: "hello", Language: "en", Voice: "Flite-Voice"}, "flite(enFlite-Voice) flite(enFlite-Voice)", ""},
		{"an English voice for Korean", stage.Speech{Text: "안녕", Voice: "flite-voice"}, "espeak(ko) espeak(ko)", ""},
		{"unknown name", stage.Speech{Text: "hello", Voice: "nobody"}, "", stage.CodeRejected},
		{"unknown language", stage.Speech{Text: "bonjour", Language: "fr"}, "", stage.CodeLanguage},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			got, err := say(t, c, x.speech)
			e, _ := errors.AsType[*stage.Error](err)
			if got != x.want || (err != nil) != (x.code != "") || err != nil && e.Code != x.code {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestAnotherSpeaksForOneThatFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	flite := voice{name: "flite", languages: []string{"en"}}
	before := voices.New(nil, voice{name: "piper", languages: []string{"en"}, fail: broken}, flite)
	for _, name := range []string{"", "piper-voice"} {
		if got, err := say(t, before, stage.Speech{Text: "hello", Voice: name}); err != nil || got != "flite() flite()" {
			t.Errorf("got %q, %v", got, err)
		}
	}
	// What was heard can't be taken back.
	within := voices.New(nil, voice{name: "piper", languages: []string{"en"}, fail: broken, after: 1}, flite)
	if got, err := say(t, within, stage.Speech{Text: "hello"}); !errors.Is(err, broken) || got != "piper()" {
		t.Errorf("got %q, %v", got, err)
	}
	// What is wrong with the text is wrong for all.
	rejected := &stage.Error{Stage: stage.TTS, Code: stage.CodeRejected}
	refused := voices.New(nil, voice{name: "piper", languages: []string{"en"}, fail: rejected}, flite)
	if got, err := say(t, refused, stage.Speech{Text: "hello"}); !errors.Is(err, rejected) || got != "" {
		t.Errorf("got %q, %v", got, err)
	}
	both := voices.New(nil, voice{name: "piper", languages: []string{"en"}, fail: broken}, voice{name: "flite", languages: []string{"en"}, fail: errors.New("too")})
	if _, err := say(t, both, stage.Speech{Text: "hello"}); !errors.Is(err, broken) {
		t.Errorf("got %v, want the preferred voice's error", err)
	}
}

// Who speaks is told where it is not the preferred voice.
func TestWhoSpeaksIsTold(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, x := range map[string]struct {
		preferred error
		speech    stage.Speech
		want      []stage.Served
	}{
		"the preferred voice":               {nil, stage.Speech{Language: "en"}, nil},
		"the one for a language":            {nil, stage.Speech{Language: "ko"}, []stage.Served{{Stage: stage.TTS, Engine: "espeak"}}},
		"another where the preferred fails": {broken, stage.Speech{Language: "en"}, []stage.Served{{Stage: stage.TTS, Engine: "flite", Failed: "piper", Err: broken}}},
	} {
		c := voices.New(nil, voice{name: "piper", languages: []string{"en"}, fail: x.preferred}, voice{name: "flite", languages: []string{"en"}}, voice{name: "espeak", languages: []string{"ko"}})
		var told []stage.Served
		for _, err := range c.Synthesize(stage.WithServed(t.Context(), func(s stage.Served) { told = append(told, s) }), x.speech) {
			if err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(told, x.want) {
			t.Errorf("%s: told %v, want %v", name, told, x.want)
		}
	}
}
