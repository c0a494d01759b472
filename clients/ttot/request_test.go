package ttot_test

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"sori/clients/endpoint"
	"sori/clients/enginetest"
	"sori/clients/ttot"
	"sori/stage"
)

// record keeps the bodies of calls and answers them.
func record(t *testing.T, bodies *[]map[string]any, body string) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		sent, err := io.ReadAll(r.Body)
		var m map[string]any
		if err != nil || json.Unmarshal(sent, &m) != nil {
			t.Errorf("the call holds no JSON: %s", sent)
		}
		if r.ContentLength != int64(len(sent)) || r.Header.Get("Accept") != asSSE || r.Header.Get("Content-Type") != asJSON {
			t.Errorf("length %d of %d, header %v", r.ContentLength, len(sent), r.Header)
		}
		*bodies = append(*bodies, m)
		_, _ = io.WriteString(w, body)
	}
}

func chat(pairs ...string) []any {
	var all []any
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, map[string]any{"role": pairs[i], "content": pairs[i+1]})
	}
	return all
}

func TestChatIsMadeOfInstructionsHistoryAndText(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		prompt stage.Prompt
		want   []any
	}{
		{
			name: "in turns",
			prompt: stage.Prompt{Instructions: "Be kind.", Text: " And now? ", History: []stage.Exchange{
				{User: "Hello", Reply: "Hi."},
				{User: "Never answered", Reply: " "},
				{User: "Why?", Reply: "Because."},
			}},
			want: chat("system", "Be kind.", "user", "Hello", "assistant", "Hi.", "user", "Never answered\nWhy?", "assistant", "Because.", "user", "And now?"),
		},
		{
			name:   "replies in a row",
			prompt: stage.Prompt{Instructions: "x", Text: "now", History: []stage.Exchange{{Reply: "a"}, {Reply: "b"}}},
			want:   chat("system", "x", "assistant", "a\nb", "user", "now"),
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var bodies []map[string]any
			inBubble(t, openAIURL+"&max_tokens=50&temperature=0.2", record(t, &bodies, say("ok")+done), func(t *testing.T, c *ttot.Client) {
				if _, err := listen(t.Context(), c, tc.prompt); err != nil {
					t.Fatal(err)
				}
			})
			want := map[string]any{"model": "m", "stream": true, "max_tokens": 50.0, "temperature": 0.2, "messages": tc.want}
			if !reflect.DeepEqual(bodies[0], want) {
				t.Errorf("sent %v\nwant %v", bodies[0], want)
			}
		})
	}
}

func TestModelIsToldThatItSpeaks(t *testing.T) {
	t.Parallel()
	var bodies []map[string]any
	inBubble(t, openAIURL, record(t, &bodies, say("ok")+done), func(t *testing.T, c *ttot.Client) {
		if _, err := listen(t.Context(), c, stage.Prompt{Text: "Hi", Language: "ko"}); err != nil {
			t.Fatal(err)
		}
	})
	messages, _ := bodies[0]["messages"].([]any)
	system, _ := messages[0].(map[string]any)
	text, _ := system["content"].(string)
	if system["role"] != "system" || !strings.Contains(text, "speaking aloud") || !strings.Contains(text, "ko") {
		t.Errorf("told %v", system)
	}
	if bodies[0]["max_tokens"] != 1024.0 {
		t.Errorf("max_tokens %v", bodies[0]["max_tokens"])
	}
}

func TestSeedIsAskedInItsDialect(t *testing.T) {
	t.Parallel()
	var bodies []map[string]any
	inBubble(t, seedURL, record(t, &bodies, `{"ttot_text":"ok"}`), func(t *testing.T, c *ttot.Client) {
		p := stage.Prompt{UserID: "10", Text: "now", Language: "en", History: []stage.Exchange{{User: "Hello", Reply: "Hi."}, {User: "x"}}}
		if _, err := listen(t.Context(), c, p); err != nil {
			t.Fatal(err)
		}
	})
	want := map[string]any{"user_id": "10", "text": "now", "language": "en", "history": []any{
		map[string]any{"role": "user", "text": "Hello"},
		map[string]any{"role": "assistant", "text": "Hi."},
		map[string]any{"role": "user", "text": "x"},
	}}
	if !reflect.DeepEqual(bodies[0], want) {
		t.Errorf("sent %v\nwant %v", bodies[0], want)
	}
}

