package enginehttp_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sori/audio"
	"sori/clients/atot"
	"sori/clients/endpoint"
	"sori/clients/ttot"
	"sori/clients/tts"
	"sori/engines/enginehttp"
	"sori/stage"
)

// What the server says is what sori's own clients understand, in both dialects.
func TestOwnClients(t *testing.T) {
	t.Parallel()
	refuse := mouth{func(ctx context.Context, sp stage.Speech, yield func(stage.Chunk, error) bool) {
		if sp.Language == "ko" {
			yield(stage.Chunk{}, &stage.Error{Stage: stage.TTS, Code: stage.CodeRejected, Message: "There is no such voice."})
			return
		}
		hums(4).speak(ctx, sp, yield)
	}}
	s := start(t, enginehttp.Config{ATOT: hears("go forward ten meters"), TTOT: echoes(), TTS: refuse})
	for _, dialect := range []string{"", "openai+"} {
		t.Run("dialect "+dialect, func(t *testing.T) {
			t.Parallel()
			a, err1 := atot.New(dialect+s.URL, endpoint.Options{})
			m, err2 := ttot.New(dialect+s.URL, endpoint.Options{})
			v, err3 := tts.New(dialect+s.URL, endpoint.Options{})
			if err := errors.Join(err1, err2, err3); err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			defer m.Close()
			defer v.Close()
			if err := errors.Join(a.Health(t.Context()), m.Health(t.Context()), v.Health(t.Context())); err != nil {
				t.Errorf("health: %v", err)
			}
			clip := audio.ClipOf(tone(16_000, 16_000))
			defer clip.Release()
			var last stage.Transcript
			for tr, err := range a.Transcribe(t.Context(), stage.Utterance{UserID: "anna", Language: "en", Audio: clip}) {
				if err != nil {
					t.Fatal(err)
				}
				last = tr
			}
			if last != (stage.Transcript{Text: "go forward ten meters", Final: true}) {
				t.Errorf("ATOT: %+v", last)
			}
			reply := ""
			for piece, err := range m.Respond(t.Context(), stage.Prompt{UserID: "anna", Text: "good day", History: []stage.Exchange{{User: "a", Reply: "b"}}}) {
				if err != nil {
					t.Fatal(err)
				}
				reply += piece
			}
			if reply != "You said: good day" {
				t.Errorf("TTOT: %q", reply)
			}
			samples, rate := 0, 0
			for c, err := range v.Synthesize(t.Context(), stage.Speech{UserID: "anna", Text: "hello"}) {
				if err != nil {
					t.Fatal(err)
				}
				samples, rate = samples+len(c.PCM)/2, c.Rate
			}
			if samples*10 != 4*rate {
				t.Errorf("TTS: %d samples at %d Hz", samples, rate)
			}
			if dialect != "" {
				return
			}
			for _, err := range v.Synthesize(t.Context(), stage.Speech{Text: "hello", Language: "ko"}) {
				if e, ok := errors.AsType[*stage.Error](err); !ok || e.Code != stage.CodeRejected || !strings.Contains(e.Message, "no such voice") {
					t.Errorf("a refusal: %v", err)
				}
			}
			if _, err := m.Pull(t.Context(), "nobody"); err == nil {
				t.Error("a pull without a transcript gave one")
			}
			if r, err := a.Pull(t.Context(), "anna"); err != nil || r.Text != "go forward ten meters" || !strings.HasPrefix(r.InputWAV, "/static/uploads/") {
				t.Errorf("pull from ATOT: %+v %v", r, err)
			}
			if r, err := m.Pull(t.Context(), "anna"); err != nil || r.Text != "You said: go forward ten meters" {
				t.Errorf("pull from TTOT: %+v %v", r, err)
			}
		})
	}
}

// No body in JSON is an internal error, or ends the process.
func FuzzBodies(f *testing.F) {
	for _, s := range []string{
		`{"user_id":10,"text":"x","history":[{"role":"user","text":"a"}]}`,
		`{"messages":[{"role":"user","content":[{"type":"text","text":"x"}]}],"stream":true,"max_tokens":1}`,
		`{"input":"x","voice":{"id":"a"},"response_format":"pcm","sample_rate":8000}`,
		`{"text":"x","user_id":1e400}`, `{"user_id":"\ud800","text":"\u0000"}`, `[]`, `null`, `{"text":"x","history":[null]}`, `{"messages":[{"content":[null]}]}`,
	} {
		f.Add(s)
	}
	h := enginehttp.NewHandler(enginehttp.Config{TTOT: echoes(), TTS: hums(1)})
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/generate", "/v1/chat/completions", "/tts", "/v1/audio/speech"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body)))
			if w.Code != http.StatusOK && w.Code != http.StatusBadRequest {
				t.Fatalf("%s: %d %s", path, w.Code, w.Body)
			}
		}
	})
}
