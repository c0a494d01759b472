package tts_test

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"sori/clients/tts"
	"sori/stage"
)

func TestWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		spec, path string
		speech     stage.Speech
		want       map[string]any
	}{
		{seedURL, "/tts", stage.Speech{UserID: "10", Text: "Hi.", Voice: "slt", Language: "en"}, map[string]any{"user_id": "10", "text": "Hi.", "voice": "slt", "language": "en"}},
		{seedURL + "/say?voice=rms", "/say", stage.Speech{Text: "Hi."}, map[string]any{"user_id": "", "text": "Hi.", "voice": "rms"}},
		{openAIURL, "/v1/audio/speech", stage.Speech{Text: "Hi."}, map[string]any{"model": "tts-1", "input": "Hi.", "voice": "alloy", "response_format": "pcm"}},
		{openAIURL + "/v1/audio/speech?model=kokoro&voice=af_sky+af_bella&format=wav&stream=true", "/v1/audio/speech", stage.Speech{Text: "Hi."}, map[string]any{"model": "kokoro", "input": "Hi.", "voice": "af_sky+af_bella", "response_format": "wav", "stream": true}},
		{openAIURL + "?voice=x", "/v1/audio/speech", stage.Speech{Text: "Hi.", Voice: "y"}, map[string]any{"model": "tts-1", "input": "Hi.", "voice": "y", "response_format": "pcm"}},
	} {
		t.Run(tc.spec, func(t *testing.T) {
			t.Parallel()
			inBubble(t, tc.spec, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var got map[string]any
				if err := json.NewDecoder(r.Body).Decode(&got); err != nil || !reflect.DeepEqual(got, tc.want) || r.URL.Path != tc.path {
					t.Errorf("asked %s for %v, want %s, %v (%v)", r.URL.Path, got, tc.path, tc.want, err)
				}
				_, _ = w.Write(make([]byte, 100))
			}), func(t *testing.T, c *tts.Client) {
				for _, err := range c.Synthesize(t.Context(), tc.speech) {
					if err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}

func TestEngineWithoutPCMIsAskedForWAV(t *testing.T) {
	t.Parallel()
	pcm := tone(16_000)
	for _, tc := range []struct {
		name   string
		refuse func(w http.ResponseWriter)
	}{
		{"says 400", func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"detail":"response_format must be one of mp3, wav"}`)
		}},
		{"says 422", func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, `{"detail":[{"loc":["body","response_format"],"msg":"unexpected value"}]}`)
		}},
		{"sends MP3", func(w http.ResponseWriter) { _, _ = w.Write(append([]byte("ID3\x04"), make([]byte, 1000)...)) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var asked []string
			inBubble(t, openAIURL, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var got struct {
					Format string `json:"response_format"`
				}
				if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
					t.Error(err)
				}
				asked = append(asked, got.Format)
				if got.Format == "pcm" {
					tc.refuse(w)
					return
				}
				_, _ = w.Write(wavOf(pcm, 16_000, len(pcm)))
			}), func(t *testing.T, c *tts.Client) {
				for range 2 {
					if s, err := listen(t, c, "Hello."); err != nil || s.rate != 16_000 {
						t.Fatal(s.rate, err)
					}
				}
			})
			if got := strings.Join(asked, " "); got != "pcm wav wav" {
				t.Errorf("asked for %s", got)
			}
		})
	}
}

func TestNothingToSay(t *testing.T) {
	t.Parallel()
	inBubble(t, seedURL, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the engine was asked")
	}), func(t *testing.T, c *tts.Client) {
		if s, err := listen(t, c, " \n"); err != nil || s.chunks != 0 {
			t.Error(s.chunks, err)
		}
	})
}
