package server_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"sori/history"
	"sori/protocol"
	"sori/realtime"
	"sori/server"
	"sori/session"
	"sori/stage"
)

// paced serve all three stages: they hear "hello" and answer with "One.
// Two. Three." and three seconds of sound, in no time.
type paced struct{}

func (paced) Engine() string { return "fake" }
func (paced) Transcribe(context.Context, stage.Utterance) iter.Seq2[stage.Transcript, error] {
	return func(yield func(stage.Transcript, error) bool) {
		yield(stage.Transcript{Text: "hello", Final: true}, nil)
	}
}

func (paced) Respond(context.Context, stage.Prompt) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, s := range []string{"One. ", "Two. ", "Three."} {
			if !yield(s, nil) {
				return
			}
		}
	}
}

func (paced) Synthesize(context.Context, stage.Speech) iter.Seq2[stage.Chunk, error] {
	return func(yield func(stage.Chunk, error) bool) {
		yield(stage.Chunk{PCM: make([]byte, 144_000), Rate: 24_000}, nil)
	}
}

func (paced) Keep(context.Context, history.Turn) (delayed, err error) { return nil, nil }
func (paced) Recent(context.Context, string, int) ([]history.Turn, error) {
	return nil, nil
}

func (paced) Detect(window []int16) (float32, error) {
	if slices.Max(window) > 100 {
		return 0.95, nil
	}
	return 0.02, nil
}
func (paced) Reset() {}
func (paced) Close() {}

// genuine has a server make real sessions of fake engines.
func genuine(cfg server.Config) server.Config {
	d := session.Deps{
		ATOT: paced{}, TTOT: paced{}, TTS: paced{}, History: paced{},
		NewDetector: func() (session.VoiceDetector, error) { return paced{}, nil },
	}
	cfg.NewSession = func(o session.Options) server.Session { return session.New(o, d) }
	return cfg
}

// rtClient is a client of the OpenAI Realtime API.
type rtClient struct {
	*client
	chosen string // the subprotocol
}

// said is what the tests look at in a server event.
type said struct {
	Type  string `json:"type"`
	Error struct {
		Type    string `json:"type"`
		Code    string `json:"code"`
		EventID string `json:"event_id"`
	} `json:"error"`
	Item struct {
		ID string `json:"id"`
	} `json:"item"`
	ItemID   string `json:"item_id"`
	Response struct {
		Status string `json:"status"`
	} `json:"response"`
	Session map[string]json.RawMessage `json:"session"`
}

func (r *running) realtime(t *testing.T, query string, header http.Header, subprotocols ...string) *rtClient {
	t.Helper()
	ws, _, err := websocket.Dial(t.Context(), "ws://sori.test/v1/realtime"+query, &websocket.DialOptions{
		HTTPClient: r.http(t), HTTPHeader: header, Subprotocols: append([]string{"realtime"}, subprotocols...),
	})
	if err != nil {
		t.Fatal(err)
	}
	ws.SetReadLimit(1 << 24)
	t.Cleanup(func() { ws.CloseNow() })
	return &rtClient{&client{t, ws}, ws.Subprotocol()}
}

// until reads to the next event of a type.
func (c *rtClient) until(kind string) said {
	c.t.Helper()
	var came []string
	for {
		ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
		_, data, err := c.ws.Read(ctx)
		cancel()
		if err != nil {
			c.t.Fatalf("%s: %v; what came: %v", kind, err, slices.Compact(came))
		}
		var e said
		if err := json.Unmarshal(data, &e); err != nil {
			c.t.Fatalf("%s: %v", data, err)
		}
		if came = append(came, e.Type); e.Type == kind {
			return e
		}
	}
}

func appended(pcm []byte) string {
	return `{"type":"input_audio_buffer.append","event_id":"mine","audio":"` + base64.StdEncoding.EncodeToString(pcm) + `"}`
}

