package server_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sori/server"
	"sori/stage"
)

func TestBadCalls(t *testing.T) {
	t.Parallel()
	const chat, speech = "/v1/chat/completions", "/v1/audio/speech"
	h, _ := v1Server(t)
	for name, tc := range map[string]struct {
		path, body, code, param string
		status                  int
	}{
		"broken json":       {chat, `{`, "bad_json", "", 400},
		"a wrong type":      {chat, `{"messages":7}`, "bad_json", "", 400},
		"no message":        {chat, `{}`, "invalid_value", "messages", 400},
		"a strange role":    {chat, `{"messages":[{"role":"king","content":"x"}]}`, "invalid_value", "messages", 400},
		"a tool's answer":   {chat, `{"messages":[{"role":"user","content":"x"},{"role":"tool","tool_call_id":"c","content":"x"}]}`, "invalid_value", "messages", 400},
		"a picture":         {chat, `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}`, "invalid_value", "messages", 400},
		"two choices":       {chat, `{"n":2,"messages":[{"role":"user","content":"x"}]}`, "invalid_value", "n", 400},
		"a json format":     {chat, `{"response_format":{"type":"json_object"},"messages":[{"role":"user","content":"x"}]}`, "invalid_value", "response_format", 400},
		"voice from chat":   {chat, `{"modalities":["text","audio"],"messages":[{"role":"user","content":"x"}]}`, "invalid_value", "modalities", 400},
		"much too long":     {chat, `{"messages":[{"role":"user","content":"` + strings.Repeat("x", 5<<20) + `"}]}`, "body_too_large", "", 413},
		"nothing to say":    {speech, `{"input":" "}`, "invalid_value", "input", 400},
		"mp3":               {speech, `{"input":"x","response_format":"mp3"}`, "invalid_value", "response_format", 400},
		"too fast":          {speech, `{"input":"x","speed":5}`, "invalid_value", "speed", 400},
		"a strange stream":  {speech, `{"input":"x","stream_format":"x"}`, "invalid_value", "stream_format", 400},
		"a rate of nothing": {speech, `{"input":"x","sample_rate":1}`, "invalid_value", "sample_rate", 400},
		"a long text":       {speech, `{"input":"` + strings.Repeat("x", 20_000) + `"}`, "invalid_value", "input", 400},
	} {
		w := ask(t, h, http.MethodPost, tc.path, strings.NewReader(tc.body))
		if code, _, param := v1Code(t, w.Body.Bytes()); w.Code != tc.status || code != tc.code || param != tc.param {
			t.Errorf("%s: %d %.300s", name, w.Code, w.Body)
		}
	}
	for name, tc := range map[string]struct {
		wav    []byte
		field  string
		code   string
		status int
	}{
		"no file":      {nil, "model=x", "invalid_value", 400},
		"no audio":     {[]byte("hello, I am a text"), "model=x", "unsupported_media_type", 415},
		"a blink":      {spokenWAV(50), "model=x", "bad_audio", 422},
		"a format":     {spokenWAV(500), "response_format=docx", "invalid_value", 400},
		"word times":   {spokenWAV(500), "timestamp_granularities[]=word", "invalid_value", 400},
		"a language":   {spokenWAV(500), "language=not one", "bad_settings", 400},
		"eleven hours": {spokenWAV(601_000), "model=x", "audio_too_long", 413},
	} {
		body, contentType := form(t, tc.wav, tc.field)
		w := ask(t, h, http.MethodPost, "/v1/audio/transcriptions", body, contentType)
		if code, _, _ := v1Code(t, w.Body.Bytes()); w.Code != tc.status || code != tc.code {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	w := ask(t, h, http.MethodPost, "/v1/audio/transcriptions", strings.NewReader("x"), "Content-Type: audio/wav")
	if code, _, _ := v1Code(t, w.Body.Bytes()); w.Code != http.StatusUnsupportedMediaType || code != "multipart_wanted" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestEnginesThatFailACall(t *testing.T) {
	t.Parallel()
	h, f := v1Server(t)
	calls := map[string]func() (io.Reader, string){
		"/v1/audio/transcriptions": func() (io.Reader, string) { return form(t, spokenWAV(500)) },
		"/v1/audio/speech":         func() (io.Reader, string) { return strings.NewReader(`{"input":"x"}`), "X: y" },
		"/v1/chat/completions": func() (io.Reader, string) {
			return strings.NewReader(`{"messages":[{"role":"user","content":"x"}]}`), "X: y"
		},
	}
	for code, status := range map[string]int{
		stage.CodeUnreachable: 502, stage.CodeTimeout: 504, stage.CodeBusy: 503, stage.CodeRejected: 422, stage.CodeInternal: 500,
	} {
		f.hear = func(stage.Utterance) iter.Seq2[stage.Transcript, error] {
			return failing[stage.Transcript](&stage.Error{Stage: stage.ATOT, Code: code, Message: "It broke."})
		}
		f.speak = func(stage.Speech) iter.Seq2[stage.Chunk, error] {
			return failing[stage.Chunk](&stage.Error{Stage: stage.TTS, Code: code, Message: "It broke."})
		}
		f.respond = func(stage.Prompt) iter.Seq2[string, error] {
			return failing[string](&stage.Error{Stage: stage.TTOT, Code: code, Message: "It broke."})
		}
		for path, body := range calls {
			b, header := body()
			w := ask(t, h, http.MethodPost, path, b, header)
			if got, _, _ := v1Code(t, w.Body.Bytes()); w.Code != status || got != code || !strings.Contains(w.Body.String(), "It broke.") {
				t.Errorf("%s %s: %d %s", path, code, w.Code, w.Body)
			}
		}
	}
	bare := handler(t, server.Config{})
	for path, body := range calls {
		b, header := body()
		w := ask(t, bare, http.MethodPost, path, b, header)
		if got, _, _ := v1Code(t, w.Body.Bytes()); w.Code != http.StatusServiceUnavailable || got != stage.CodeNotSet || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s without engines: %d %s", path, w.Code, w.Body)
		}
	}
}

// An answer that began is not ended as if it were whole.
func TestAnAnswerThatBreaksOff(t *testing.T) {
	t.Parallel()
	h, f := v1Server(t)
	f.respond = func(stage.Prompt) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			_ = yield("Well", nil) && yield("", &stage.Error{Stage: stage.TTOT, Code: stage.CodeCutOff, Message: "It broke off."})
		}
	}
	w := ask(t, h, http.MethodPost, "/v1/chat/completions", strings.NewReader(`{"stream":true,"messages":[{"role":"user","content":"x"}]}`))
	all := data(w.Body.String())
	if last := all[len(all)-1]; !strings.Contains(last, `{"error":{"message":"It broke off.","type":"server_error"`) {
		t.Errorf("%s", w.Body)
	}
	f.speak = func(stage.Speech) iter.Seq2[stage.Chunk, error] {
		return func(yield func(stage.Chunk, error) bool) {
			_ = yield(stage.Chunk{PCM: make([]byte, 3200), Rate: 16_000}, nil) && yield(stage.Chunk{}, &stage.Error{Stage: stage.TTS, Code: stage.CodeCutOff, Message: "It broke off."})
		}
	}
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
			t.Error("the connection was not cut")
		}
	}()
	ask(t, h, http.MethodPost, "/v1/audio/speech", strings.NewReader(`{"input":"x"}`))
}

