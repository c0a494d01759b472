package enginehttp_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	"sori/audio"
	"sori/engines/enginehttp"
	"sori/stage"
)

func TestRunModel(t *testing.T) {
	t.Parallel()
	var heard stage.Utterance
	var samples int
	e := ear{func(_ context.Context, u stage.Utterance, yield func(stage.Transcript, error) bool) {
		heard, samples = u, u.Audio.Samples()
		yield(stage.Transcript{Text: "hello " + u.UserID, Final: true}, nil)
	}}
	s := start(t, enginehttp.Config{ATOT: e})
	if a := get(t, s.URL+"/run-model?user_id=7"); a.status != 404 {
		wantError(t, "before any run", a, 404, "no_result", "POST /run-model")
	}
	a := upload(t, s.URL+"/run-model", wav(48_000, 0.5), "user_id", "7", "language", "en")
	prefix := `{"user_id":7,"input_wav":"/static/uploads/`
	if a.status != 200 || !strings.HasPrefix(a.body, prefix) || !strings.Contains(a.body, `"atot_text":"hello 7"`) {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if heard.UserID != "7" || heard.Language != "en" || samples != 8000 {
		t.Errorf("the engine heard %d samples of %+v", samples, heard)
	}
	if again := get(t, s.URL+"/run-model?user_id=7"); again.body != a.body {
		t.Errorf("the pull gives %s", again.body)
	}
	path, _, _ := strings.Cut(a.body[len(`{"user_id":7,"input_wav":"`):], `"`)
	file := get(t, s.URL+path)
	if pcm, err := audio.ReadWAV(strings.NewReader(file.body), 1<<20); err != nil || pcm.Rate != 16_000 || len(pcm.Data) != 16_000 || file.header.Get("Content-Type") != "audio/wav" {
		t.Errorf("the recording: %d %v %v", file.status, file.header, err)
	}
	wantError(t, "another recording", get(t, s.URL+"/static/uploads/x.wav"), 404, "not_found", "no such recording")
	// The file bare, its user in the query, and the default user.
	if b := ask(t, t.Context(), http.MethodPost, s.URL+"/run-model?user_id=anna", "audio/wav", strings.NewReader(string(wav(8000, 0.1)))); !strings.Contains(b.body, `"user_id":"anna"`) {
		t.Errorf("%d %s", b.status, b.body)
	}
	if b := upload(t, s.URL+"/run-model", wav(16_000, 0.1)); !strings.Contains(b.body, `"user_id":10`) {
		t.Errorf("%d %s", b.status, b.body)
	}
	if b := get(t, s.URL+"/run-model"); !strings.Contains(b.body, `"atot_text":"hello 10"`) {
		t.Errorf("%d %s", b.status, b.body)
	}
	if b := ask(t, t.Context(), http.MethodDelete, s.URL+"/run-model", "", http.NoBody); b.status != 405 {
		t.Errorf("DELETE: %d", b.status)
	}
}

func TestTranscriptions(t *testing.T) {
	t.Parallel()
	s := start(t, enginehttp.Config{ATOT: hears("go forward ten meters")})
	url := s.URL + "/v1/audio/transcriptions"
	for format, want := range map[string]string{
		"":             `{"text":"go forward ten meters"}` + "\n",
		"json":         `{"text":"go forward ten meters"}` + "\n",
		"text":         "go forward ten meters\n",
		"verbose_json": `{"task":"transcribe","language":"english","duration":0.5,"text":"go forward ten meters","segments":[{"id":0,"start":0,"end":0.5,"text":"go forward ten meters"}]}` + "\n",
	} {
		fields := []string{"model", "whisper-1"}
		if format != "" {
			fields = append(fields, "response_format", format)
		}
		if a := upload(t, url, wav(16_000, 0.5), fields...); a.status != 200 || a.body != want {
			t.Errorf("%s: %d %s", format, a.status, a.body)
		}
	}
	wantError(t, "srt", upload(t, url, wav(16_000, 0.5), "response_format", "srt"), 400, stage.CodeRejected, "verbose_json")
	a := upload(t, url, wav(16_000, 0.5), "stream", "true")
	got := strings.Join(events(t, a.body), "\n")
	want := `{"type":"transcript.text.delta","delta":"go forward ten"}
{"type":"transcript.text.delta","delta":" meters"}
{"type":"transcript.text.done","text":"go forward ten meters"}`
	if got != want || a.header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("streamed: %s", got)
	}
	silent := start(t, enginehttp.Config{ATOT: hears("")})
	if b := upload(t, silent.URL+"/v1/audio/transcriptions", wav(16_000, 0.5), "response_format", "verbose_json"); !strings.HasSuffix(b.body, `"text":"","segments":[]}`+"\n") {
		t.Errorf("silence: %s", b.body)
	}
}

