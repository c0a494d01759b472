package atot_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"sori/clients/atot"
	"sori/clients/endpoint"
	"sori/clients/enginetest"
	"sori/stage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	seedURL   = "http://127.0.0.1:8000"
	openAIURL = "openai+http://127.0.0.1:8000"
)

// inBubble runs a test with a client of an engine in memory, on a fake clock.
func inBubble(t *testing.T, spec string, h http.Handler, test func(t *testing.T, c *atot.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := enginetest.Serve(t, h)
		c := newClient(t, spec, endpoint.Options{Dial: n.Dial})
		test(t, c)
	})
}

func newClient(t *testing.T, spec string, o endpoint.Options) *atot.Client {
	t.Helper()
	c, err := atot.New(spec, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func utterance(r stage.Recording) stage.Utterance {
	return stage.Utterance{UserID: "10", SessionID: "s", Language: "en-US", Audio: r}
}

// hear gives all transcripts and the error that ended them.
func hear(ctx context.Context, c *atot.Client, u stage.Utterance) (all []stage.Transcript, err error) {
	for t, err := range c.Transcribe(ctx, u) {
		if err != nil {
			return all, err
		}
		all = append(all, t)
	}
	return all, nil
}

func finalText(t *testing.T, all []stage.Transcript) string {
	t.Helper()
	if len(all) == 0 {
		t.Fatal("no transcript at all")
	}
	for i, tr := range all {
		if tr.Final != (i == len(all)-1) {
			t.Fatalf("transcript %d of %d: Final is %v", i+1, len(all), tr.Final)
		}
	}
	return all[len(all)-1].Text
}

func answer(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
	}
}

const (
	asJSON = "application/json"
	asText = "text/plain; charset=utf-8"
	asSSE  = "text/event-stream"
)

func TestTranscriptOfEveryShape(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, contentType, body, want string
		code                          string // "" when it is no error
	}{
		{name: "json", contentType: asJSON, body: `{"text":"  Hello\n there. "}`, want: "Hello there."},
		{name: "json that says it is text", contentType: asText, body: `{"text":"Hello."}`, want: "Hello."},
		{name: "the seed's", contentType: asJSON, body: `{"user_id":10,"input_wav":"/static/a.wav","atot_text":"안녕하세요"}`, want: "안녕하세요"},
		{name: "empty", contentType: asJSON, body: `{"text":""}`, want: ""},
		{name: "blank", contentType: asJSON, body: `{"text":" [BLANK_AUDIO]\n"}`, want: ""},
		{name: "in brackets, but said", contentType: asText, body: `(she laughs) yes`, want: "(she laughs) yes"},
		{name: "verbose", contentType: asJSON, body: `{"text":"Hi.","segments":[{"no_speech_prob":0.9},{"no_speech_prob":0.1}]}`, want: "Hi."},
		{name: "verbose, nobody spoke", contentType: asJSON, body: `{"text":"Thank you.","segments":[{"no_speech_prob":0.9},{"no_speech_prob":0.81}]}`, want: ""},
		{name: "verbose, not sure", contentType: asJSON, body: `{"text":"Hi.","segments":[{"text":"Hi."}]}`, want: "Hi."},
		{name: "verbose, no segments", contentType: asJSON, body: `{"text":"Hi.","segments":[]}`, want: "Hi."},
		{name: "text", contentType: asText, body: "Hello there.\n", want: "Hello there."},
		{name: "text without a type", contentType: "", body: "Hello there.\n", want: "Hello there."},
		{name: "text that begins like an event", contentType: asText, body: "data: a word for facts", want: "data: a word for facts"},
		{name: "a JSON string", contentType: asJSON, body: `"Hello."`, want: "Hello."},
		{name: "no body", contentType: asText, body: "", want: ""},
		{name: "OpenAI stream", contentType: asSSE, want: "Hello there.", body: "event: transcript.text.delta\ndata: {\"type\":\"transcript.text.delta\",\"delta\":\"Hel\"}\n\n" +
			"data: {\"type\":\"transcript.text.delta\",\"delta\":\"lo there\"}\n\ndata: {\"type\":\"transcript.text.done\",\"text\":\"Hello there.\"}\n\n"},
		{name: "OpenAI stream that says it is JSON", contentType: asJSON, want: "Hello", body: "data: {\"type\":\"transcript.text.done\",\"text\":\"Hello\"}\n\n"},
		{name: "llama.cpp stream", contentType: asSSE, want: "Hello", body: "data: {\"type\":\"transcript.text.delta\",\"delta\":\"Hel\"}\n\n" +
			"data: {\"type\":\"transcript.text.delta\",\"delta\":\"lo\"}\n\ndata: {\"type\":\"transcript.text.done\",\"text\":\"\"}\n\n"},
		{name: "vLLM stream", contentType: asSSE, want: "Hello there", body: "data: {\"object\":\"transcription.chunk\",\"choices\":[{\"delta\":{\"content\":\" Hello\"}}]}\n\n" +
			"data: {\"object\":\"transcription.chunk\",\"choices\":[{\"delta\":{\"content\":\" there\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"},
		{name: "vLLM stream, CRLF, no space, no DONE", contentType: asSSE, want: "Hello", body: ": ping\r\n\r\ndata:{\"choices\":[{\"delta\":{\"content\":\"Hello\"},\"finish_reason\":\"stop\"}]}\r\n\r\n"},
		{name: "speaches stream", contentType: asSSE, want: "Hello there. Who is it?", body: "data: {\"text\":\"Hello there.\"}\n\ndata: {\"text\":\"Who is it?\"}\n\n"},
		{name: "empty stream", contentType: asSSE, want: "", body: "data: {\"type\":\"transcript.text.done\",\"text\":\"\"}\n\n"},
		{name: "cut stream", contentType: asSSE, code: stage.CodeCutOff, body: "data: {\"type\":\"transcript.text.delta\",\"delta\":\"Hel\"}\n\n"},
		{name: "cut event", contentType: asSSE, code: stage.CodeCutOff, body: "data: {\"type\":\"transcript.text.delta\",\"del"},
		{name: "broken event", contentType: asSSE, code: stage.CodeBadReply, body: "data: {\"type\"\n\n"},
		{name: "error in a stream", contentType: asSSE, code: stage.CodeStatus, body: "data: {\"error\":{\"message\":\"boom\"}}\n\n"},
		{name: "busy in a stream", contentType: asSSE, code: stage.CodeBusy, body: "data: {\"error\":{\"message\":\"boom\",\"code\":503}}\n\n"},
		{name: "wrong type", contentType: asJSON, code: stage.CodeBadReply, body: `{"text":5}`},
		{name: "null", contentType: asJSON, code: stage.CodeBadReply, body: `{"text":null}`},
		{name: "no text", contentType: asJSON, code: stage.CodeBadReply, body: `{"result":"Hello"}`},
		{name: "list", contentType: asJSON, code: stage.CodeBadReply, body: `["Hello"]`},
		{name: "broken JSON", contentType: asJSON, code: stage.CodeBadReply, body: `{"text":"Hel`},
		{name: "error object", contentType: asJSON, code: stage.CodeStatus, body: `{"error":"model crashed"}`},
		{name: "binary", contentType: asText, code: stage.CodeBadReply, body: "\x00\x01\xff\xfe"},
		{name: "too long", contentType: asText, code: stage.CodeBadReply, body: strings.Repeat("word ", 1<<18)},
		{name: "too long an event", contentType: asSSE, code: stage.CodeBadReply, body: "data: {\"text\":\"" + strings.Repeat("word ", 1<<18)},
	} {
		for _, spec := range []string{seedURL, openAIURL} {
			t.Run(tc.name+" "+spec, func(t *testing.T) {
				t.Parallel()
				inBubble(t, spec, answer(tc.contentType, tc.body), func(t *testing.T, c *atot.Client) {
					r := enginetest.NewRecording(1600)
					all, err := hear(t.Context(), c, utterance(r))
					if tc.code != "" {
						wantCode(t, err, tc.code)
					} else {
						if err != nil {
							t.Fatal(err)
						}
						if got := finalText(t, all); got != tc.want {
							t.Errorf("heard %q, want %q", got, tc.want)
						}
					}
					synctest.Wait()
					if r.Open() != 0 {
						t.Errorf("%d readers of the recording were not closed", r.Open())
					}
				})
			})
		}
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	e, ok := errors.AsType[*stage.Error](err)
	if !ok {
		t.Fatalf("error %v is no *stage.Error", err)
	}
	if e.Code != code {
		t.Fatalf("code %q, want %q (%s; %v)", e.Code, code, e.Message, e.Err)
	}
	if e.Stage != stage.ATOT || !strings.HasPrefix(e.Message, "The ATOT engine at 127.0.0.1:8000 ") || !strings.HasSuffix(e.Message, ".") {
		t.Errorf("message %q of stage %q does not say which engine", e.Message, e.Stage)
	}
	if s := e.Message + e.Error(); strings.Contains(s, "SECRET") {
		t.Errorf("a secret is told: %s", s)
	}
}

func TestFaultsAreExplained(t *testing.T) {
	t.Parallel()
	for _, f := range enginetest.Faults(`{"text": "Hel`) {
		for _, spec := range []string{seedURL, openAIURL, openAIURL + "?format=json&stream=true"} {
			t.Run(f.Name+" "+spec, func(t *testing.T) {
				t.Parallel()
				inBubble(t, spec, f.Handler, func(t *testing.T, c *atot.Client) {
					r := enginetest.NewRecording(1600)
					began := time.Now()
					_, err := hear(t.Context(), c, utterance(r))
					wantCode(t, err, f.Code)
					if took := time.Since(began); took > 30*time.Second {
						t.Errorf("took %v", took)
					}
					synctest.Wait()
					if r.Open() != 0 {
						t.Errorf("%d readers of the recording were not closed", r.Open())
					}
				})
			})
		}
	}
}

func TestUploadIsWholeAndCounted(t *testing.T) {
	t.Parallel()
	r := enginetest.NewRecording(16_000 * 60)
	for _, tc := range []struct {
		spec, path string
		fields     map[string]string
	}{
		{seedURL, "/run-model", map[string]string{"user_id": "10", "language": "en-US"}},
		{seedURL + "/hear/this", "/hear/this", map[string]string{"user_id": "10", "language": "en-US"}},
		{openAIURL, "/v1/audio/transcriptions", map[string]string{"model": "whisper-1", "language": "en", "response_format": "verbose_json"}},
		{openAIURL + "/api/v3?model=m&stream=true", "/api/v3/audio/transcriptions", map[string]string{"model": "m", "language": "en", "response_format": "json", "stream": "true"}},
		{openAIURL + "/inference", "/inference", map[string]string{"model": "whisper-1", "language": "en", "response_format": "verbose_json"}},
	} {
		t.Run(tc.spec, func(t *testing.T) {
			t.Parallel()
			inBubble(t, tc.spec, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if req.URL.Path != tc.path || req.Method != http.MethodPost {
					t.Errorf("asked %s %s, want POST %s", req.Method, req.URL.Path, tc.path)
				}
				if len(req.TransferEncoding) > 0 || req.ContentLength < int64(len(r.Bytes())) {
					t.Errorf("the length of the upload is not said: %v, %d", req.TransferEncoding, req.ContentLength)
				}
				if err := req.ParseMultipartForm(1 << 22); err != nil {
					t.Errorf("the form can't be read: %v", err)
					return
				}
				for name, want := range tc.fields {
					if got := req.FormValue(name); got != want {
						t.Errorf("field %s is %q, want %q", name, got, want)
					}
				}
				if len(req.MultipartForm.Value) != len(tc.fields) {
					t.Errorf("fields %v, want %v", req.MultipartForm.Value, tc.fields)
				}
				f, h, err := req.FormFile("file")
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(f)
				if err != nil || !bytes.Equal(got, r.Bytes()) || h.Filename != "utterance.wav" {
					t.Errorf("file %s has %d bytes, want %d (%v)", h.Filename, len(got), len(r.Bytes()), err)
				}
				_, _ = io.WriteString(w, `{"text":"ok"}`)
			}), func(t *testing.T, c *atot.Client) {
				if _, err := hear(t.Context(), c, utterance(r)); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestPartialTranscriptsComeAsTheyAreMade(t *testing.T) {
	t.Parallel()
	inBubble(t, openAIURL+"?stream=true", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", asSSE)
		for _, word := range []string{"one", " two", " three"} {
			_, _ = io.WriteString(w, `data: {"type":"transcript.text.delta","delta":"`+word+"\"}\n\n")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(time.Second)
		}
		_, _ = io.WriteString(w, "data: {\"type\":\"transcript.text.done\",\"text\":\"One, two, three.\"}\n\n")
	}), func(t *testing.T, c *atot.Client) {
		began := time.Now()
		var got []string
		for tr, err := range c.Transcribe(t.Context(), utterance(enginetest.NewRecording(160))) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, time.Since(began).String()+" "+tr.Text)
		}
		want := "0s one|1s one two|2s one two three|3s One, two, three."
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("heard %s\nwant  %s", s, want)
		}
	})
}

