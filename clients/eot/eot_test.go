package eot_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"sori/audio"
	"sori/clients/endpoint"
	"sori/clients/enginetest"
	"sori/clients/eot"
	"sori/session"
	"sori/stage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ session.EndOfTurn = (*eot.Client)(nil)

const engineURL = "http://127.0.0.1:8003/turn"

// inBubble runs a test with a client of an engine in memory, on a fake clock.
func inBubble(t *testing.T, h http.HandlerFunc, test func(t *testing.T, c *eot.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c, err := eot.New(engineURL, endpoint.Options{Dial: enginetest.Serve(t, h).Dial})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		test(t, c)
	})
}

func ask(ctx context.Context, c *eot.Client) (float64, error) {
	return c.Finished(ctx, stage.Utterance{Language: "en", Audio: enginetest.NewRecording(1600)}, "and then")
}

func answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, body)
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
	if e.Stage != eot.Stage || !strings.HasPrefix(e.Message, "The EOT engine at 127.0.0.1:8003 ") || !strings.HasSuffix(e.Message, ".") {
		t.Errorf("message %q of stage %q does not say which engine", e.Message, e.Stage)
	}
	if s := e.Message + e.Error(); strings.Contains(s, "SECRET") {
		t.Errorf("a secret is told: %s", s)
	}
}

func TestEngineHearsTheLastEightSeconds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		samples, heard int
		language, text string
	}{
		{0, 0, "", ""},
		{1, 1, "ko", ""},
		{3 * 16_000, 3 * 16_000, "en-US", "Tell me about\r\nthe"},
		{8 * 16_000, 8 * 16_000, "", "말해 줘"},
		{8*16_000 + 1, 8 * 16_000, "en", "x"},
		{60 * 16_000, 8 * 16_000, "en", "x"},
	} {
		t.Run(fmt.Sprint(tc.samples), func(t *testing.T) {
			t.Parallel()
			recording := enginetest.NewRecording(tc.samples)
			inBubble(t, func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				if err != nil || int64(len(body)) != r.ContentLength || r.Method != http.MethodPost || r.URL.Path != "/turn" {
					t.Errorf("%s %s with %d bytes of %d, %v", r.Method, r.URL, len(body), r.ContentLength, err)
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
				if err := r.ParseMultipartForm(1 << 22); err != nil {
					t.Fatal(err)
				}
				if r.FormValue("language") != tc.language || r.FormValue("text") != tc.text || len(r.MultipartForm.File["file"]) != 1 {
					t.Errorf("form %v", r.MultipartForm)
				}
				f, header, err := r.FormFile("file")
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				wav, err := io.ReadAll(f)
				whole := recording.Bytes()
				want := audio.AppendHeader(nil, 16_000, 1, 2*tc.heard)
				want = append(want, whole[len(whole)-2*tc.heard:]...)
				if err != nil || !bytes.Equal(wav, want) || header.Header.Get("Content-Type") != "audio/wav" {
					t.Errorf("heard %d bytes, want %d, %v", len(wav), len(want), err)
				}
				_, _ = io.WriteString(w, `{"prediction":1,"probability":0.75}`)
			}, func(t *testing.T, c *eot.Client) {
				p, err := c.Finished(t.Context(), stage.Utterance{Language: tc.language, Audio: recording}, tc.text)
				if err != nil || p != 0.75 {
					t.Errorf("probability %v, %v", p, err)
				}
			})
			if n := recording.Open(); n != 0 {
				t.Errorf("%d readers of the recording are open", n)
			}
		})
	}
}

