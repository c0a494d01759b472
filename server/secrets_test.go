package server_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sori/server"
	"sori/session"
)

func TestClientSecretsThatCannotBe(t *testing.T) {
	t.Parallel()
	s, err := server.New(server.Config{NewSession: func(session.Options) server.Session { return newFakeSession() }, Store: &fakeStore{}})
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{
		`{"expires_after":{"seconds":9}}`:                                                "expires_after.seconds",
		`{"expires_after":{"seconds":7201}}`:                                             "expires_after.seconds",
		`{"expires_after":{"anchor":"birth"}}`:                                           "expires_after.anchor",
		`{"session":{"type":"realtime","output_modalities":["smell"]}}`:                  "session.output_modalities",
		`{"session":{"type":"transcription","audio":{"input":{"format":{"type":"x"}}}}}`: "session.audio.input.format.type",
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/realtime/client_secrets", strings.NewReader(body))
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		var got struct{ Error struct{ Param string } }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusBadRequest || got.Error.Param != want {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
}