func TestEngineThatRefusesTheFormatIsAskedForAnother(t *testing.T) {
	t.Parallel()
	var asked []string
	inBubble(t, openAIURL, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		format := r.FormValue("response_format")
		asked = append(asked, format)
		if format == "verbose_json" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":{"message":"response_format 'verbose_json' is not compatible with this model"}}`)
			return
		}
		_, _ = io.WriteString(w, `{"text":"ok"}`)
	}), func(t *testing.T, c *atot.Client) {
		for range 2 {
			if all, err := hear(t.Context(), c, utterance(enginetest.NewRecording(160))); err != nil || finalText(t, all) != "ok" {
				t.Fatal(all, err)
			}
		}
	})
	if got := strings.Join(asked, " "); got != "verbose_json json json" {
		t.Errorf("asked for %s", got)
	}
}

func TestServiceThatTakesNoAudioIsAskedForItsLatest(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, body, want, code string }{
		{"a number for a user", `{"user_id":10,"input_wav":"/static/a.wav","atot_text":" Hi "}`, "Hi", ""},
		{"no user", `{"atot_text":"Hi"}`, "Hi", ""},
		{"another user", `{"user_id":11,"atot_text":"Hi"}`, "", stage.CodeBadReply},
		{"no text", `{"user_id":10}`, "", stage.CodeBadReply},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			posts := 0
			inBubble(t, seedURL, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					posts++
					_, _ = io.Copy(io.Discard, r.Body)
					w.WriteHeader(http.StatusMethodNotAllowed)
					return
				}
				if r.URL.RequestURI() != "/run-model?user_id=10" {
					t.Errorf("asked %s", r.URL.RequestURI())
				}
				_, _ = io.WriteString(w, tc.body)
			}), func(t *testing.T, c *atot.Client) {
				for range 2 {
					all, err := hear(t.Context(), c, utterance(enginetest.NewRecording(160)))
					if tc.code != "" {
						wantCode(t, err, tc.code)
					} else if err != nil || finalText(t, all) != tc.want {
						t.Fatalf("heard %v, %v", all, err)
					}
				}
			})
			if tc.code == "" && posts != 1 {
				t.Errorf("%d posts, want the first one only", posts)
			}
		})
	}
}