func TestAnswersOfEveryShape(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		body string
		want float64
		code string
	}{
		{`{"prediction":1,"probability":0.93}`, 0.93, ""},
		{`{"prediction":0,"probability":0.02,"metrics":{"inference_time":0.01}}`, 0.02, ""},
		{`{"probability":0.5}`, 0.5, ""},
		{`{"probability":0}`, 0, ""},
		{`{"probability":1}`, 1, ""},
		{`{"prediction":1}`, 1, ""},
		{`{"prediction":0,"probability":null}`, 0, ""},
		{`{"prediction":true}`, 1, ""},
		{`{"prediction":false}`, 0, ""},
		{"\ufeff {\"prediction\":1.0}\n", 1, ""},
		{`{"probability":1.5}`, 0, stage.CodeBadReply},
		{`{"probability":-0.1}`, 0, stage.CodeBadReply},
		{`{"probability":"0.5"}`, 0, stage.CodeBadReply},
		{`{"prediction":0.5}`, 0, stage.CodeBadReply},
		{`{"prediction":"SECRET"}`, 0, stage.CodeBadReply},
		{`{}`, 0, stage.CodeBadReply},
		{`[]`, 0, stage.CodeBadReply},
		{`1`, 0, stage.CodeBadReply},
		{``, 0, stage.CodeBadReply},
		{`SECRET`, 0, stage.CodeBadReply},
		{`{"error":"no model"}`, 0, stage.CodeStatus},
		{strings.Repeat(" ", 65<<10) + `{"probability":0.5}`, 0, stage.CodeBadReply},
	} {
		inBubble(t, answer(tc.body), func(t *testing.T, c *eot.Client) {
			p, err := ask(t.Context(), c)
			if tc.code != "" {
				wantCode(t, err, tc.code)
			} else if err != nil {
				t.Errorf("%s: %v", tc.body, err)
			}
			if p != tc.want {
				t.Errorf("%s: probability %v, want %v", tc.body, p, tc.want)
			}
		})
	}
}

