package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"sori/clients/enginetest"
	"sori/clients/webhook"
	"sori/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ session.Tools = (*webhook.Tools)(nil)

const secret = "hunter2-SECRET"

func env(name string) string {
	return map[string]string{"TOKEN": "Bearer " + secret, "KEY": secret + "-key\n", "SHORT": "x", "BROKEN": "a\nb"}[name]
}

func lights() webhook.Tool {
	return webhook.Tool{
		Name: "lights", Description: "Turns the lights on or off.", URL: "https://tools.example/lights?key=" + secret,
		Parameters: map[string]any{"type": "object", "properties": map[string]any{"on": map[string]any{"type": "boolean"}}},
	}
}

// inBubble runs a test with one tool that h answers, over a network in memory and
// on a fake clock.
func inBubble(t *testing.T, tool webhook.Tool, o webhook.Options, h http.HandlerFunc, test func(t *testing.T, ts *webhook.Tools)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		tool.URL = strings.Replace(tool.URL, "https://", "http://", 1)
		o.Getenv = env
		ts, err := webhook.NewWithDial([]webhook.Tool{tool}, o, enginetest.Serve(t, h).Dial)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(ts.Close)
		test(t, ts)
	})
}

func call(ctx context.Context, t *testing.T, ts *webhook.Tools) (string, error) {
	t.Helper()
	out, ok, err := ts.Call(ctx, "10", "lights", json.RawMessage(`{"on":true}`))
	if !ok {
		t.Fatal("there is no such tool")
	}
	return out, err
}

// wantError expects an error with text that holds nothing of what must stay
// here, neither in its own words nor in a log.
func wantError(t *testing.T, err error, text string) {
	t.Helper()
	e, ok := errors.AsType[*webhook.Error](err)
	if !ok {
		t.Fatalf("error %v", err)
	}
	if !strings.Contains(e.Error(), text) || !strings.HasPrefix(e.Error(), "The tool lights ") || !strings.HasSuffix(e.Error(), ".") || e.Tool != "lights" {
		t.Errorf("error %q, want %q in it", e, text)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("failed", "error", err)
	if strings.Contains(e.Error()+log.String(), secret) {
		t.Errorf("a secret is told: %s %s", e, log.String())
	}
	if strings.Contains(e.Error(), "tools.example") || strings.Contains(e.Error(), "127.0.0.1") {
		t.Errorf("the model is told the address: %s", e)
	}
}

func TestCallAsTheEndpointSeesIt(t *testing.T) {
	t.Parallel()
	tool := lights()
	tool.Secret = "env:KEY"
	tool.Headers = map[string]string{"authorization": "env:TOKEN", "X-Room": "kitchen"}
	var header http.Header
	var body []byte
	inBubble(t, tool, webhook.Options{}, func(w http.ResponseWriter, r *http.Request) {
		header, body = r.Header, nil
		body, _ = io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.URL.RequestURI() != "/lights?key="+secret || r.Host != "tools.example" {
			t.Errorf("asked %s %s of %s", r.Method, r.URL, r.Host)
		}
		_, _ = io.WriteString(w, " on \n")
	}, func(t *testing.T, ts *webhook.Tools) {
		if out, err := call(t.Context(), t, ts); err != nil || out != "on" {
			t.Fatalf("gave %q, %v", out, err)
		}
		if want := `{"user_id":"10","tool":"lights","arguments":{"on":true}}`; string(body) != want {
			t.Errorf("sent %s, want %s", body, want)
		}
		if header.Get("Authorization") != "Bearer "+secret || header.Get("X-Room") != "kitchen" || header.Get("Content-Type") != "application/json" {
			t.Errorf("header %v", header)
		}
		at := fmt.Sprint(time.Now().Unix())
		m := hmac.New(sha256.New, []byte(secret+"-key"))
		_, _ = m.Write([]byte(at + "." + string(body)))
		if want := "t=" + at + ",v1=" + hex.EncodeToString(m.Sum(nil)); header.Get("Sori-Signature") != want {
			t.Errorf("signature %s, want %s", header.Get("Sori-Signature"), want)
		}
	})
}

func TestCallWithoutSecretIsNotSigned(t *testing.T) {
	t.Parallel()
	inBubble(t, lights(), webhook.Options{}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Sori-Signature") != "" || !strings.HasSuffix(string(body), `"arguments":{}}`) {
			t.Errorf("header %v, body %s", r.Header, body)
		}
	}, func(t *testing.T, ts *webhook.Tools) {
		out, ok, err := ts.Call(t.Context(), "10", "lights", nil)
		if out == "" || !ok || err != nil {
			t.Errorf("gave %q, %v, %v", out, ok, err)
		}
	})
}