func TestPull(t *testing.T) {
	t.Parallel()
	h := answer(asJSON, `{"user_id":10,"input_wav":"/static/uploads/abc123.wav","atot_text":"변환된 텍스트"}`)
	inBubble(t, openAIURL+","+seedURL, h, func(t *testing.T, c *atot.Client) {
		got, err := c.Pull(t.Context(), "10")
		want := atot.Result{UserID: "10", InputWAV: "/static/uploads/abc123.wav", Text: "변환된 텍스트"}
		if err != nil || got != want {
			t.Errorf("got %+v, %v", got, err)
		}
	})
	inBubble(t, openAIURL, h, func(t *testing.T, c *atot.Client) {
		_, err := c.Pull(t.Context(), "10")
		wantCode(t, err, stage.CodeNotSet)
	})
}

func TestCancelReachesTheEngine(t *testing.T) {
	t.Parallel()
	saw := make(chan struct{}, 1)
	synctest.Test(t, func(t *testing.T) {
		saw = make(chan struct{}, 1)
		n := enginetest.Serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			saw <- struct{}{}
		}))
		c := newClient(t, openAIURL, endpoint.Options{Dial: n.Dial})
		ctx, cancel := context.WithCancelCause(t.Context())
		bargeIn := errors.New("barge-in")
		time.AfterFunc(3*time.Second, func() { cancel(bargeIn) })
		r := enginetest.NewRecording(16_000)
		_, err := hear(ctx, c, utterance(r))
		if !errors.Is(err, context.Canceled) || !errors.Is(err, bargeIn) {
			t.Errorf("error %v, want cancelled by barge-in", err)
		}
		<-saw
		synctest.Wait()
		if r.Open() != 0 {
			t.Errorf("%d readers of the recording were not closed", r.Open())
		}
	})
}
