package server_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"sori/protocol"
	"sori/server"
	"sori/session"
	"sori/stage"
)

func TestErrorsOfASessionSpeakTheCallersLanguage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{NewSession: func(session.Options) server.Session {
			s := newTalker()
			s.fail = &stage.Error{Stage: stage.TTS, Code: stage.CodeUnreachable, Message: "Nobody answers."}
			return s
		}})
		for language, isKorean := range map[string]bool{"ko-KR,ko;q=0.9": true, "en": false, "": false} {
			c, refused := r.tryConnect(t, http.Header{"Accept-Language": {language}})
			if refused != nil {
				t.Fatal(refused.err)
			}
			c.ask(`{"type":"session.configure","user":"kim"}`)
			c.text(`{"type":"text","text":"hi"}`)
			said := ""
			for said == "" {
				_, e := c.event()
				switch e := e.(type) {
				case protocol.StageFailed:
					if (e.Message == "TTS 서버 연결 실패 (port 8004가 실행 중인지 확인)") != isKorean || e.Code != stage.CodeUnreachable {
						t.Errorf("%q: %+v", language, e)
					}
				case protocol.TurnFailed:
					said = e.Message
				}
			}
			if (said != "Nobody answers.") != isKorean {
				t.Errorf("%q: %s", language, said)
			}
		}
	})
}

func TestEveryCodeHasItsTexts(t *testing.T) {
	t.Parallel()
	for _, dir := range []struct{ path, prefix string }{{"../protocol", "Err"}, {"../protocol", "Warn"}, {"../stage", "Code"}} {
		for _, code := range constants(t, dir.path, dir.prefix) {
			codes := []string{code}
			if dir.prefix == "Code" {
				codes = []string{"stage." + code}
				if code == stage.CodeUnreachable {
					codes = []string{"stage." + code + ".atot", "stage." + code + ".ttot", "stage." + code + ".tts"}
				}
			}
			for _, code := range codes {
				en, ko := server.Say(t, "en", code, "detail"), server.Say(t, "ko", code, "detail")
				if en == code || ko == code || strings.Contains(en+ko, "%!") || en == ko {
					t.Errorf("%s: %q, %q", code, en, ko)
				}
			}
		}
	}
}