func TestOtherTools(t *testing.T) {
	t.Parallel()
	inBubble(t, lights(), webhook.Options{}, func(http.ResponseWriter, *http.Request) { t.Error("called") }, func(t *testing.T, ts *webhook.Tools) {
		if out, ok, err := ts.Call(t.Context(), "10", "light", nil); ok || out != "" || err != nil {
			t.Errorf("gave %q, %v, %v", out, ok, err)
		}
		_, ok, err := ts.Call(t.Context(), "10", "lights", json.RawMessage(`{"on":`))
		if wantError(t, err, "no JSON"); !ok {
			t.Error("not ok")
		}
		list := ts.List()
		if len(list) != 1 || list[0].Name != "lights" || list[0].Description != "Turns the lights on or off." ||
			string(list[0].Parameters) != `{"properties":{"on":{"type":"boolean"}},"type":"object"}` {
			t.Errorf("list %+v", list)
		}
	})
}

func TestAnswersForTheModel(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("가", n/3) + strings.Repeat("x", n%3) }
	for _, tc := range []struct {
		name, body, want string
		fails            string
	}{
		{"JSON", `{"temperature": 21}`, `{"temperature": 21}`, ""},
		{"text", "21 degrees, 맑음", "21 degrees, 맑음", ""},
		{"nothing", "", "Done. The tool has nothing to say.", ""},
		{"white space", " \r\n", "Done. The tool has nothing to say.", ""},
		{"just short enough", long(32 << 10), long(32 << 10), ""},
		{"a secret", "you sent Bearer " + secret + "!", "you sent [key]!", ""},
		{"a part of a word", "x-ray", "x-ray", ""},
		{"a picture", "\x89PNG\r\n\x1a\n\x00\x00", "", "no text"},
		{"zeros", "a\x00b", "", "no text"},
		{"half a character", "a\xea\xb0", "", "no text"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tool := lights()
			tool.Headers = map[string]string{"Authorization": "env:TOKEN", "X": "env:SHORT"}
			inBubble(t, tool, webhook.Options{}, answer(200, tc.body), func(t *testing.T, ts *webhook.Tools) {
				out, err := call(t.Context(), t, ts)
				if tc.fails != "" {
					wantError(t, err, tc.fails)
				} else if err != nil || out != tc.want {
					t.Errorf("gave %.80q, %v; want %.80q", out, err, tc.want)
				}
			})
		})
	}
}

func TestLongAnswersAreCut(t *testing.T) {
	t.Parallel()
	for _, n := range []int{32<<10 + 1, 32<<10 + 2, 32<<10 + 3, 36 << 10, 36<<10 + 1, 1 << 20} {
		for shift := range 3 {
			tool := lights()
			tool.Headers = map[string]string{"Authorization": "env:TOKEN"}
			body := strings.Repeat("x", shift) + strings.Repeat("가", n/3+1)
			// A secret lies across the place where it is cut.
			body = body[:32700+shift] + "Bearer " + secret + body[32700+shift:]
			inBubble(t, tool, webhook.Options{}, answer(200, body), func(t *testing.T, ts *webhook.Tools) {
				out, err := call(t.Context(), t, ts)
				if err != nil || len(out) > 32<<10 || len(out) < 32<<10-8 || !strings.HasSuffix(out, "cut here.]") {
					t.Errorf("%d bytes became %d, %v", len(body), len(out), err)
				}
				if strings.Contains(out, "hunter") || strings.ToValidUTF8(out, "") != out {
					t.Errorf("ends in %q", out[len(out)-100:])
				}
			})
		}
	}
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestStatusesAreExplainedWithoutTheBody(t *testing.T) {
	t.Parallel()
	for status, says := range map[int]string{
		301: "moved", 304: "moved", 400: "arguments", 401: "credentials", 403: "credentials", 404: "nothing of that kind", 410: "nothing of that kind",
		409: "failed", 422: "arguments", 429: "too much", 500: "failed", 502: "failed", 503: "too much",
	} {
		inBubble(t, lights(), webhook.Options{}, answer(status, secret), func(t *testing.T, ts *webhook.Tools) {
			_, err := call(t.Context(), t, ts)
			wantError(t, err, says)
			if e, ok := errors.AsType[*webhook.Error](err); !ok || e.Status != status || !strings.Contains(e.Message, fmt.Sprint(status)) {
				t.Errorf("status %d became %v", status, err)
			}
		})
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		calls := 0
		inBubble(t, lights(), webhook.Options{}, func(w http.ResponseWriter, r *http.Request) {
			calls++
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", status)
		}, func(t *testing.T, ts *webhook.Tools) {
			_, err := call(t.Context(), t, ts)
			wantError(t, err, "does not follow")
		})
		if calls != 1 {
			t.Errorf("%d: %d calls", status, calls)
		}
	}
}

func TestToolsThatBreak(t *testing.T) {
	t.Parallel()
	for _, f := range enginetest.Faults("on") {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			h := func(w http.ResponseWriter, r *http.Request) {
				calls++
				f.Handler(w, r)
			}
			inBubble(t, lights(), webhook.Options{}, h, func(t *testing.T, ts *webhook.Tools) {
				began := time.Now()
				out, err := call(t.Context(), t, ts)
				if f.Name == "answers with a web page" {
					if err != nil || out == "" {
						t.Errorf("gave %q, %v", out, err)
					}
				} else {
					wantError(t, err, "")
				}
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("took %v", took)
				}
			})
			if calls != 1 {
				t.Errorf("called %d times: it may do something each time", calls)
			}
		})
	}
}

