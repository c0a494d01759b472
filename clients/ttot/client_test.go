package ttot_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"sori/clients/endpoint"
	"sori/clients/enginetest"
	"sori/clients/ttot"
	"sori/stage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	seedURL   = "http://127.0.0.1:8002"
	openAIURL = "openai+http://127.0.0.1:8002?model=m"

	asJSON = "application/json"
	asSSE  = "text/event-stream"
)

// inBubble runs a test with a client of an engine in memory, on a fake clock.
func inBubble(t *testing.T, spec string, h http.Handler, test func(t *testing.T, c *ttot.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := enginetest.Serve(t, h)
		c, err := ttot.New(spec, endpoint.Options{Dial: n.Dial})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		test(t, c)
	})
}

func prompt() stage.Prompt { return stage.Prompt{UserID: "10", SessionID: "s", Text: "Hi"} }

// listen gives all pieces of a reply and the error that ended it.
func listen(ctx context.Context, c *ttot.Client, p stage.Prompt) (pieces []string, err error) {
	for piece, err := range c.Respond(ctx, p) {
		if err != nil {
			return pieces, err
		}
		if piece == "" {
			return pieces, errors.New("an empty piece")
		}
		pieces = append(pieces, piece)
	}
	return pieces, nil
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
	if e.Stage != stage.TTOT || !strings.HasPrefix(e.Message, "The TTOT engine at 127.0.0.1:8002 ") || !strings.HasSuffix(e.Message, ".") {
		t.Errorf("message %q of stage %q does not say which engine", e.Message, e.Stage)
	}
	if s := e.Message + e.Error(); strings.Contains(s, "SECRET") {
		t.Errorf("a secret is told: %s", s)
	}
}

func answer(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
	}
}

// say is one event of a streamed chat.
func say(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return `data: {"choices":[{"index":0,"delta":{"content":` + string(quoted) + `},"finish_reason":null}]}` + "\n\n"
}

const (
	stop = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
	done = "data: [DONE]\n\n"
)