// Whatever a client sends, it hears which event was wrong and why, and the
// session lives on.
func TestRealtimeMistakes(t *testing.T) {
	t.Parallel()
	r := start(t, genuine(server.Config{PingEvery: time.Hour}))
	const hello = `{"type":"conversation.item.create","item":{"id":"hello","type":"message","role":"user","content":[{"type":"input_text","text":"hello"}]}}`
	for _, c := range []struct {
		name   string
		first  []string // are fine
		wait   []string // for these events after them
		bad    string
		code   string
		noName bool // the event's id can't be told
	}{
		{name: "no JSON", bad: `{"type":`, code: realtime.CodeInvalidJSON, noName: true},
		{name: "no object", bad: `7`, code: realtime.CodeInvalidJSON, noName: true},
		{name: "no type", bad: `{"event_id":"mine"}`, code: realtime.CodeMissing},
		{name: "unknown type", bad: `{"event_id":"mine","type":"session.destroy"}`, code: realtime.CodeUnknownEvent},
		{name: "broken base64", bad: `{"event_id":"mine","type":"input_audio_buffer.append","audio":"A*AA"}`, code: realtime.CodeInvalidAudio},
		{name: "cut base64", bad: `{"event_id":"mine","type":"input_audio_buffer.append","audio":"AAAAA"}`, code: realtime.CodeInvalidAudio},
		{name: "16 MiB of audio", bad: appended(make([]byte, 16<<20)), code: realtime.CodeInvalidAudio},
		{name: "a frame of 24 MiB", bad: `{"event_id":"mine","type":"` + strings.Repeat("x", 24<<20) + `"}`, code: realtime.CodeInvalidValue, noName: true},
		{name: "an empty commit", bad: `{"event_id":"mine","type":"input_audio_buffer.commit"}`, code: realtime.CodeCommitEmpty},
		{name: "a commit of 80 ms", first: []string{appended(make([]byte, 80*48))}, bad: `{"event_id":"mine","type":"input_audio_buffer.commit"}`, code: realtime.CodeCommitEmpty},
		{name: "nothing to cancel", bad: `{"event_id":"mine","type":"response.cancel"}`, code: realtime.CodeNothingToCancel},
		{name: "retrieve no item", bad: `{"event_id":"mine","type":"conversation.item.retrieve","item_id":"none"}`, code: realtime.CodeRetrieveItem},
		{name: "delete no item", bad: `{"event_id":"mine","type":"conversation.item.delete","item_id":"none"}`, code: realtime.CodeDeleteItem},
		{name: "truncate no item", bad: `{"event_id":"mine","type":"conversation.item.truncate","item_id":"none","content_index":0,"audio_end_ms":0}`, code: realtime.CodeTruncateItem},
		{name: "truncate a text", first: []string{hello}, bad: `{"event_id":"mine","type":"conversation.item.truncate","item_id":"hello","content_index":0,"audio_end_ms":0}`, code: realtime.CodeUnsupported},
		{name: "truncate past the end", first: []string{hello, `{"type":"response.create"}`}, wait: []string{"response.output_audio.delta", "response.done"}, bad: `{"event_id":"mine","type":"conversation.item.truncate","item_id":"REPLY","content_index":0,"audio_end_ms":600000}`, code: realtime.CodeInvalidValue},
		{name: "behind no item", bad: `{"event_id":"mine","type":"conversation.item.create","previous_item_id":"none","item":{"type":"message","role":"user","content":[]}}`, code: realtime.CodePreviousItem},
		{name: "an item twice", first: []string{hello}, bad: strings.Replace(hello, "{", `{"event_id":"mine",`, 1), code: realtime.CodeDuplicateItem},
		{name: "the result of no call", bad: `{"event_id":"mine","type":"conversation.item.create","item":{"type":"function_call_output","call_id":"none","output":""}}`, code: realtime.CodeToolCall},
		{name: "two responses", first: []string{hello, `{"type":"response.create"}`}, bad: `{"event_id":"mine","type":"response.create"}`, code: realtime.CodeActiveResponse},
		{name: "two responses, one speaks", first: []string{hello, `{"type":"response.create"}`}, wait: []string{"response.output_audio.delta"}, bad: `{"event_id":"mine","type":"response.create"}`, code: realtime.CodeActiveResponse},
		{name: "a format that nobody knows", bad: `{"event_id":"mine","type":"session.update","session":{"type":"realtime","audio":{"input":{"format":{"type":"audio/mp3"}}}}}`, code: realtime.CodeInvalidValue},
		{name: "another kind of session", bad: `{"event_id":"mine","type":"session.update","session":{"type":"transcription"}}`, code: realtime.CodeInvalidValue},
		{name: "a picture", bad: `{"event_id":"mine","type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_image","image_url":"data:"}]}}`, code: realtime.CodeUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := r.realtime(t, "?model=gpt-realtime", nil)
			w.until("session.created")
			w.text(`{"type":"session.update","session":{"type":"realtime","audio":{"input":{"turn_detection":null}}}}`)
			w.until("session.updated")
			for _, s := range c.first {
				w.text(s)
			}
			reply := ""
			for _, kind := range c.wait {
				if e := w.until(kind); e.ItemID != "" {
					reply = e.ItemID
				}
			}
			w.text(strings.Replace(c.bad, "REPLY", reply, 1))
			e := w.until("error")
			if e.Error.Code != c.code || (e.Error.EventID == "mine") == c.noName {
				t.Errorf("%+v, want %s", e.Error, c.code)
			}
			w.text(hello[:len(hello)-1] + `,"event_id":"last"}`) // it may be there already
			w.text(`{"type":"conversation.item.retrieve","item_id":"hello"}`)
			if got := w.until("conversation.item.retrieved"); got.Item.ID != "hello" {
				t.Errorf("the session does not live on: %+v", got)
			}
		})
	}
}

