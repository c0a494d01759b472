package dialect_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sori/realtime"
	"sori/realtime/dialect"
	"sori/stage"
)

// told is a text engine that notes what it is asked and takes a second for each
// of three pieces.
type told struct {
	mu      sync.Mutex
	prompts []stage.Prompt
}

func (m *told) engine() ttot {
	return ttot{func(ctx context.Context, p stage.Prompt) iter.Seq2[string, error] {
		m.mu.Lock()
		m.prompts = append(m.prompts, p)
		m.mu.Unlock()
		return func(yield func(string, error) bool) {
			for _, piece := range []string{"One. ", "Two. ", "Three. "} {
				if err := sleep(ctx, time.Second); err != nil {
					yield("", err)
					return
				}
				if !yield(piece, nil) {
					return
				}
			}
		}
	}}
}

const textItem = `{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"%s"}]}}`

// Responses out of band run beside the one of the conversation, see only their
// own input, leave no item behind, and say whose they are by their metadata.
func TestOutOfBand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var m told
		r := open(t, dialect.Options{}, deps(m.engine()))
		r.send(fmt.Sprintf(textItem, "the conversation"))
		r.send(`{"type":"response.create"}`)
		r.wait(100 * time.Millisecond)
		r.send(`{"type":"response.create","response":{"conversation":"none","output_modalities":["text"],"instructions":"classify","metadata":{"topic":"a"},
			"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"only this"}]}]}}`)
		r.send(`{"type":"response.create","response":{"conversation":"none","metadata":{"topic":"b"},"input":[]}}`)
		r.send(`{"type":"response.create","response":{"conversation":"none","metadata":{"topic":"c"}}}`)
		r.wait(30 * time.Second)

		topics := map[any]event{}
		for _, e := range r.all("response.done") {
			topics[e.at("response.metadata.topic")] = e
			if e.at("response.status") != "completed" {
				t.Errorf("%v", e)
			}
		}
		if len(topics) != 4 {
			t.Fatalf("responses %v", topics)
		}
		if a := topics["a"]; a.at("response.conversation_id") != nil || a.at("response.usage.total_tokens") == 0.0 {
			t.Errorf("out of band: %v", a)
		}
		sound := map[any]bool{}
		for _, e := range r.all("response.output_audio.delta") {
			sound[e["response_id"]] = true
		}
		if sound[topics["a"].at("response.id")] || !sound[topics["b"].at("response.id")] || !sound[topics[nil].at("response.id")] {
			t.Errorf("who spoke: %v", sound)
		}
		if n := len(r.all("conversation.item.added")); n != 2 { // the text, and the conversation's reply
			t.Errorf("%d items were added", n)
		}
		var saw []string
		for _, p := range m.prompts {
			saw = append(saw, p.Text)
			if p.Text == "only this" && (len(p.History) > 0 || p.Instructions != "classify") {
				t.Errorf("it saw %+v", p)
			}
		}
		if slices.Sort(saw); !slices.Equal(saw, []string{"", "only this", "the conversation", "the conversation"}) {
			t.Errorf("prompts %q", saw)
		}
		r.send(`{"type":"response.create"}`)
		r.wait(30 * time.Second)
		if h := m.prompts[4].History; len(h) != 2 || h[0].User != "the conversation" {
			t.Errorf("what was made out of band is remembered: %+v", h)
		}
	})
}

// One of several is cancelled by its id, more than four at once are refused, and
// all end with the session.
func TestOutOfBandIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var m told
		r := open(t, dialect.Options{}, deps(m.engine()))
		for i := range 5 {
			r.send(fmt.Sprintf(`{"type":"response.create","event_id":"e%d","response":{"conversation":"none","input":[]}}`, i))
		}
		r.wait(1500 * time.Millisecond)
		if e := r.last("error"); e.at("error.code") != realtime.CodeTooManyResponses || e.at("error.event_id") != "e4" || len(r.all("error")) != 1 {
			t.Errorf("the fifth: %v", e)
		}
		second, _ := r.all("response.created")[1].at("response.id").(string)
		r.send(`{"type":"response.cancel","response_id":"` + second + `"}`)
		r.wait(0)
		done := r.last("response.done")
		if done.at("response.id") != second || done.at("response.status") != "cancelled" || done.at("response.status_details.reason") != "client_cancelled" {
			t.Errorf("cancelled: %v", done)
		}
		r.send(`{"type":"response.cancel","response_id":"` + second + `","event_id":"again"}`)
		r.send(`{"type":"response.cancel","event_id":"none"}`)
		r.wait(0)
		if es := r.all("error"); len(es) != 3 || es[1].at("error.code") != realtime.CodeNothingToCancel || es[2].at("error.code") != realtime.CodeNothingToCancel {
			t.Errorf("%v", es)
		}
	})
}

