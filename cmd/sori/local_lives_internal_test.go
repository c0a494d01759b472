package main

import (
	"log/slog"
	"testing"

	"sori/stage"
)

// The engine that is named is the one that has the language, as long as it is there.
func TestEnginesAreNamedByLanguage(t *testing.T) {
	t.Parallel()
	var k knownLanguages
	k.mine(stage.ATOT, true, true)
	k.mine(stage.TTS, false, false) // a remote one serves in the first place
	hear := k.hear(slog.New(slog.DiscardHandler))
	if got := k.nameFor(stage.ATOT, "moonshine", "ko"); got != "moonshine" {
		t.Errorf("before anything is known: %q", got)
	}
	hear([]byte(`{"services":[
		{"service":"atot","engine":"moonshine","languages":["en","ko"],"engines":[{"name":"moonshine","languages":["en"]},{"name":"whisper","languages":["ko","en"]}]},
		{"service":"tts","engine":"flite","engines":[{"name":"flite","languages":["en"]}]}]}`))
	for language, want := range map[string]string{"": "moonshine", "en-US": "moonshine", "ko-KR": "whisper", "fr": "moonshine"} {
		if got := k.nameFor(stage.ATOT, "moonshine", language); got != want {
			t.Errorf("%q: %q, want %q", language, got, want)
		}
	}
	if got := k.nameFor(stage.TTS, "remote", "en"); got != "remote" {
		t.Errorf("the remote voice is named %q", got)
	}
	hear([]byte(`{"services":[{"service":"atot","engine":"moonshine","missing":"whisper","error":"gone","languages":["en"],"engines":[{"name":"moonshine","languages":["en"]}]}]}`))
	if got := k.nameFor(stage.ATOT, "whisper", "ko"); got != "moonshine" {
		t.Errorf("when it is gone: %q", got)
	}
}
