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
	"sori/clients/tts"
	"sori/engines/enginehttp"
	"sori/stage"
)

// knowing hears the same whatever is said, in the given languages.
func knowing(says string, languages ...string) enginehttp.Config {
	return enginehttp.Config{ATOT: enginehttp.Hearing{
		Name: "ear-" + says, Languages: languages,
		Hear: func(context.Context, string, []int16) iter.Seq2[string, error] {
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

// Of several recognizers the one that knows the language hears, and the client is
// told which; a language that none knows is refused with all that there are.
func TestHearings(t *testing.T) {
	t.Parallel()
	hears := func(name string, languages ...string) enginehttp.Hearing {
		return enginehttp.Hearing{Name: name, Languages: languages, Hear: func(_ context.Context, language string, _ []int16) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) { yield(name+" heard "+language, nil) }
		}}
	}
	s := start(t, enginehttp.Config{ATOT: enginehttp.Hearings{hears("moonshine", "en"), hears("whisper", "ko", "en")}})
	for _, spec := range []string{s.URL, "openai+" + s.URL + "/v1?model=any"} {
		c, err := atot.New(spec, endpoint.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		for language, want := range map[string][2]string{"en-US": {"moonshine heard en", ""}, "": {"moonshine heard", ""}, "ko-KR": {"whisper heard ko", "whisper"}} {
			clip := audio.ClipOf(tone(16_000, 16_000))
			var told stage.Served
			text := ""
			for tr, err := range c.Transcribe(stage.WithServed(t.Context(), func(s stage.Served) { told = s }), stage.Utterance{UserID: "anna", Language: language, Audio: clip}) {
				if err != nil {
					t.Fatal(err)
				}
				text = tr.Text
			}
			clip.Release()
			if strings.TrimSpace(text) != want[0] || told.Engine != want[1] || told.Failed != "" || told.Err != nil {
				t.Errorf("%s, %q: %q, told %+v", spec, language, text, told)
			}
		}
	}
	wantError(t, "French", upload(t, s.URL+"/run-model", wav(16_000, 0.5), "language", "fr"), 422, stage.CodeLanguage, "en, ko")
	if a := get(t, s.URL+"/health"); !strings.Contains(a.body, `"languages":["en","ko"],"engines":[{"name":"moonshine","languages":["en"]},{"name":"whisper","languages":["ko","en"]}]`) {
		t.Errorf("health: %s", a.body)
	}
}

// A voice that speaks for one that failed is named, with the one that failed.
func TestAnotherVoiceIsNamed(t *testing.T) {
	t.Parallel()
	s := start(t, enginehttp.Config{TTS: mouth{func(ctx context.Context, _ stage.Speech, yield func(stage.Chunk, error) bool) {
		stage.NoteServed(ctx, stage.Served{Stage: stage.TTS, Engine: "flite", Failed: "piper joe", Err: errors.New("broken")})
		yield(stage.Chunk{PCM: make([]byte, 3200), Rate: 16_000}, nil)
	}}})
	for _, spec := range []string{s.URL, "openai+" + s.URL + "/v1"} {
		c, err := tts.New(spec, endpoint.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		var told stage.Served
		for _, err := range c.Synthesize(stage.WithServed(t.Context(), func(s stage.Served) { told = s }), stage.Speech{UserID: "anna", Text: "Hello."}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		if told.Stage != stage.TTS || told.Engine != "flite" || told.Failed != "piper joe" || told.Err == nil {
			t.Errorf("%s: told %+v", spec, told)
		}
	}
}
