package discover_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sori/clients/discover"
	"sori/clients/endpoint"
	"sori/stage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve gives a candidate that answers /v1/models with body.
func serve(t *testing.T, name, body string) discover.Candidate {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/v1/models":
			t.Errorf("%s was asked for %s", name, r.URL.Path)
		case body == "hang":
			<-r.Context().Done()
		case body == "redirect":
			http.Redirect(w, r, "http://elsewhere.invalid/v1/models", http.StatusFound)
		case body == "404":
			http.NotFound(w, r)
		default:
			_, _ = io.WriteString(w, body)
		}
	}))
	t.Cleanup(s.Close)
	return discover.Candidate{Name: name, URL: s.URL}
}

func models(ids ...string) string {
	return `{"object":"list","data":[{"id":"` + strings.Join(ids, `"},{"id":"`) + `"}]}`
}

func TestFirstServerWithAModelForChatsIsFound(t *testing.T) {
	t.Parallel()
	nobody := discover.Candidate{Name: "nobody", URL: "http://127.0.0.1:1"}
	for _, tc := range []struct {
		name   string
		bodies []string
		server string // "" when none
		model  string
	}{
		{"the first", []string{models("gemma3:1b"), models("x")}, "0", "gemma3:1b"},
		{"after one that hangs", []string{"hang", models("x")}, "1", "x"},
		{"after recognition", []string{models("Systran/faster-whisper-small", "hexgrad/Kokoro-82M"), models("x")}, "1", "x"},
		{"after no server of models", []string{"404", `{"message":"This is the Backend Server"}`, "<html>", "redirect", models(), models("x")}, "5", "x"},
		{"none", []string{"hang", "404"}, "", ""},
		{"nobody at all", nil, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			candidates := []discover.Candidate{nobody}
			for i, body := range tc.bodies {
				candidates = append(candidates, serve(t, string(rune('0'+i)), body))
			}
			began := time.Now()
			found, ok := discover.LLM(t.Context(), candidates)
			if took := time.Since(began); took > discover.Budget+2*time.Second {
				t.Errorf("took %v", took)
			}
			if ok != (tc.server != "") || found.Server != tc.server || found.Model != tc.model {
				t.Fatalf("found %+v, %v", found, ok)
			}
			if ok {
				list, err := endpoint.Parse(stage.TTOT, found.URL, nil)
				if err != nil || list[0].Dialect != endpoint.OpenAI || list[0].Params.Get("model") != tc.model {
					t.Errorf("the URL %s is of no use: %v, %v", found.URL, list, err)
				}
			}
		})
	}
}

func TestNameOfAModelSurvivesTheURL(t *testing.T) {
	t.Parallel()
	const model = "org/a+b c,d&e?f#g:7b"
	found, ok := discover.LLM(t.Context(), []discover.Candidate{serve(t, "s", models(model))})
	list, err := endpoint.Parse(stage.TTOT, found.URL, nil)
	if !ok || err != nil || len(list) != 1 || list[0].Params.Get("model") != model {
		t.Errorf("%s: %v, %v", found.URL, list, err)
	}
}

func TestChooseChat(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ ids, want string }{
		{"text-embedding-nomic-embed-text-v1.5 qwen2.5-7b-instruct", "qwen2.5-7b-instruct"},
		{"whisper-1 tts-1 kokoro moonshine-tiny-en flite-slt", ""},
		{"sori-responder accessorized-llm", "accessorized-llm"},
		{"llama-guard3:1b llama3.2:1b", "llama3.2:1b"},
		{"", ""},
	} {
		if got := discover.ChooseChat(strings.Fields(tc.ids)); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.ids, got, tc.want)
		}
	}
}

func TestUsualPlacesAreOnThisMachine(t *testing.T) {
	t.Parallel()
	for _, c := range discover.Usual() {
		if !strings.HasPrefix(c.URL, "http://127.0.0.1:") || c.Name == "" {
			t.Errorf("%+v", c)
		}
	}
}

// FuzzModels reads lists of models, whatever serves them.
func FuzzModels(f *testing.F) {
	for _, s := range []string{`{"data":[{"id":"llama3.2"},{"id":"nomic-embed"}]}`, `{"data":[{}]}`, `{"data":{}}`, `null`, `[`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, list []byte) {
		ids, err := discover.ReadModels(bytes.NewReader(list))
		if chosen := discover.ChooseChat(ids); err != nil && chosen != "" || chosen != "" && !slices.Contains(ids, chosen) {
			t.Errorf("%q: chose %q, %v", list, chosen, err)
		}
	})
}