// A caller who leaves ends the engine's work, and gives its place back.
func TestACallerThatLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &engineFakes{}
		ended := false
		r := start(t, server.Config{MaxSessions: 1, Engines: &server.Engines{TTOT: endless{&ended}, TTS: ttsFake{&f.seedSteps}}})
		ctx, leave := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://sori.test/v1/chat/completions", strings.NewReader(`{"stream":true,"messages":[{"role":"user","content":"x"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := r.http(t).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if _, err := io.ReadFull(resp.Body, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		w := ask(t, r, http.MethodPost, "/v1/audio/speech", strings.NewReader(`{"input":"x"}`))
		if code, _, _ := v1Code(t, w.Body.Bytes()); w.Code != http.StatusServiceUnavailable || code != "too_many_sessions" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		leave()
		synctest.Wait()
		time.Sleep(time.Second)
		if n := r.Sessions(); n != 0 || !ended {
			t.Errorf("%d calls under way, the engine's ended: %v", n, ended)
		}
	})
}

// endless answers until it is stopped.
type endless struct{ ended *bool }

func (endless) Engine() string { return "endless" }

func (e endless) Respond(ctx context.Context, _ stage.Prompt) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		defer func() { *e.ended = true }()
		for ctx.Err() == nil {
			if !yield("and so on ", nil) {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		yield("", ctx.Err())
	}
}
