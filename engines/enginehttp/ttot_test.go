package enginehttp_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"sori/engines/enginehttp"
	"sori/stage"
)

func TestGenerate(t *testing.T) {
	t.Parallel()
	var asked stage.Prompt
	m := mind{func(ctx context.Context, p stage.Prompt, yield func(string, error) bool) {
		asked = p
		echoes().respond(ctx, p, yield)
	}}
	s := start(t, enginehttp.Config{TTOT: m})
	body := `{"user_id":10,"text":"good day","history":[{"role":"user","text":"a"},{"role":"assistant","text":"b"},{"role":"user","text":"c"}],"language":"en","instructions":"be short"}`
	if a := post(t, s.URL+"/generate", body); a.status != 200 || a.body != `{"user_id":10,"ttot_text":"You said: good day"}`+"\n" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if asked.UserID != "10" || asked.Instructions != "be short" || asked.Language != "en" || len(asked.History) != 2 || asked.History[0].User != "a" || asked.History[0].Reply != "b" || asked.History[1].User != "c" {
		t.Errorf("the engine was asked %+v", asked)
	}
	a := post(t, s.URL+"/generate", `{"user_id":"anna","text":"hi"}`, "Accept", "text/event-stream")
	want := []string{`{"delta":"You"}`, `{"delta":" said:"}`, `{"delta":" hi"}`, `{"user_id":"anna","ttot_text":"You said: hi"}`}
	if got := events(t, a.body); strings.Join(got, "|") != strings.Join(want, "|") || a.header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("streamed: %q", got)
	}
	for name, c := range map[string]struct {
		body   string
		status int
		says   string
	}{
		"no text":     {`{"user_id":1}`, 400, "no text"},
		"spaces":      {`{"text":" "}`, 400, "no text"},
		"broken JSON": {`{"text":`, 400, "no valid JSON"},
		"nothing":     {``, 400, "no valid JSON"},
		"wrong type":  {`{"text":5}`, 400, `"text" has the wrong type`},
		"bad user":    {`{"text":"x","user_id":{}}`, 400, "user_id"},
		"deep":        {strings.Repeat(`{"a":`, 20_000), 400, "JSON"},
		"large":       {`{"text":"` + strings.Repeat("x", 2<<20) + `"}`, 413, "too large"},
	} {
		wantError(t, name, post(t, s.URL+"/generate", c.body), c.status, stage.CodeRejected, c.says)
	}
}