func TestReplyOfEveryShape(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, contentType, body, want string
		code                          string // "" when it is no error
	}{
		{name: "stream", contentType: asSSE, body: say("Hel") + say("lo") + say(" there.") + stop + done, want: "Hello there."},
		{name: "stream that says it is JSON", contentType: asJSON, body: say("Hello") + stop + done, want: "Hello"},
		{name: "role first, usage last", contentType: asSSE, want: "Hi", body: "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\n\n" + say("Hi") + stop +
			"data: {\"choices\":[],\"usage\":{\"total_tokens\":5}}\n\n" + done},
		{name: "CRLF, comments, no space", contentType: asSSE, want: "Hello", body: ": OPENROUTER PROCESSING\r\n\r\n" + strings.NewReplacer("data: ", "data:", "\n", "\r\n").Replace(say("Hel")+say("lo")+stop+done)},
		{name: "no DONE", contentType: asSSE, body: say("Hello") + stop, want: "Hello"},
		{name: "no finish_reason", contentType: asSSE, body: say("Hello") + done, want: "Hello"},
		{name: "neither", contentType: asSSE, body: say("Hello"), want: "Hello", code: stage.CodeCutOff},
		{name: "cut in an event", contentType: asSSE, body: say("Hello") + `data: {"choices":[{"del`, want: "Hello", code: stage.CodeCutOff},
		{name: "thinks", contentType: asSSE, body: say("<th") + say("ink>Hm, S") + say("ECRET</thi") + say("nk>\n\nHel") + say("lo") + stop + done, want: "Hello"},
		{name: "thinks in a field", contentType: asSSE, want: "Hi", body: `data: {"choices":[{"delta":{"reasoning_content":"SECRET","reasoning":"SECRET"}}]}` + "\n\n" + say("Hi") + done},
		{name: "thinks in a part", contentType: asSSE, want: "Hi", body: `data: {"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"SECRET"}]},{"type":"text","text":"Hi"}]}}]}` + "\n\n" + done},
		{name: "only thinks", contentType: asSSE, body: say("<think>SECRET") + "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n" + done, code: stage.CodeEmptyReply},
		{name: "says nothing", contentType: asSSE, body: stop + done, code: stage.CodeEmptyReply},
		{name: "says a space", contentType: asSSE, body: say(" \n") + stop + done, code: stage.CodeEmptyReply},
		{name: "in one piece", contentType: asJSON, body: `{"choices":[{"message":{"role":"assistant","content":"<think>SECRET</think> Hello."},"finish_reason":"stop"}]}`, want: "Hello."},
		{name: "in one piece, says it is a stream", contentType: asSSE, body: ` {"choices":[{"message":{"content":"Hello."}}]}`, want: "Hello."},
		{name: "in one piece, nothing", contentType: asJSON, body: `{"choices":[{"message":{"content":null},"finish_reason":"stop"}]}`, code: stage.CodeEmptyReply},
		{name: "error in the stream", contentType: asSSE, body: say("Hello") + "data: {\"error\":{\"message\":\"context is full\",\"code\":400}}\n\n", want: "Hello", code: stage.CodeRejected},
		{name: "error in the stream as a string", contentType: asSSE, body: "data: {\"error\":\"model runner has stopped\"}\n\n", code: stage.CodeStatus},
		{name: "error event", contentType: asSSE, body: "event: error\ndata: {\"type\":\"error\",\"message\":\"boom\"}\n\n", code: stage.CodeStatus},
		{name: "error object", contentType: asJSON, body: `{"error":{"message":"boom"}}`, code: stage.CodeStatus},
		{name: "the seed's stream", contentType: asSSE, body: "data: {\"delta\":\"Hel\"}\n\ndata: {\"delta\":\"lo \"}\n\ndata: {\"user_id\":10,\"ttot_text\":\"Hello there.\"}\n\n", want: "Hello there."},
		{name: "the seed's stream, the whole differs", contentType: asSSE, body: "data: {\"delta\":\" Hello\"}\n\ndata: {\"ttot_text\":\"Hello\"}\n\n", want: "Hello"},
		{name: "the seed's stream, cut", contentType: asSSE, body: "data: {\"delta\":\"Hel\"}\n\n", want: "Hel", code: stage.CodeCutOff},
		{name: "the seed's in one piece", contentType: asJSON, body: `{"user_id":10,"ttot_text":"생성된 응답"}`, want: "생성된 응답"},
		{name: "the seed's, empty", contentType: asJSON, body: `{"user_id":10,"ttot_text":""}`, code: stage.CodeEmptyReply},
		{name: "no body", contentType: asJSON, body: "", code: stage.CodeBadReply},
		{name: "no reply in it", contentType: asJSON, body: `{"result":"Hello"}`, code: stage.CodeBadReply},
		{name: "wrong type", contentType: asJSON, body: `{"choices":[{"message":{"content":5}}]}`, code: stage.CodeBadReply},
		{name: "wrong type in a stream", contentType: asSSE, body: "data: {\"choices\":\"Hello\"}\n\n", code: stage.CodeBadReply},
		{name: "broken JSON", contentType: asJSON, body: `{"choices":[`, code: stage.CodeBadReply},
		{name: "broken event", contentType: asSSE, body: "data: {\n\n", code: stage.CodeBadReply},
		{name: "text", contentType: "text/plain", body: "Hello", code: stage.CodeBadReply},
		{name: "too long a piece", contentType: asJSON, body: `{"ttot_text":"` + strings.Repeat("word ", 1<<18) + `"}`, code: stage.CodeBadReply},
		{name: "too long an event", contentType: asSSE, body: `data: {"delta":"` + strings.Repeat("word ", 1<<18), code: stage.CodeBadReply},
		{name: "too long a reply", contentType: asJSON, body: `{"ttot_text":"` + strings.Repeat("word ", 1<<16) + `"}`, code: stage.CodeBadReply},
	} {
		for _, spec := range []string{seedURL, openAIURL} {
			t.Run(tc.name+" "+spec, func(t *testing.T) {
				t.Parallel()
				inBubble(t, spec, answer(tc.contentType, tc.body), func(t *testing.T, c *ttot.Client) {
					pieces, err := listen(t.Context(), c, prompt())
					if tc.code != "" {
						wantCode(t, err, tc.code)
					} else if err != nil {
						t.Fatal(err)
					}
					if got := strings.Join(pieces, ""); got != tc.want {
						t.Errorf("heard %q, want %q", got, tc.want)
					}
				})
			})
		}
	}
}

func TestFaultsAreExplained(t *testing.T) {
	t.Parallel()
	for _, f := range enginetest.Faults(`data: {"choi`) {
		for _, spec := range []string{seedURL, openAIURL} {
			t.Run(f.Name+" "+spec, func(t *testing.T) {
				t.Parallel()
				inBubble(t, spec, f.Handler, func(t *testing.T, c *ttot.Client) {
					began := time.Now()
					_, err := listen(t.Context(), c, prompt())
					wantCode(t, err, f.Code)
					if took := time.Since(began); took > 30*time.Second {
						t.Errorf("took %v", took)
					}
				})
			})
		}
	}
}

// stream serves events, each after a pause, and then what is left of a test.
func stream(events []string, pause time.Duration, then func(r *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", asSSE)
		for _, e := range events {
			_, _ = io.WriteString(w, e)
			_ = http.NewResponseController(w).Flush()
			time.Sleep(pause)
		}
		if then != nil {
			then(r)
		}
	}
}

