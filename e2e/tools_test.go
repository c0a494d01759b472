//go:build e2e

package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sori/client"
)

// A model calls a webhook of the server's, and speaks what it gives; a session
// asks for a profile.
func TestAModelCallsAWebhook(t *testing.T) {
	t.Parallel()
	var asked struct {
		UserID    string          `json:"user_id"`
		Tool      string          `json:"tool"`
		Arguments json.RawMessage `json:"arguments"`
	}
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		fmt.Fprint(w, `{"sky":"clear"}`)
	}))
	t.Cleanup(hook.Close)
	llm := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		switch ask := string(body); {
		case !strings.Contains(ask, `"tools"`) || !strings.Contains(ask, "speak like a sailor"):
			fmt.Fprint(w, "data: {\"choices\":[{\"delta\":{\"content\":\"I was not told of tools and profile.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
		case strings.Contains(ask, "clear"):
			fmt.Fprint(w, "data: {\"choices\":[{\"delta\":{\"content\":\"The sky is clear.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
		default:
			fmt.Fprint(w, "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"weather\",\"arguments\":\"{\\\"city\\\":\\\"Seoul\\\"}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n")
		}
	}))
	t.Cleanup(llm.Close)
	dir := t.TempDir()
	files := map[string]string{
		"tools.yaml":    "- {name: weather, description: The weather of a city, url: '" + hook.URL + "'}",
		"profiles.yaml": "sailor: {instructions: 'speak like a sailor'}",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := serve(t, "--ttot", "openai+"+llm.URL+"/v1?model=m", "--tools", filepath.Join(dir, "tools.yaml"),
		"--tools-allow", strings.TrimPrefix(hook.URL, "http://"), "--profiles", filepath.Join(dir, "profiles.yaml"))
	c := format(16000)
	user, profile := "77", "sailor"
	c.User, c.Profile = &user, &profile
	a := ask(t, dial(t, s, c), client.Turn{Text: "how is the weather in Seoul"})
	if !a.Done() || a.Record.TTOTText != "The sky is clear." || len(a.Audio) == 0 {
		t.Errorf("record %+v", a.Record)
	}
	if asked.UserID != "77" || asked.Tool != "weather" || string(asked.Arguments) != `{"city":"Seoul"}` {
		t.Errorf("the webhook was asked %+v %s", asked, asked.Arguments)
	}
}
