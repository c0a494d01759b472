package server_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"iter"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"sori/audio"
	"sori/server"
	"sori/session"
	"sori/stage"
)

// engineFakes are the three engines. What is not set is as of seedSteps.
type engineFakes struct {
	seedSteps

	hear func(u stage.Utterance) iter.Seq2[stage.Transcript, error]
}

func (f *engineFakes) engines() *server.Engines {
	return &server.Engines{ATOT: earFake{f}, TTOT: ttotFake{&f.seedSteps}, TTS: ttsFake{&f.seedSteps}, NewDetector: func() (session.VoiceDetector, error) {
		return loudness{}, nil
	}}
}

type earFake struct{ f *engineFakes }

func (earFake) Engine() string { return "ear" }

func (e earFake) Transcribe(_ context.Context, u stage.Utterance) iter.Seq2[stage.Transcript, error] {
	if e.f.hear != nil {
		return e.f.hear(u)
	}
	return func(yield func(stage.Transcript, error) bool) {
		_ = yield(stage.Transcript{Text: "some"}, nil) && yield(stage.Transcript{Text: " some words ", Final: true}, nil)
	}
}

// loudness takes everything but silence for speech.
type loudness struct{}

func (loudness) Detect(window []int16) (float32, error) {
	for _, v := range window {
		if v > 1000 {
			return 1, nil
		}
	}
	return 0, nil
}
func (loudness) Reset() {}
func (loudness) Close() {}

func v1Server(t *testing.T) (http.Handler, *engineFakes) {
	t.Helper()
	f := &engineFakes{}
	return handler(t, server.Config{Engines: f.engines()}), f
}

// form makes an upload of a recording and fields, "name=value" each.
func form(t *testing.T, wav []byte, fields ...string) (body io.Reader, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if wav != nil {
		part, err := w.CreateFormFile("file", "speech.wav")
		if err != nil {
			t.Fatal(err)
		}
		part.Write(wav) //nolint:errcheck,gosec // memory takes it
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	w.Close() //nolint:errcheck,gosec // memory takes it
	return &b, "Content-Type: " + w.FormDataContentType()
}

// v1Code gives the code of an answer in OpenAI's shape of errors.
func v1Code(t *testing.T, body []byte) (code, kind, param string) {
	t.Helper()
	var e struct {
		Error struct {
			Message, Type, Code string
			Param               *string
		}
	}
	if err := json.Unmarshal(body, &e); err != nil || e.Error.Message == "" || e.Error.Type == "" {
		t.Errorf("no error of OpenAI's shape: %s", body)
	}
	if e.Error.Param != nil {
		param = *e.Error.Param
	}
	return e.Error.Code, e.Error.Type, param
}

// data gives the data of a stream's events.
func data(body string) []string {
	var all []string
	for line := range strings.SplitSeq(body, "\n") {
		if d, ok := strings.CutPrefix(line, "data: "); ok {
			all = append(all, d)
		}
	}
	return all
}

// spoken makes a recording of stretches of a tone, with pauses between them.
func spokenWAV(ms ...int) []byte {
	var pcm []byte
	for i, n := range ms {
		tone := wavOf(audio.Rate, 1, n)[audio.HeaderBytes:]
		if i%2 == 1 {
			clear(tone)
		}
		pcm = append(pcm, tone...)
	}
	return append(audio.AppendHeader(nil, audio.Rate, 1, len(pcm)), pcm...)
}

func TestModels(t *testing.T) {
	t.Parallel()
	h, _ := v1Server(t)
	w := get(t, h, "/v1/models")
	for _, id := range []string{"sori", "ear", "ttot-8002", "tts-8004"} {
		if !strings.Contains(w.Body.String(), `"id":"`+id+`"`) {
			t.Errorf("%s is missing: %s", id, w.Body)
		}
		if one := get(t, h, "/v1/models/"+id); one.Code != http.StatusOK || !strings.Contains(one.Body.String(), `"owned_by"`) {
			t.Errorf("%s: %d %s", id, one.Code, one.Body)
		}
	}
	w = get(t, h, "/v1/models/whisper-1")
	if code, kind, _ := v1Code(t, w.Body.Bytes()); w.Code != http.StatusNotFound || code != "model_not_found" || kind != "invalid_request_error" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = get(t, h, "/v1/nothing")
	if code, _, _ := v1Code(t, w.Body.Bytes()); w.Code != http.StatusNotFound || code != "not_found" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestTranscriptionForms(t *testing.T) {
	t.Parallel()
	h, f := v1Server(t)
	var heard []stage.Utterance
	f.hear = func(u stage.Utterance) iter.Seq2[stage.Transcript, error] {
		heard = append(heard, u)
		return func(yield func(stage.Transcript, error) bool) {
			yield(stage.Transcript{Text: "a <b> --> c", Final: true}, nil)
		}
	}
	for format, want := range map[string][]string{
		"":             {`{"text":"a <b> --> c","usage":{"type":"duration","seconds":4}}`},
		"json":         {`{"text":"a <b> --> c",`},
		"text":         {"a <b> --> c\n"},
		"verbose_json": {`"task":"transcribe"`, `"duration":4`, `"language":"ko"`, `"segments":[{"id":0,"start":0,"end":1.22`, `{"id":1,"start":1.78`},
		"srt":          {"1\n00:00:00,000 --> 00:00:01,2", "\na <b> -> c\n\n2\n00:00:01,7"},
		"vtt":          {"WEBVTT\n\n00:00:00.000 --> 00:00:01.2", "\na &lt;b&gt; -&gt; c\n\n00:00:01.7"},
	} {
		heard = nil
		fields := []string{"model=whisper-1", "language=ko", "temperature=0", "prompt=x"}
		if format != "" {
			fields = append(fields, "response_format="+format)
		}
		body, contentType := form(t, spokenWAV(1000, 1000, 2000), fields...)
		w := ask(t, h, http.MethodPost, "/v1/audio/transcriptions", body, contentType)
		for _, part := range want {
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), part) {
				t.Errorf("%q: %d %s, without %q", format, w.Code, w.Body, part)
			}
		}
		if len(heard) == 0 || heard[0].Language != "ko" {
			t.Errorf("%q: heard %+v", format, heard)
		}
		if whole := format == "" || format == "json" || format == "text"; whole != (len(heard) == 1) {
			t.Errorf("%q: the engine was asked %d times", format, len(heard))
		}
	}
}

