package session_test

import (
	"testing"
	"testing/synctest"
	"time"

	"sori/history"
	"sori/protocol"
	"sori/session"
	"sori/stage"
)

// Engines that are several, one for each language.
type (
	severalEars   struct{ atot }
	severalVoices struct{ tts }
)

func (severalEars) EngineFor(language string) string   { return "ears-" + language }
func (severalVoices) EngineFor(language string) string { return "voice-" + language }

// Clients and history see the engine that serves the session's language.
func TestEnginesAreNamedByLanguage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := deps()
		d.ATOT, d.TTS = severalEars{d.ATOT.(atot)}, severalVoices{d.TTS.(tts)}
		r := open(t, session.Options{}, d)
		language := "ko"
		r.send(protocol.Configure{Language: &language})
		r.speak(time.Second)
		r.send(protocol.Commit{})
		settle(time.Minute)
		want := history.Engines{ATOT: "ears-ko", TTOT: "fake-ttot", TTS: "voice-ko"}
		if got := one[protocol.Ready](r).Engines; got != want {
			t.Errorf("ready: %+v", got)
		}
		if got := one[protocol.TurnDone](r).Record.Engines; got != want {
			t.Errorf("history: %+v", got)
		}
		for _, e := range find[protocol.StageStarted](r) {
			if named := map[stage.Name]string{stage.ATOT: want.ATOT, stage.TTOT: want.TTOT, stage.TTS: want.TTS}[e.Stage]; e.Engine != named {
				t.Errorf("%s began with %q", e.Stage, e.Engine)
			}
		}
		r.check()
	})
}
