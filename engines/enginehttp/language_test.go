package enginehttp_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"

	"sori/audio"
	"sori/clients/atot"
	"sori/clients/endpoint"
	"sori/engines/enginehttp"
	"sori/stage"
)

// knowing hears the same whatever is said, in the given languages.
func knowing(says string, languages ...string) enginehttp.Config {
	return enginehttp.Config{ATOT: enginehttp.Hearing{
		Name: "ear-" + says, Languages: languages,
		Hear: func(context.Context, []int16) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) { yield(says, nil) }
		},
	}}
}

// An engine without the language says so in a way that its client understands,
// so that the next of a list is asked.
func TestLanguageGoesToTheEngineThatHasIt(t *testing.T) {
	t.Parallel()
	english, korean := start(t, knowing("hello", "en")), start(t, knowing("annyeong", "ko"))
	hear := func(t *testing.T, spec, language string) (string, error) {
		t.Helper()
		c, err := atot.New(spec, endpoint.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		clip := audio.ClipOf(tone(16_000, 16_000))
		defer clip.Release()
		text := ""
		for tr, err := range c.Transcribe(t.Context(), stage.Utterance{UserID: "anna", Language: language, Audio: clip}) {
			if err != nil {
				return "", err
			}
			text = tr.Text
		}
		return text, nil
	}
	_, err := hear(t, english.URL, "ko")
	if e, ok := errors.AsType[*stage.Error](err); !ok || e.Code != stage.CodeLanguage || !strings.Contains(e.Message, "it knows en") {
		t.Errorf("an English engine alone: %v", err)
	}
	for language, want := range map[string]string{"en": "hello", "ko-KR": "annyeong"} {
		if got, err := hear(t, english.URL+","+korean.URL, language); err != nil || got != want {
			t.Errorf("%s: %q, %v", language, got, err)
		}
	}
	if a := get(t, english.URL+"/health"); !strings.Contains(a.body, `"languages":["en"]`) {
		t.Errorf("health: %s", a.body)
	}
}

// named is a mouth with voices to choose from.
type named struct{ mouth }

func (named) Voices() []string { return []string{"slt", "rms"} }

func TestHealthNamesTheVoices(t *testing.T) {
	t.Parallel()
	if a := get(t, start(t, enginehttp.Config{TTS: named{}}).URL+"/health"); !strings.Contains(a.body, `"voices":["slt","rms"]`) {
		t.Errorf("health: %s", a.body)
	}
	if a := get(t, start(t, enginehttp.Config{TTS: mouth{}}).URL+"/health"); strings.Contains(a.body, "voices") {
		t.Errorf("health of a mouth that does not say: %s", a.body)
	}
}