// An append of 15 MiB is taken, and a binary frame is one, too.
func TestRealtimeLargestAppend(t *testing.T) {
	t.Parallel()
	r := start(t, genuine(server.Config{PingEvery: time.Hour}))
	w := r.realtime(t, "", nil)
	w.until("session.created")
	w.text(`{"type":"session.update","session":{"type":"realtime","audio":{"input":{"turn_detection":null,"format":{"type":"audio/pcm","rate":16000}}}}}`)
	w.until("session.updated")
	size := realtime.MaxAudio // eight minutes: each full one is a turn
	if raceEnabled {          // the race detector takes its time
		size = 2 << 20
	}
	w.text(appended(make([]byte, size)))
	w.until("input_audio_buffer.committed")
	w.text(`{"type":"input_audio_buffer.clear"}`)
	w.until("input_audio_buffer.cleared")
	w.binary(4800)
	w.binary(4800)
	w.text(`{"type":"input_audio_buffer.commit"}`)
	w.until("input_audio_buffer.committed")
}

// When the server stops, a response that is under way is spoken to its end.
func TestRealtimeIsDrained(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		handOver time.Duration
		status   string
	}{
		"in time":  {10 * time.Second, "completed"},
		"too slow": {time.Second, "cancelled"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, genuine(server.Config{HandOverTimeout: c.handOver, ShutdownTimeout: 30 * time.Second}))
			idle, w := r.realtime(t, "", nil), r.realtime(t, "", nil)
			idle.until("session.created")
			w.until("session.created")
			w.text(`{"type":"response.create"}`)
			w.until("response.output_audio.delta")
			r.stop(nil)
			synctest.Wait()
			if code, _ := idle.closed(); code != protocol.CloseRestart {
				t.Errorf("%s: the idle one is closed with %d", name, code)
			}
			if got := w.until("response.done").Response.Status; got != c.status {
				t.Errorf("%s: the response is %s", name, got)
			}
			w.until("rate_limits.updated")
			if code, _ := w.closed(); code != protocol.CloseRestart {
				t.Errorf("%s: closed with %d", name, code)
			}
			if err := <-r.ended; err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// The beta's names are spoken to who asks for them, by a header, a subprotocol or
// the form of its session.update; keys are not repeated.
func TestRealtimeBeta(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header       http.Header
		subprotocols []string
		first        string
		want         string
	}{
		"GA":            {want: "response.output_text.delta"},
		"a header":      {header: http.Header{"Openai-Beta": {"realtime=v1"}}, want: "response.text.delta"},
		"a subprotocol": {subprotocols: []string{"openai-insecure-api-key.secret", "openai-beta.realtime-v1"}, want: "response.text.delta"},
		"its form":      {first: `{"type":"session.update","session":{"modalities":["text"],"input_audio_format":"g711_ulaw"}}`, want: "response.text.delta"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, genuine(server.Config{}))
			w := r.realtime(t, "?model=gpt-4o-realtime-preview", c.header, c.subprotocols...)
			if w.chosen != "realtime" {
				t.Errorf("subprotocol %q", w.chosen)
			}
			w.until("session.created")
			if c.first != "" {
				w.text(c.first)
				if s := w.until("session.updated").Session; string(s["input_audio_format"]) != `"g711_ulaw"` || s["audio"] != nil {
					t.Errorf("session %s", s)
				}
			}
			w.text(`{"type":"response.create","response":{"output_modalities":["text"]}}`)
			w.until(c.want)
			w.until("response.done")
		})
	}
}