// spoken is an item with audio of so many ms, and no transcript.
func spoken(ms int) string {
	return `{"type":"message","role":"user","content":[{"type":"input_text","text":"Listen:"},{"type":"input_audio","audio":"` +
		base64.StdEncoding.EncodeToString(slices.Repeat([]byte{200, 20}, 24*ms)) + `"}]}`
}

// Audio in an item is transcribed before the response that is asked for with it.
func TestAudioInItems(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var m told
		r := open(t, dialect.Options{}, deps(m.engine()))
		r.send(`{"type":"conversation.item.create","item":` + strings.Replace(spoken(800), `"role"`, `"id":"mine","role"`, 1) + `}`)
		r.send(`{"type":"response.create"}`)
		r.send(`{"type":"response.create","response":{"conversation":"none","output_modalities":["text"],"input":[` + spoken(400) + `]}}`)
		r.wait(20 * time.Second)
		heard := r.last("conversation.item.input_audio_transcription.completed")
		if heard["transcript"] != "hello there" || heard["item_id"] != "mine" || heard["content_index"] != 1.0 || heard.at("usage.seconds") != 0.8 {
			t.Errorf("%v", heard)
		}
		if n := len(r.all("conversation.item.input_audio_transcription.completed")); n != 1 {
			t.Errorf("%d transcripts were told", n)
		}
		order := []string{"conversation.item.added", "conversation.item.done", "conversation.item.input_audio_transcription.completed", "response.created"}
		kinds := r.kinds()
		if i := slices.Index(kinds, order[0]); i < 0 || !slices.Equal(kinds[i:i+4], order) {
			t.Errorf("%v", kinds)
		}
		if len(m.prompts) != 2 || m.prompts[0].Text != "Listen:\nhello there" || m.prompts[1].Text != "Listen:\nhello there" {
			t.Errorf("the model was told %+v", m.prompts)
		}
		r.send(`{"type":"conversation.item.retrieve","item_id":"mine"}`)
		r.wait(0)
		parts, _ := r.last("conversation.item.retrieved").at("item.content").([]any)
		if len(parts) != 2 || event(parts[1].(map[string]any))["transcript"] != "hello there" {
			t.Errorf("%v", parts)
		}
	})
}

// Audio without speech fails, and the response is made all the same.
func TestAudioInItemsThatHoldsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var m told
		r := open(t, dialect.Options{}, deps(m.engine()))
		silence := base64.StdEncoding.EncodeToString(make([]byte, 24000))
		r.send(`{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_audio","audio":"` + silence + `"}]}}`)
		r.send(`{"type":"response.create"}`)
		r.wait(20 * time.Second)
		if e := r.last("conversation.item.input_audio_transcription.failed"); e.at("error.code") != "no_speech" {
			t.Errorf("%v", e)
		}
		if s := r.last("response.done").at("response.status"); s != "completed" {
			t.Errorf("the response is %v", s)
		}
		for i, item := range []string{
			`{"type":"message","role":"assistant","content":[{"type":"output_audio","audio":"AAAA"}]}`,
			`{"type":"message","role":"user","content":[{"type":"input_audio","audio":"` + base64.StdEncoding.EncodeToString(make([]byte, 61*48000)) + `"}]}`,
		} {
			r.send(`{"type":"conversation.item.create","event_id":"x","item":` + item + `}`)
			r.wait(0)
			want := []string{realtime.CodeUnsupported, realtime.CodeInvalidAudio}[i]
			if e := r.last("error"); e.at("error.code") != want || e.at("error.event_id") != "x" {
				t.Errorf("%v", e)
			}
		}
	})
}

// So many pieces of audio may wait to be transcribed; all of those are, and one
// more is refused.
func TestAudioInItemsIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, dialect.Options{}, deps(says("Fine.")))
		for i := range 9 {
			r.send(fmt.Sprintf(`{"type":"conversation.item.create","event_id":"e%d","item":%s}`, i, spoken(300)))
		}
		r.wait(5 * time.Second)
		if es := r.all("error"); len(es) != 1 || es[0].at("error.code") != realtime.CodeTooManyResponses || es[0].at("error.event_id") != "e8" {
			t.Errorf("%v", es)
		}
		if added, heard := len(r.all("conversation.item.added")), len(r.all("conversation.item.input_audio_transcription.completed")); added != 8 || heard != 8 {
			t.Errorf("%d items, %d transcripts", added, heard)
		}
	})
}