func TestTimesOfACall(t *testing.T) {
	t.Parallel()
	hang := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	for _, tc := range []struct {
		name    string
		timeout time.Duration
		caller  time.Duration
		says    string
		takes   time.Duration
	}{
		{"its own", 2 * time.Second, time.Minute, "did not answer within 2s", 2 * time.Second},
		{"the usual", 0, time.Minute, "did not answer within 10s", 10 * time.Second},
		{"the caller's", 0, time.Second, "did not answer in time", time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tool := lights()
			tool.Timeout = webhook.Duration(tc.timeout)
			inBubble(t, tool, webhook.Options{}, hang, func(t *testing.T, ts *webhook.Tools) {
				ctx, cancel := context.WithTimeout(t.Context(), tc.caller)
				defer cancel()
				began := time.Now()
				_, err := call(ctx, t, ts)
				wantError(t, err, tc.says)
				if took := time.Since(began); took != tc.takes {
					t.Errorf("took %v, want %v", took, tc.takes)
				}
			})
		})
	}
}

func TestInterruptionEndsACall(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{}, 1)
	inBubble(t, lights(), webhook.Options{}, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		gone <- struct{}{}
	}, func(t *testing.T, ts *webhook.Tools) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := call(ctx, t, ts)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		synctest.Wait()
		select {
		case <-gone:
		default:
			t.Error("the endpoint still works")
		}
	})
}

func TestOnlySoManyCallsAtOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var now, most int
	inBubble(t, lights(), webhook.Options{Concurrency: 3}, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		count := func(n int) {
			mu.Lock()
			defer mu.Unlock()
			now += n
			most = max(most, now)
		}
		count(1)
		time.Sleep(4 * time.Second)
		count(-1)
	}, func(t *testing.T, ts *webhook.Tools) {
		var late atomic.Int32
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if _, err := call(t.Context(), t, ts); err != nil {
					late.Add(1)
				}
			})
		}
		wg.Wait()
		// 3 in the first 4 s, 3 until 8 s, 3 that begin then are late at 10 s, and
		// one waits all the time.
		mu.Lock()
		if most != 3 || late.Load() != 4 {
			t.Errorf("%d at once, %d were late", most, late.Load())
		}
		mu.Unlock()
		_, err := call(t.Context(), t, ts)
		if err != nil {
			t.Errorf("later: %v", err)
		}
	})
}

func TestWaitingForOthersIsExplained(t *testing.T) {
	t.Parallel()
	inBubble(t, lights(), webhook.Options{Concurrency: 1}, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		time.Sleep(9 * time.Second)
	}, func(t *testing.T, ts *webhook.Tools) {
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := call(t.Context(), t, ts); err != nil {
				t.Errorf("the first: %v", err)
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := call(ctx, t, ts)
		wantError(t, err, "too much to do")
		wg.Wait()
	})
}