func TestTranscriptionStream(t *testing.T) {
	t.Parallel()
	h, _ := v1Server(t)
	body, contentType := form(t, spokenWAV(1000, 1000, 1000), "stream=true")
	w := ask(t, h, http.MethodPost, "/v1/audio/transcriptions", body, contentType)
	got := data(w.Body.String())
	want := []string{
		`{"type":"transcript.text.delta","delta":"some words"}`, `{"type":"transcript.text.delta","delta":" some words"}`,
		`{"type":"transcript.text.done","text":"some words some words","usage":{"type":"duration","seconds":3}}`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestSilenceIsNotTranscribed(t *testing.T) {
	t.Parallel()
	h, f := v1Server(t)
	f.hear = func(stage.Utterance) iter.Seq2[stage.Transcript, error] {
		t.Error("the engine was asked")
		return failing[stage.Transcript](&stage.Error{Stage: stage.ATOT, Code: stage.CodeInternal})
	}
	for _, stream := range []string{"stream=false", "stream=true"} {
		body, contentType := form(t, spokenWAV(0, 3000), stream)
		w := ask(t, h, http.MethodPost, "/v1/audio/transcriptions", body, contentType)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"text":""`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

// A long recording is given to the engine in pieces that it can take.
func TestALongRecordingIsCut(t *testing.T) {
	t.Parallel()
	h, f := v1Server(t)
	var lengths []time.Duration
	f.hear = func(u stage.Utterance) iter.Seq2[stage.Transcript, error] {
		lengths = append(lengths, u.Audio.Duration())
		return func(yield func(stage.Transcript, error) bool) { yield(stage.Transcript{Text: "x", Final: true}, nil) }
	}
	body, contentType := form(t, spokenWAV(70_000, 700, 22_000, 200, 5000))
	w := ask(t, h, http.MethodPost, "/v1/audio/transcriptions", body, contentType)
	if w.Code != http.StatusOK || len(lengths) != 5 {
		t.Errorf("%d %s, stretches of %v", w.Code, w.Body, lengths)
	}
	for _, d := range lengths {
		if d > 30*time.Second {
			t.Errorf("a stretch of %v", d)
		}
	}
}

func TestSpeechForms(t *testing.T) {
	t.Parallel()
	h, f := v1Server(t)
	var said stage.Speech
	second := bytes.Repeat([]byte{1, 2}, 16_000)
	f.speak = func(s stage.Speech) iter.Seq2[stage.Chunk, error] {
		said = s
		return func(yield func(stage.Chunk, error) bool) {
			_ = yield(stage.Chunk{PCM: bytes.Clone(second[:16_000]), Rate: 16_000}, nil) && yield(stage.Chunk{PCM: bytes.Clone(second[16_000:]), Rate: 16_000}, nil)
		}
	}
	for body, want := range map[string]struct {
		media string
		rate  int
		ms    float64
	}{
		`{"model":"tts-1","input":"Hi.","voice":"joe"}`:                            {"audio/wav", 16_000, 1000},
		`{"input":"Hi.","voice":{"id":"joe"},"response_format":"wav","speed":2}`:   {"audio/wav", 16_000, 500},
		`{"input":"Hi.","voice":"joe","response_format":"pcm"}`:                    {"audio/pcm; rate=24000", 24_000, 1000},
		`{"input":"Hi.","voice":"joe","response_format":"pcm","sample_rate":8000}`: {"audio/pcm; rate=8000", 8000, 1000},
		`{"input":"Hi.","voice":"joe","response_format":"pcm","speed":0.5}`:        {"audio/pcm; rate=24000", 24_000, 2000},
	} {
		w := ask(t, h, http.MethodPost, "/v1/audio/speech", strings.NewReader(body), "Content-Type: application/json")
		pcm := w.Body.Bytes()
		if want.media == "audio/wav" && w.Code == http.StatusOK {
			stream, err := audio.NewWAVStream(bytes.NewReader(pcm))
			if err != nil || stream.Rate() != want.rate {
				t.Fatalf("%s: %v", body, err)
			}
			pcm = pcm[audio.HeaderBytes:]
		}
		ms := float64(audio.Duration(len(pcm), want.rate).Microseconds()) / 1000
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != want.media || ms < want.ms-3 || ms > want.ms+3 {
			t.Errorf("%s: %d %s, %.1f ms", body, w.Code, w.Header(), ms)
		}
		if said.Text != "Hi." || said.Voice != "joe" {
			t.Errorf("%s: the engine was asked for %+v", body, said)
		}
	}
}

func TestSpeechStream(t *testing.T) {
	t.Parallel()
	h, _ := v1Server(t)
	w := ask(t, h, http.MethodPost, "/v1/audio/speech", strings.NewReader(`{"input":"Hi there.","response_format":"pcm","stream_format":"sse"}`))
	all := data(w.Body.String())
	if len(all) < 2 || all[len(all)-1] != `{"type":"speech.audio.done","usage":{"input_tokens":3,"output_tokens":0,"total_tokens":3}}` {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	n := 0
	for _, d := range all[:len(all)-1] {
		var e struct{ Type, Audio string }
		if err := json.Unmarshal([]byte(d), &e); err != nil || e.Type != "speech.audio.delta" {
			t.Fatalf("%s: %v", d, err)
		}
		pcm, err := base64.StdEncoding.DecodeString(e.Audio)
		if err != nil {
			t.Fatal(err)
		}
		n += len(pcm)
	}
	if n != 4800+2*len("Hi there.") {
		t.Errorf("%d bytes of sound", n)
	}
}

func TestChat(t *testing.T) {
	t.Parallel()
	h, f := v1Server(t)
	var asked stage.Prompt
	f.respond = func(p stage.Prompt) iter.Seq2[string, error] {
		asked = p
		return words("Hello", " there,", " friend.")
	}
	const conversation = `"model":"gpt-4o","user":"ann","messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"Hi"},
		{"role":"assistant","content":"Yes?"},{"role":"user","content":[{"type":"text","text":"How"},{"type":"text","text":"so?"}]}]`
	w := ask(t, h, http.MethodPost, "/v1/chat/completions", strings.NewReader("{"+conversation+"}"))
	for _, part := range []string{
		`"object":"chat.completion"`, `"model":"gpt-4o"`, `"message":{"role":"assistant","content":"Hello there, friend."}`,
		`"finish_reason":"stop"`, `"usage":{"prompt_tokens":6,"completion_tokens":5,"total_tokens":11}`,
	} {
		if !strings.Contains(w.Body.String(), part) {
			t.Errorf("%d %s, without %s", w.Code, w.Body, part)
		}
	}
	if asked.Instructions != "Be kind." || asked.Text != "How\nso?" || asked.UserID != "ann" ||
		len(asked.History) != 1 || asked.History[0].User != "Hi" || asked.History[0].Reply != "Yes?" {
		t.Errorf("asked %+v", asked)
	}

	w = ask(t, h, http.MethodPost, "/v1/chat/completions", strings.NewReader(`{"stream":true,"stream_options":{"include_usage":true},"max_tokens":3,`+conversation+"}"))
	all := data(w.Body.String())
	if len(all) != 6 || all[5] != "[DONE]" || !strings.Contains(all[0], `"delta":{"role":"assistant","content":""}`) ||
		!strings.Contains(all[1], `"delta":{"content":"Hello"},"logprobs":null,"finish_reason":null`) || !strings.Contains(all[3], `"finish_reason":"length"`) ||
		!strings.Contains(all[4], `"choices":[],"usage":{"prompt_tokens":6,"completion_tokens":3`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A model's calls of tools go to the caller, and come back with their results.
func TestChatWithTools(t *testing.T) {
	t.Parallel()
	h, f := v1Server(t)
	const tools = `"tools":[{"type":"function","function":{"name":"clock","description":"Tells the time.","parameters":{"type":"object"}}}],
		"tool_choice":{"type":"function","function":{"name":"clock"}}`
	var asked stage.Prompt
	f.respond = func(p stage.Prompt) iter.Seq2[string, error] {
		asked = p
		return func(yield func(string, error) bool) {
			if p.Text == "" {
				yield("It is "+p.History[0].Calls[0].Output+".", nil)
				return
			}
			_, err := p.Call(t.Context(), "clock", json.RawMessage(`{"zone":"UTC"}`))
			yield("", err)
		}
	}
	w := ask(t, h, http.MethodPost, "/v1/chat/completions", strings.NewReader(`{"messages":[{"role":"user","content":"What time is it?"}],`+tools+`}`))
	var got struct {
		Choices []struct {
			Message json.RawMessage
			Finish  string `json:"finish_reason"`
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got.Choices) != 1 || got.Choices[0].Finish != "tool_calls" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if len(asked.Tools) != 1 || asked.Tools[0].Name != "clock" || asked.Choice.Tool != "clock" {
		t.Errorf("asked %+v", asked)
	}
	var m struct {
		Calls []struct{ ID string } `json:"tool_calls"`
	}
	if err := json.Unmarshal(got.Choices[0].Message, &m); err != nil || len(m.Calls) != 1 {
		t.Fatalf("%s", w.Body)
	}
	w = ask(t, h, http.MethodPost, "/v1/chat/completions", strings.NewReader(`{"messages":[{"role":"user","content":"What time is it?"},`+
		string(got.Choices[0].Message)+`,{"role":"tool","tool_call_id":"`+m.Calls[0].ID+`","content":"noon"}],`+tools+`}`))
	if !strings.Contains(w.Body.String(), `"content":"It is noon."`) || !strings.Contains(w.Body.String(), `"finish_reason":"stop"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = ask(t, h, http.MethodPost, "/v1/chat/completions", strings.NewReader(`{"stream":true,"messages":[{"role":"user","content":"What time is it?"}],`+tools+`}`))
	all := data(w.Body.String())
	if len(all) != 4 || !strings.Contains(all[1], `"delta":{"tool_calls":[{"index":0,"id":"call_`) || !strings.Contains(all[2], `"finish_reason":"tool_calls"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