func TestFaultsAreExplainedAndQuick(t *testing.T) {
	t.Parallel()
	for _, f := range enginetest.Faults(`{"prob`) {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, f.Handler, func(t *testing.T, c *eot.Client) {
				began := time.Now()
				_, err := ask(t.Context(), c)
				wantCode(t, err, f.Code)
				if took := time.Since(began); took > 300*time.Millisecond {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// engine answers after a pause, with an error while it is broken, and counts.
type engine struct {
	mu     sync.Mutex
	asked  int
	broken bool
	pause  time.Duration
	status int // while it is broken; 0 is 500
}

func (e *engine) handle(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	e.mu.Lock()
	e.asked++
	broken, pause, status := e.broken, e.pause, e.status
	e.mu.Unlock()
	select {
	case <-time.After(pause):
	case <-r.Context().Done():
		return
	}
	if broken {
		if status == 0 {
			status = http.StatusInternalServerError
		}
		w.WriteHeader(status)
		return
	}
	_, _ = io.WriteString(w, `{"probability":0.5}`)
}

func (e *engine) times() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.asked
}

func (e *engine) set(broken bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.broken = broken
}

func TestEngineThatIsDeadIsLeftAlone(t *testing.T) {
	t.Parallel()
	e := &engine{broken: true}
	inBubble(t, e.handle, func(t *testing.T, c *eot.Client) {
		want := func(asked int, code string, resting bool) {
			t.Helper()
			_, err := ask(t.Context(), c)
			if wantCode(t, err, code); errors.Is(err, eot.ErrResting) != resting {
				t.Errorf("resting %v: %v", !resting, err)
			}
			if e.times() != asked {
				t.Fatalf("asked %d times, want %d", e.times(), asked)
			}
		}
		want(1, stage.CodeStatus, false)
		want(2, stage.CodeStatus, false)
		asked := 2
		for _, rest := range []int{5, 10, 20, 40, 60, 60} {
			for range rest {
				want(asked, stage.CodeStatus, true)
				time.Sleep(time.Second)
			}
			asked++
			want(asked, stage.CodeStatus, false)
		}
		e.set(false)
		time.Sleep(time.Minute)
		for range 3 {
			if p, err := ask(t.Context(), c); err != nil || p != 0.5 {
				t.Fatalf("probability %v, %v", p, err)
			}
		}
		e.set(true)
		asked += 4
		want(asked, stage.CodeStatus, false)
		want(asked+1, stage.CodeStatus, false)
		want(asked+1, stage.CodeStatus, true)
		time.Sleep(5 * time.Second) // the rest begins anew
		want(asked+2, stage.CodeStatus, false)
	})
}

func TestOneCallTriesWhetherTheEngineIsBack(t *testing.T) {
	t.Parallel()
	e := &engine{pause: time.Second} // it is always late
	inBubble(t, e.handle, func(t *testing.T, c *eot.Client) {
		together := func(n int) (resting int) {
			var mu sync.Mutex
			var wg sync.WaitGroup
			for range n {
				wg.Go(func() {
					_, err := ask(t.Context(), c)
					wantLate, ok := errors.AsType[*stage.Error](err)
					if !ok || wantLate.Code != stage.CodeTimeout {
						t.Errorf("error %v", err)
					}
					mu.Lock()
					defer mu.Unlock()
					if errors.Is(err, eot.ErrResting) {
						resting++
					}
				})
			}
			wg.Wait()
			return resting
		}
		if n := together(10); n != 0 {
			t.Errorf("%d were not asked at first", n)
		}
		// Those that failed together are one failure: the rest is a short one.
		time.Sleep(5 * time.Second)
		if n := together(10); n != 9 {
			t.Errorf("%d of 10 were not asked, want 9", n)
		}
	})
}

func TestWhatSaysNothingAboutTheEngine(t *testing.T) {
	t.Parallel()
	t.Run("the user went on", func(t *testing.T) {
		t.Parallel()
		e := &engine{pause: time.Hour}
		inBubble(t, e.handle, func(t *testing.T, c *eot.Client) {
			for range 5 {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(100*time.Millisecond, cancel)
				if _, err := ask(ctx, c); !errors.Is(err, context.Canceled) {
					t.Fatalf("error %v", err)
				}
			}
			if e.times() != 5 {
				t.Errorf("asked %d times", e.times())
			}
		})
	})
	t.Run("the input is refused", func(t *testing.T) {
		t.Parallel()
		e := &engine{broken: true, status: http.StatusBadRequest}
		inBubble(t, e.handle, func(t *testing.T, c *eot.Client) {
			for range 5 {
				_, err := ask(t.Context(), c)
				wantCode(t, err, stage.CodeRejected)
			}
			if e.times() != 5 {
				t.Errorf("asked %d times", e.times())
			}
		})
	})
	t.Run("a caller in a hurry waited in vain", func(t *testing.T) {
		t.Parallel()
		e := &engine{pause: time.Hour}
		inBubble(t, e.handle, func(t *testing.T, c *eot.Client) {
			for range 5 {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				_, err := ask(ctx, c)
				cancel()
				wantCode(t, err, stage.CodeTimeout)
			}
			if e.times() != 2 {
				t.Errorf("asked %d times, want 2: the engine is what is slow", e.times())
			}
		})
	})
}

func TestURLs(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ spec, path string }{
		{"http://127.0.0.1:8003", "/"},
		{" http://127.0.0.1:8003/ ", "/"},
		{"http://127.0.0.1:8003/a/b%2Fc/?name=smart", "/a/b%2Fc/"},
	} {
		spec, path := tc.spec, tc.path
		synctest.Test(t, func(t *testing.T) {
			var asked, key string
			n := enginetest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked, key = r.URL.EscapedPath(), r.Header.Get("Authorization")
				answer(`{"prediction":1}`)(w, r)
			}))
			c, err := eot.New(spec, endpoint.Options{Dial: n.Dial, Getenv: func(name string) string {
				return map[string]string{"SORI_EOT_KEY": "SECRET"}[name]
			}})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := ask(t.Context(), c); err != nil || asked != path || key != "Bearer SECRET" {
				t.Errorf("%s: asked %s with %q, %v", spec, asked, key, err)
			}
			if want := map[bool]string{true: "smart", false: "127.0.0.1:8003"}[strings.Contains(spec, "smart")]; c.Engine() != want {
				t.Errorf("engine %s", c.Engine())
			}
			if err := c.Health(t.Context()); err != nil {
				t.Errorf("health: %v", err)
			}
		})
	}
	for _, spec := range []string{"", "http://a,http://b", "openai+http://a", "ftp://a", "http://u:SECRET@a", "a:8003", "http://a?voice=x"} {
		if _, err := eot.New(spec, endpoint.Options{}); err == nil || !strings.HasPrefix(err.Error(), "--eot") || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%q: %v", spec, err)
		}
	}
}