func hang(r *http.Request) { <-r.Context().Done() }

func TestTimesOfAStream(t *testing.T) {
	t.Parallel()
	many := slices.Repeat([]string{say("word ")}, 100)
	for _, tc := range []struct {
		name  string
		h     http.HandlerFunc
		want  int // pieces
		code  string
		takes time.Duration
	}{
		{"comes steadily", stream(append(many[:20:20], stop, done), time.Second, nil), 20, "", 20*time.Second + 250*time.Millisecond},
		{"hangs after a word", stream(many[:1], 0, hang), 1, stage.CodeTimeout, 15 * time.Second},
		{"only keeps the connection alive", stream(slices.Repeat([]string{": ping\n\n"}, 100), time.Second, nil), 0, stage.CodeTimeout, 30 * time.Second},
		{"only thinks", stream(slices.Repeat([]string{`data: {"choices":[{"delta":{"reasoning":"hm"}}]}` + "\n\n"}, 100), time.Second, nil), 0, stage.CodeTimeout, 30 * time.Second},
		{"comes too slowly in all", stream(many, 11*time.Second, nil), 28, stage.CodeTimeout, 5 * time.Minute},
		{"hangs after the end", stream([]string{say("Hi"), stop}, 0, hang), 1, "", 250 * time.Millisecond},
		{"hangs after DONE", stream([]string{say("Hi"), stop, done}, 0, hang), 1, "", 50 * time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, openAIURL, tc.h, func(t *testing.T, c *ttot.Client) {
				began := time.Now()
				pieces, err := listen(t.Context(), c, prompt())
				took := time.Since(began)
				if tc.code != "" {
					wantCode(t, err, tc.code)
				} else if err != nil {
					t.Fatal(err)
				}
				if len(pieces) != tc.want || took != tc.takes {
					t.Errorf("%d pieces in %v, want %d in %v", len(pieces), took, tc.want, tc.takes)
				}
			})
		})
	}
}

func TestSlowListenerIsNoSlowEngine(t *testing.T) {
	t.Parallel()
	words := slices.Repeat([]string{say(strings.Repeat("word ", 1000))}, 20)
	inBubble(t, openAIURL, stream(append(words, stop, done), 0, nil), func(t *testing.T, c *ttot.Client) {
		pieces := 0
		for _, err := range c.Respond(t.Context(), prompt()) {
			if err != nil {
				t.Fatal(err)
			}
			pieces++
			time.Sleep(time.Minute) // the voice that reads it out takes its time
		}
		if pieces != 20 {
			t.Errorf("%d pieces", pieces)
		}
	})
}

func TestReplyWithoutEndIsEnded(t *testing.T) {
	t.Parallel()
	endless := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for {
			if _, err := io.WriteString(w, say(strings.Repeat("word ", 1000))); err != nil {
				return
			}
		}
	}
	inBubble(t, openAIURL, http.HandlerFunc(endless), func(t *testing.T, c *ttot.Client) {
		pieces, err := listen(t.Context(), c, prompt())
		wantCode(t, err, stage.CodeBadReply)
		if n := len(strings.Join(pieces, "")); n > 256<<10 || n < 250<<10 {
			t.Errorf("%d bytes were given", n)
		}
	})
}

func TestBreakingOutReachesTheEngine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gone := make(chan struct{})
		n := enginetest.Serve(t, stream([]string{say("Hello")}, 0, func(r *http.Request) {
			<-r.Context().Done()
			close(gone)
		}))
		c, err := ttot.New(openAIURL, endpoint.Options{Dial: n.Dial})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		for _, err := range c.Respond(t.Context(), prompt()) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		select {
		case <-gone:
		case <-time.After(time.Second):
			t.Error("the engine still writes")
		}
	})
}

func TestCancelledMidStream(t *testing.T) {
	t.Parallel()
	inBubble(t, openAIURL, stream([]string{say("Hello")}, 0, hang), func(t *testing.T, c *ttot.Client) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		pieces := 0
		for _, err := range c.Respond(ctx, prompt()) {
			if pieces++; pieces == 1 {
				cancel()
				continue
			}
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want cancelled", err)
			}
		}
		if pieces != 2 {
			t.Errorf("%d pieces, want a word and an error", pieces)
		}
	})
}

func TestDeadlineOfTheCaller(t *testing.T) {
	t.Parallel()
	inBubble(t, openAIURL, stream(nil, 0, hang), func(t *testing.T, c *ttot.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := listen(ctx, c, prompt())
		wantCode(t, err, stage.CodeTimeout)
	})
}