func TestBadAudio(t *testing.T) {
	t.Parallel()
	s := start(t, enginehttp.Config{ATOT: hears("x"), MaxAudio: time.Second, MaxBody: 1 << 20})
	short := wav(16_000, 0.1)
	zeroRate := append([]byte(nil), short...)
	copy(zeroRate[24:], []byte{0, 0, 0, 0})
	for _, path := range []string{"/run-model", "/v1/audio/transcriptions"} {
		for name, c := range map[string]struct {
			file   []byte
			status int
			code   string
			says   string
		}{
			"no file":    {nil, 400, stage.CodeRejected, "holds no file"},
			"text":       {[]byte("this is no sound at all, only words in a file"), 400, audio.WAVNotWAV, ""},
			"empty":      {[]byte{}, 400, audio.WAVNotWAV, ""},
			"cut header": {short[:30], 400, audio.WAVCut, ""},
			"no samples": {short[:44], 400, audio.WAVEmpty, ""},
			"0 Hz":       {zeroRate, 400, audio.WAVBadRate, ""},
			"too long":   {wav(16_000, 1.1), 413, stage.CodeRejected, "at most 1 s"},
			"too large":  {wav(48_000, 12), 413, stage.CodeRejected, "too large"},
		} {
			a := upload(t, s.URL+path, c.file, "user_id", "1")
			if c.code == audio.WAVNotWAV && len(c.file) == 0 { // how an empty file is called is audio's business
				if a.status != 400 {
					t.Errorf("%s %s: %d %s", path, name, a.status, a.body)
				}
				continue
			}
			wantError(t, path+" "+name, a, c.status, c.code, c.says)
		}
		two, body := form(t, short, "file", string(short))
		wantError(t, "two files", ask(t, t.Context(), http.MethodPost, s.URL+path, two, body), 400, stage.CodeRejected, "two files")
		wantError(t, "JSON", post(t, s.URL+path, `{}`), 415, stage.CodeRejected, "multipart/form-data")
		wantError(t, "no boundary", ask(t, t.Context(), http.MethodPost, s.URL+path, "multipart/form-data", strings.NewReader("x")), 400, stage.CodeRejected, "form")
		kind, body := form(t, short)
		wantError(t, "cut form", ask(t, t.Context(), http.MethodPost, s.URL+path, kind, strings.NewReader(body.String()[:1500])), 400, stage.CodeRejected, "cut off")
		wantError(t, "long field", upload(t, s.URL+path, short, "prompt", strings.Repeat("x", 70<<10)), 400, stage.CodeRejected, "too long")
	}
	wantError(t, "long user", upload(t, s.URL+"/run-model", short, "user_id", strings.Repeat("x", 300)), 400, stage.CodeRejected, "user_id")
	// A header that lies about its length is no reason to refuse what is there.
	lies := append(audio.AppendHeader(nil, 16_000, 1, 2_000_000_000), short[44:]...)
	if a := upload(t, s.URL+"/run-model", lies); a.status != 200 {
		t.Errorf("a lying header: %d %s", a.status, a.body)
	}
}

func TestLatestResultsAreBounded(t *testing.T) {
	t.Parallel()
	s := start(t, enginehttp.Config{ATOT: hears("x"), Results: 3, Uploads: 10_000})
	var paths []string
	for i := range 5 {
		a := upload(t, s.URL+"/run-model", wav(16_000, 0.1), "user_id", fmt.Sprint(i)) // 3,244 bytes
		_, path, _ := strings.Cut(a.body, `"input_wav":"`)
		path, _, _ = strings.Cut(path, `"`)
		paths = append(paths, path)
	}
	for i, path := range paths {
		want := map[bool]int{true: 200, false: 404}[i >= 2]
		if a := get(t, s.URL+"/run-model?user_id="+fmt.Sprint(i)); a.status != want {
			t.Errorf("result %d: %d", i, a.status)
		}
		if a := get(t, s.URL+path); a.status != want {
			t.Errorf("recording %d: %d", i, a.status)
		}
	}
}

func TestHearing(t *testing.T) {
	t.Parallel()
	h := enginehttp.Hearing{Name: "local", Languages: []string{"en"}, Hear: func(_ context.Context, _ string, pcm []int16) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			if len(pcm) > 1000 && yield("one", nil) {
				yield("one two", nil)
			}
		}
	}}
	s := start(t, enginehttp.Config{ATOT: h})
	if a := upload(t, s.URL+"/v1/audio/transcriptions", wav(16_000, 0.5), "language", "en"); a.body != `{"text":"one two"}`+"\n" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := upload(t, s.URL+"/v1/audio/transcriptions", wav(16_000, 0.05)); a.body != `{"text":""}`+"\n" {
		t.Errorf("nothing heard: %d %s", a.status, a.body)
	}
	wantError(t, "Korean", upload(t, s.URL+"/run-model", wav(16_000, 0.5), "language", "ko-KR"), 422, stage.CodeLanguage, "ko-KR")
}
