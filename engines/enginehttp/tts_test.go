package enginehttp_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"sori/audio"
	"sori/engines/enginehttp"
	"sori/stage"
)

func TestTTS(t *testing.T) {
	t.Parallel()
	var said stage.Speech
	m := mouth{func(ctx context.Context, sp stage.Speech, yield func(stage.Chunk, error) bool) {
		said = sp
		hums(5).speak(ctx, sp, yield)
	}}
	s := start(t, enginehttp.Config{TTS: m})
	a := post(t, s.URL+"/tts", `{"user_id":10,"text":"hello","voice":"rms","language":"en"}`)
	pcm, err := audio.ReadWAV(strings.NewReader(a.body), 1<<20)
	if err != nil || pcm.Rate != 16_000 || len(pcm.Data) != 16_000 || a.header.Get("Content-Type") != "audio/wav" || a.header.Get("Content-Length") != "" {
		t.Errorf("%d %v %v", a.status, a.header, err)
	}
	if said != (stage.Speech{UserID: "10", Text: "hello", Voice: "rms", Language: "en"}) {
		t.Errorf("the engine was asked %+v", said)
	}
	a = post(t, s.URL+"/tts", `{"text":"hello","stream":false}`)
	if pcm, err := audio.ReadWAV(strings.NewReader(a.body), 1<<20); err != nil || pcm.Truncated || len(pcm.Data) != 16_000 || a.header.Get("Content-Length") != "16044" {
		t.Errorf("whole: %d %v %v", a.status, a.header, err)
	}
	wantError(t, "no text", post(t, s.URL+"/tts", `{"text":""}`), 400, stage.CodeRejected, "no text")
	wantError(t, "a form", upload(t, s.URL+"/tts", nil), 415, stage.CodeRejected, "JSON")
}

func TestSpeech(t *testing.T) {
	t.Parallel()
	var said stage.Speech
	m := mouth{func(ctx context.Context, sp stage.Speech, yield func(stage.Chunk, error) bool) {
		said = sp
		hums(5).speak(ctx, sp, yield)
	}}
	s := start(t, enginehttp.Config{TTS: m})
	url := s.URL + "/v1/audio/speech"
	for name, c := range map[string]struct {
		more, kind, voice string
		bytes             int
	}{
		"pcm":         {`"response_format":"pcm","voice":"alloy"`, "audio/pcm; rate=24000", "", 24_000},
		"pcm at 16k":  {`"response_format":"pcm","voice":"rms","sample_rate":16000`, "audio/pcm; rate=16000", "rms", 16_000},
		"wav":         {`"response_format":"wav","voice":"Nova"`, "audio/wav", "", 16_044},
		"wav at 8k":   {`"response_format":"wav","sample_rate":8000,"speed":1.0`, "audio/wav", "", 8_044},
		"wav whole":   {`"response_format":"wav","stream":false,"voice":{"id":"awb"}`, "audio/wav", "awb", 16_044},
		"other model": {`"response_format":"wav","model":"anything","stream_format":"audio","instructions":"cheerfully"`, "audio/wav", "", 16_044},
	} {
		a := post(t, url, `{"input":"hello",`+c.more+`}`)
		if a.status != 200 || a.header.Get("Content-Type") != c.kind || len(a.body) != c.bytes || said.Voice != c.voice {
			t.Errorf("%s: %d %s, %d bytes, voice %q", name, a.status, a.header.Get("Content-Type"), len(a.body), said.Voice)
		}
	}
	for name, c := range map[string]struct{ body, says string }{
		"no format":  {`{"input":"x"}`, "ask for wav or pcm"},
		"mp3":        {`{"input":"x","response_format":"mp3"}`, "use wav or pcm"},
		"no input":   {`{"response_format":"wav"}`, "no text"},
		"sse":        {`{"input":"x","response_format":"pcm","stream_format":"sse"}`, "stream_format"},
		"fast":       {`{"input":"x","response_format":"pcm","speed":1.5}`, "speed"},
		"odd rate":   {`{"input":"x","response_format":"pcm","sample_rate":500000}`, "sample_rate"},
		"odd voice":  {`{"input":"x","response_format":"pcm","voice":[1]}`, "voice"},
		"odd fields": {`{"input":["x"],"response_format":"pcm"}`, "wrong type"},
	} {
		wantError(t, name, post(t, url, c.body), 400, stage.CodeRejected, c.says)
	}
}

func TestSpeechThatBreaksOff(t *testing.T) {
	t.Parallel()
	broken := mouth{func(_ context.Context, sp stage.Speech, yield func(stage.Chunk, error) bool) {
		if sp.Text == "late" && !yield(stage.Chunk{PCM: tone(1600, 16_000), Rate: 16_000}, nil) {
			return
		}
		if sp.Text != "silent" {
			yield(stage.Chunk{}, &stage.Error{Stage: stage.TTS, Code: stage.CodeLanguage, Message: "No Korean here.", Err: errors.New("x")})
		}
	}}
	s := start(t, enginehttp.Config{TTS: broken})
	if a := post(t, s.URL+"/tts", `{"text":"late"}`); a.status != 200 || a.err == nil {
		t.Errorf("%d, %d bytes, %v", a.status, len(a.body), a.err)
	}
	if a := post(t, s.URL+"/v1/audio/speech", `{"input":"late","response_format":"pcm"}`); a.status != 200 || a.err == nil {
		t.Errorf("%d, %d bytes, %v", a.status, len(a.body), a.err)
	}
	wantError(t, "before the first audio", post(t, s.URL+"/tts", `{"text":"early"}`), 422, stage.CodeLanguage, "No Korean here.")
	wantError(t, "late, but whole", post(t, s.URL+"/tts", `{"text":"late","stream":false}`), 422, stage.CodeLanguage, "No Korean here.")
	wantError(t, "no audio", post(t, s.URL+"/tts", `{"text":"silent"}`), 500, stage.CodeInternal, "no audio")
}

func TestHealthAndModels(t *testing.T) {
	t.Parallel()
	s := start(t, enginehttp.Config{ATOT: hears("x"), TTOT: echoes(), TTS: hums(1), Recognizers: 3})
	a := get(t, s.URL+"/health")
	for _, want := range []string{`"ready":true`, `{"service":"atot","engine":"ear-1","ready":true,"load":{"active":0,"waiting":0,"capacity":3},"languages":[]}`, `"service":"ttot","engine":"mind-1"`, `"service":"tts","engine":"mouth-1"`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("no %s in %s", want, a.body)
		}
	}
	if a := get(t, s.URL+"/v1/models"); !strings.Contains(a.body, `{"id":"mind-1","object":"model"`) {
		t.Errorf("models: %s", a.body)
	}
	only := start(t, enginehttp.Config{TTS: hums(1)})
	for _, path := range []string{"/run-model", "/generate", "/v1/chat/completions", "/nothing"} {
		if a := ask(t, t.Context(), http.MethodPost, only.URL+path, "application/json", strings.NewReader("{}")); a.status != 404 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}
