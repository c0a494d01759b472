package ttot_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"sori/clients/ttot"
	"sori/stage"
)

// What a reply took is asked for where somebody wants to know, and an engine that
// does not understand the question still answers.
func TestUsage(t *testing.T) {
	t.Parallel()
	const counted = `data: {"choices":[],"usage":{"prompt_tokens":30,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":20}}}` + "\n\n"
	for name, c := range map[string]struct {
		wanted, refuses bool
		answer          string
		want            stage.Usage
		calls           int
	}{
		"nobody asks":       {answer: say("ok") + done, calls: 1},
		"it says":           {wanted: true, answer: say("ok") + counted + done, want: stage.Usage{Input: 30, Cached: 20, Output: 4}, calls: 1},
		"it says nothing":   {wanted: true, answer: say("ok") + done, calls: 1},
		"it says null":      {wanted: true, answer: say("ok") + strings.Replace(counted, `{"prompt`, `null,"x":{"prompt`, 1) + done, calls: 1},
		"it says something": {wanted: true, answer: say("ok") + `data: {"choices":[],"usage":"much"}` + "\n\n" + done, calls: 1},
		"it refuses":        {wanted: true, refuses: true, answer: say("ok") + done, calls: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			engine := func(w http.ResponseWriter, r *http.Request) {
				calls++
				body, err := io.ReadAll(r.Body)
				asks := strings.Contains(string(body), `"stream_options":{"include_usage":true}`)
				if err != nil || asks != (c.wanted && calls == 1) {
					t.Errorf("call %d: %s, %v", calls, body, err)
				}
				if asks && c.refuses {
					w.WriteHeader(http.StatusUnprocessableEntity)
					_, _ = io.WriteString(w, `{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}`)
					return
				}
				_, _ = io.WriteString(w, c.answer)
			}
			inBubble(t, openAIURL, http.HandlerFunc(engine), func(t *testing.T, client *ttot.Client) {
				var got stage.Usage
				ctx := t.Context()
				if c.wanted {
					ctx = stage.WithUsage(ctx, func(u stage.Usage) { got = u })
				}
				text, err := listen(ctx, client, stage.Prompt{Text: "hi"})
				if err != nil || len(text) == 0 || got != c.want || calls != c.calls {
					t.Errorf("%q, %v: %+v after %d calls, want %+v after %d", text, err, got, calls, c.want, c.calls)
				}
			})
		})
	}
}
