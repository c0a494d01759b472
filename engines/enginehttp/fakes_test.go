package enginehttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"iter"
	"log/slog"
	"math"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"sori/audio"
	"sori/engines/enginehttp"
	"sori/stage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ear, mind and mouth are engines made of a func.
type ear struct {
	hear func(context.Context, stage.Utterance, func(stage.Transcript, error) bool)
}

func (e ear) Engine() string { return "ear-1" }

func (e ear) Transcribe(ctx context.Context, u stage.Utterance) iter.Seq2[stage.Transcript, error] {
	return func(yield func(stage.Transcript, error) bool) { e.hear(ctx, u, yield) }
}

type mind struct {
	respond func(context.Context, stage.Prompt, func(string, error) bool)
}

func (m mind) Engine() string { return "mind-1" }

func (m mind) Respond(ctx context.Context, p stage.Prompt) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) { m.respond(ctx, p, yield) }
}

type mouth struct {
	speak func(context.Context, stage.Speech, func(stage.Chunk, error) bool)
}

func (m mouth) Engine() string { return "mouth-1" }

func (m mouth) Synthesize(ctx context.Context, s stage.Speech) iter.Seq2[stage.Chunk, error] {
	return func(yield func(stage.Chunk, error) bool) { m.speak(ctx, s, yield) }
}

// hears gives an ear that hears the text, in two pieces.
func hears(text string) ear {
	return ear{func(_ context.Context, _ stage.Utterance, yield func(stage.Transcript, error) bool) {
		if half := strings.LastIndexByte(text, ' '); half > 0 && !yield(stage.Transcript{Text: text[:half]}, nil) {
			return
		}
		yield(stage.Transcript{Text: text, Final: true}, nil)
	}}
}

// echoes gives a mind that repeats what it was told, word by word.
func echoes() mind {
	return mind{func(_ context.Context, p stage.Prompt, yield func(string, error) bool) {
		for i, w := range strings.Fields("You said: " + p.Text) {
			if i > 0 {
				w = " " + w
			}
			if !yield(w, nil) {
				return
			}
		}
	}}
}

// hums gives a mouth that hums n chunks of 100 ms.
func hums(n int) mouth {
	return mouth{func(_ context.Context, _ stage.Speech, yield func(stage.Chunk, error) bool) {
		for range n {
			if !yield(stage.Chunk{PCM: tone(1600, 16_000), Rate: 16_000}, nil) {
				return
			}
		}
	}}
}

// tone gives n samples of 440 Hz.
func tone(n, rate int) []byte {
	b := make([]byte, 0, 2*n)
	for i := range n {
		v := int16(8000 * math.Sin(2*math.Pi*440*float64(i)/float64(rate)))
		b = append(b, byte(v), byte(v>>8))
	}
	return b
}

// wav gives a WAV file of so many seconds.
func wav(rate int, seconds float64) []byte {
	pcm := tone(int(seconds*float64(rate)), rate)
	return append(audio.AppendHeader(nil, rate, 1, len(pcm)), pcm...)
}

// form gives a form with a file, if there is one, and fields in pairs.
func form(t testing.TB, file []byte, fields ...string) (contentType string, body *bytes.Buffer) {
	t.Helper()
	body = &bytes.Buffer{}
	w := multipart.NewWriter(body)
	if file != nil {
		part, err := w.CreateFormFile("file", "speech.wav")
		if err == nil {
			_, err = part.Write(file)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < len(fields); i += 2 {
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), body
}

// start serves c over loopback.
func start(t testing.TB, c enginehttp.Config) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(enginehttp.NewHandler(c))
	t.Cleanup(s.Close)
	return s
}

// answer is a response, read to its end.
type answer struct {
	status int
	header http.Header
	body   string
	err    error // of reading the body
}

func ask(t testing.TB, ctx context.Context, method, url, contentType string, body io.Reader, headers ...string) answer { //nolint:revive // t stands first everywhere here
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b), err}
}

func get(t testing.TB, url string) answer {
	t.Helper()
	return ask(t, t.Context(), http.MethodGet, url, "", http.NoBody)
}

func post(t testing.TB, url, body string, headers ...string) answer {
	t.Helper()
	return ask(t, t.Context(), http.MethodPost, url, "application/json", strings.NewReader(body), headers...)
}

func upload(t testing.TB, url string, file []byte, fields ...string) answer {
	t.Helper()
	kind, body := form(t, file, fields...)
	return ask(t, t.Context(), http.MethodPost, url, kind, body)
}

// wantError checks that an answer is an error in both dialects' shapes.
func wantError(t *testing.T, name string, a answer, status int, code, says string) {
	t.Helper()
	var e struct {
		Error struct {
			Message string `json:"message"`
			Type    string `json:"type"`
			Code    string `json:"code"`
		} `json:"error"`
		Detail string `json:"detail"`
	}
	if err := json.Unmarshal([]byte(a.body), &e); err != nil {
		t.Errorf("%s: %d %q: %v", name, a.status, a.body, err)
		return
	}
	if a.status != status || e.Error.Code != code || !strings.Contains(e.Error.Message, says) || e.Detail != e.Error.Message {
		t.Errorf("%s: got %d %+v, want %d %s that says %q", name, a.status, e, status, code, says)
	}
	if want := map[bool]string{true: "server_error", false: "invalid_request_error"}[status >= 500]; e.Error.Type != want {
		t.Errorf("%s: type %q", name, e.Error.Type)
	}
}

// events gives the data of all server-sent events.
func events(t *testing.T, body string) []string {
	t.Helper()
	var all []string
	for line := range strings.SplitSeq(body, "\n") {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			all = append(all, data)
		} else if line != "" {
			t.Errorf("a line that is no event: %q", line)
		}
	}
	return all
}

func slogDiscard() *slog.Logger { return slog.New(slog.DiscardHandler) }