// GET /generate answers what ATOT heard last, wherever that runs.
func TestGenerateFromATOT(t *testing.T) {
	t.Parallel()
	ear := start(t, enginehttp.Config{ATOT: hears("what a day")})
	apart := start(t, enginehttp.Config{TTOT: echoes(), ATOTURL: ear.URL + "/", HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}})
	both := start(t, enginehttp.Config{ATOT: hears("what a night"), TTOT: echoes()})
	wantError(t, "apart, nothing heard", get(t, apart.URL+"/generate?user_id=5"), 404, "no_result", "no transcript")
	wantError(t, "together, nothing heard", get(t, both.URL+"/generate"), 404, "no_result", "no transcript")
	upload(t, ear.URL+"/run-model", wav(16_000, 0.1), "user_id", "5")
	upload(t, both.URL+"/run-model", wav(16_000, 0.1))
	if a := get(t, apart.URL+"/generate?user_id=5"); a.body != `{"user_id":5,"ttot_text":"You said: what a day"}`+"\n" {
		t.Errorf("apart: %d %s", a.status, a.body)
	}
	if a := get(t, both.URL+"/generate"); a.body != `{"user_id":10,"ttot_text":"You said: what a night"}`+"\n" {
		t.Errorf("together: %d %s", a.status, a.body)
	}
	alone := start(t, enginehttp.Config{TTOT: echoes()})
	wantError(t, "without ATOT", get(t, alone.URL+"/generate"), 503, stage.CodeNotSet, "POST /generate")
	ear.Close()
	wantError(t, "ATOT is gone", get(t, apart.URL+"/generate?user_id=5"), 502, stage.CodeUnreachable, "can't be reached")
	for body, code := range map[string]string{`<html>`: stage.CodeBadReply, `{"user_id":5}`: stage.CodeBadReply} {
		page := http.NewServeMux()
		page.HandleFunc("GET /run-model", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) })
		odd := serve(t, page)
		s := start(t, enginehttp.Config{TTOT: echoes(), ATOTURL: odd})
		wantError(t, body, get(t, s.URL+"/generate?user_id=5"), 502, code, "")
	}
	other := http.NewServeMux()
	other.HandleFunc("GET /run-model", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"user_id":6,"atot_text":"secret"}`))
	})
	s := start(t, enginehttp.Config{TTOT: echoes(), ATOTURL: serve(t, other)})
	wantError(t, "another user's", get(t, s.URL+"/generate?user_id=5"), 404, "no_result", "")
}

func TestCompletions(t *testing.T) {
	t.Parallel()
	var asked stage.Prompt
	m := mind{func(ctx context.Context, p stage.Prompt, yield func(string, error) bool) {
		asked = p
		echoes().respond(ctx, p, yield)
	}}
	s := start(t, enginehttp.Config{TTOT: m})
	url := s.URL + "/v1/chat/completions"
	body := `{"model":"m","user":"anna","messages":[{"role":"system","content":"be kind"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},
		{"role":"user","content":[{"type":"text","text":"good "},{"type":"text","text":"day"}]}]`
	a := post(t, url, body+`}`)
	for _, want := range []string{`"object":"chat.completion"`, `"model":"m"`, `"message":{"role":"assistant","content":"You said: good day"}`, `"finish_reason":"stop"`, `"usage":{"prompt_tokens":2,"completion_tokens":4,"total_tokens":6}`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("no %s in %s", want, a.body)
		}
	}
	if asked.UserID != "anna" || asked.Instructions != "be kind" || len(asked.History) != 1 || asked.History[0].User != "a" || asked.History[0].Reply != "b" {
		t.Errorf("the engine was asked %+v", asked)
	}
	a = post(t, url, body+`,"stream":true,"stream_options":{"include_usage":true}}`)
	got := events(t, a.body)
	if len(got) != 8 || got[7] != "[DONE]" || !strings.Contains(got[0], `"delta":{"role":"assistant","content":""}`) || !strings.Contains(got[1], `"delta":{"content":"You"},"finish_reason":null`) ||
		!strings.Contains(got[5], `"finish_reason":"stop"`) || !strings.Contains(got[6], `"choices":[],"usage":{`) || !strings.Contains(got[0], `"object":"chat.completion.chunk"`) {
		t.Errorf("streamed: %s", strings.Join(got, "\n"))
	}
	if a = post(t, url, body+`,"max_tokens":2}`); !strings.Contains(a.body, `"content":"You said:"`) || !strings.Contains(a.body, `"finish_reason":"length"`) {
		t.Errorf("limited: %s", a.body)
	}
	for name, body := range map[string]string{
		"no messages":   `{}`,
		"no user":       `{"messages":[{"role":"system","content":"x"}]}`,
		"assistant":     `{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"x"}]}`,
		"image":         `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}`,
		"odd role":      `{"messages":[{"role":"king","content":"x"}]}`,
		"two choices":   `{"n":2,"messages":[{"role":"user","content":"x"}]}`,
		"tool":          `{"messages":[{"role":"tool","content":"x"}]}`,
		"odd content":   `{"messages":[{"role":"user","content":7}]}`,
		"null content":  `{"messages":[{"role":"user","content":null}]}`,
		"odd messages":  `{"messages":"x"}`,
		"not even JSON": `hello`,
	} {
		wantError(t, name, post(t, url, body), 400, stage.CodeRejected, "")
	}
}

// A reply that breaks off must never look whole.
func TestRepliesThatBreakOff(t *testing.T) {
	t.Parallel()
	broken := mind{func(_ context.Context, _ stage.Prompt, yield func(string, error) bool) {
		if yield("half a", nil) {
			yield("", errors.New("the engine broke"))
		}
	}}
	s := start(t, enginehttp.Config{TTOT: broken})
	for name, a := range map[string]answer{
		"seed":   post(t, s.URL+"/generate", `{"text":"x"}`, "Accept", "text/event-stream"),
		"OpenAI": post(t, s.URL+"/v1/chat/completions", `{"stream":true,"messages":[{"role":"user","content":"x"}]}`),
	} {
		if a.status != 200 || a.err == nil || strings.Contains(a.body, "ttot_text") || strings.Contains(a.body, "[DONE]") {
			t.Errorf("%s: %d %q, %v", name, a.status, a.body, a.err)
		}
	}
	wantError(t, "not streamed", post(t, s.URL+"/generate", `{"text":"x"}`), 500, stage.CodeInternal, "")
}