func TestModelIsChosenWhereTheURLNamesNone(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, models, want string }{
		{"the first for chats", `{"data":[{"id":"nomic-embed-text"},{"id":"whisper-1"},{"id":"gemma3:1b"},{"id":"x"}]}`, "gemma3:1b"},
		{"none listed", `{"data":[]}`, ""},
		{"no list", `<html>`, ""},
		{"no such page", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			lists := 0
			var bodies []map[string]any
			chats := record(t, &bodies, say("ok")+done)
			inBubble(t, "openai+http://127.0.0.1:8002", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/v1/models" {
					chats(w, r)
					return
				}
				lists++
				if tc.models == "" {
					http.NotFound(w, r)
					return
				}
				_, _ = io.WriteString(w, tc.models)
			}), func(t *testing.T, c *ttot.Client) {
				for range 2 {
					if _, err := listen(t.Context(), c, prompt()); err != nil {
						t.Fatal(err)
					}
				}
			})
			if got, _ := bodies[1]["model"].(string); got != tc.want {
				t.Errorf("asked for model %q, want %q", got, tc.want)
			}
			if tc.want != "" && lists != 1 {
				t.Errorf("the models were listed %d times", lists)
			}
		})
	}
}

func TestModelThatWantsTheNewerLimitGetsIt(t *testing.T) {
	t.Parallel()
	refusals := 0
	inBubble(t, openAIURL, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m map[string]any
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Error(err)
		}
		if m["max_tokens"] != nil {
			refusals++
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}}`)
			return
		}
		if m["max_completion_tokens"] != 1024.0 {
			t.Errorf("sent %v", m)
		}
		_, _ = io.WriteString(w, say("ok")+done)
	}), func(t *testing.T, c *ttot.Client) {
		for range 2 {
			if _, err := listen(t.Context(), c, prompt()); err != nil {
				t.Fatal(err)
			}
		}
	})
	if refusals != 1 {
		t.Errorf("%d calls were refused, want the first one", refusals)
	}
}

func TestServiceThatTakesNoTextIsAskedForItsLatest(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, body, want, code string }{
		{"a number for a user", `{"user_id":10,"ttot_text":" Hi "}`, "Hi", ""},
		{"another user", `{"user_id":11,"ttot_text":"Hi"}`, "", stage.CodeBadReply},
		{"nothing said", `{"user_id":10,"ttot_text":" "}`, "", stage.CodeEmptyReply},
		{"no text", `{"user_id":10}`, "", stage.CodeBadReply},
		{"an error", `{"error":"not yet"}`, "", stage.CodeStatus},
		{"a page", `<html>`, "", stage.CodeBadReply},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, seedURL, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					_, _ = io.Copy(io.Discard, r.Body)
					w.WriteHeader(http.StatusMethodNotAllowed)
					return
				}
				if r.URL.RequestURI() != "/generate?user_id=10" {
					t.Errorf("asked %s", r.URL.RequestURI())
				}
				_, _ = io.WriteString(w, tc.body)
			}), func(t *testing.T, c *ttot.Client) {
				pieces, err := listen(t.Context(), c, prompt())
				if tc.code != "" {
					wantCode(t, err, tc.code)
				} else if err != nil || strings.Join(pieces, "") != tc.want {
					t.Fatalf("heard %v, %v", pieces, err)
				}
				r, err := c.Pull(t.Context(), "10")
				if tc.want != "" && (err != nil || r != ttot.Result{UserID: "10", Text: tc.want}) {
					t.Errorf("pulled %+v, %v", r, err)
				}
			})
		})
	}
}

func TestKeyIsSentAndNeverTold(t *testing.T) {
	t.Parallel()
	const key = "sk-SECRET"
	var got []string
	n := 0
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"))
		_, _ = io.Copy(io.Discard, r.Body)
		n++
		w.WriteHeader([]int{401, 400, 500}[n-1])
		_, _ = io.WriteString(w, `{"error":{"message":"bad key `+key+`"}}`)
	})
	network := enginetest.Serve(t, h)
	c, err := ttot.New("openai+http://127.0.0.1:8002?model=m&key_env=MY_KEY", endpoint.Options{
		Dial: network.Dial,
		Getenv: func(name string) string {
			return map[string]string{"MY_KEY": key + "\n", "SORI_TTOT_KEY": "another"}[name]
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, code := range []string{stage.CodeUnauthorized, stage.CodeRejected, stage.CodeStatus} {
		_, err := listen(t.Context(), c, prompt())
		wantCode(t, err, code)
	}
	if s := strings.Join(got, "|"); s != "Bearer sk-SECRET|Bearer sk-SECRET|Bearer sk-SECRET" {
		t.Errorf("sent %s", s)
	}
}
