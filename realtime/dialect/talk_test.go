package dialect_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sori/realtime"
	"sori/realtime/dialect"
	"sori/stage"
)

// One turn found by voice activity, in the documented order.
func TestVoiceTurnInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, dialect.Options{Model: "gpt-realtime"}, deps(says("Hello there.")))
		r.send(`{"type":"session.update","session":{"type":"realtime","instructions":"be brief"}}`)
		r.say(time.Second, 3000)
		r.say(time.Second, 0)
		r.wait(5 * time.Second)
		want := strings.Fields(`session.created session.updated
			input_audio_buffer.speech_started input_audio_buffer.speech_stopped input_audio_buffer.committed
			conversation.item.added conversation.item.done response.created
			conversation.item.input_audio_transcription.completed
			response.output_item.added conversation.item.added response.content_part.added
			response.output_audio_transcript.delta response.output_audio.delta
			response.output_audio.done response.output_audio_transcript.done response.content_part.done
			conversation.item.done response.output_item.done response.done rate_limits.updated`)
		got := slices.DeleteFunc(r.kinds(), func(k string) bool { return k == "conversation.item.input_audio_transcription.delta" })
		if !slices.Equal(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
		done := r.last("response.done")
		if done.at("response.status") != "completed" || done.at("response.usage.output_token_details.audio_tokens") == 0.0 {
			t.Errorf("response.done: %v", done)
		}
	})
}

// Push to talk: the response that is asked for at once joins the utterance.
func TestPushToTalk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, dialect.Options{}, deps(says("Hello there.")))
		r.send(`{"type":"session.update","session":{"type":"realtime","output_modalities":["text"],"audio":{"input":{"turn_detection":null}}}}`)
		r.say(time.Second, 3000)
		r.send(`{"type":"input_audio_buffer.commit"}`)
		r.send(`{"type":"response.create","response":{"metadata":{"a":"b"}}}`)
		r.send(`{"type":"response.create","event_id":"second"}`)
		r.wait(5 * time.Second)
		if e := r.last("error"); e.at("error.code") != realtime.CodeActiveResponse || e.at("error.event_id") != "second" {
			t.Errorf("a second response: %v", e)
		}
		done := r.last("response.done")
		if len(r.all("response.done")) != 1 || done.at("response.status") != "completed" || done.at("response.metadata.a") != "b" {
			t.Errorf("response.done: %v", done)
		}
		if text := r.last("response.output_text.done")["text"]; text != "Hello there." || len(r.all("response.output_audio.delta")) > 0 {
			t.Errorf("text %v, kinds %v", text, r.kinds())
		}
	})
}

// Every mistake has its code, names the event, and the session lives on.
func TestMistakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ event, code string }{
		{`{"type":`, realtime.CodeInvalidJSON},
		{`{"type":"what","event_id":"x"}`, realtime.CodeUnknownEvent},
		{`{"type":"input_audio_buffer.append","audio":"***","event_id":"x"}`, realtime.CodeInvalidAudio},
		{`{"type":"input_audio_buffer.commit","event_id":"x"}`, realtime.CodeCommitEmpty},
		{`{"type":"response.cancel","event_id":"x"}`, realtime.CodeNothingToCancel},
		{`{"type":"conversation.item.retrieve","item_id":"no","event_id":"x"}`, realtime.CodeRetrieveItem},
		{`{"type":"conversation.item.delete","item_id":"no","event_id":"x"}`, realtime.CodeDeleteItem},
		{`{"type":"conversation.item.truncate","item_id":"no","content_index":0,"audio_end_ms":1,"event_id":"x"}`, realtime.CodeTruncateItem},
		{`{"type":"conversation.item.create","previous_item_id":"no","item":{"type":"message","role":"user","content":[]},"event_id":"x"}`, realtime.CodePreviousItem},
		{`{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"no","output":""},"event_id":"x"}`, realtime.CodeToolCall},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := open(t, dialect.Options{}, deps(says("Hello.")))
			r.send(c.event)
			r.wait(time.Second)
			e := r.last("error")
			if e.at("error.code") != c.code {
				t.Errorf("%s: %v", c.event, e)
			}
			if strings.Contains(c.event, `"x"`) && e.at("error.event_id") != "x" {
				t.Errorf("%s: the event is not named: %v", c.event, e)
			}
			r.send(`{"type":"session.update","session":{"type":"realtime"}}`)
			r.wait(time.Second)
			r.last("session.updated")
		})
	}
}

// The user speaks over a reply; the client then says how much it heard.
func TestBargeInAndTruncate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, dialect.Options{}, deps(says("One and two. ", "Three and four. ", "Five and six. ", "Seven and eight. ")))
		r.say(time.Second, 3000)
		r.say(1500*time.Millisecond, 0)
		r.say(2*time.Second, 3000)
		r.say(time.Second, 0)
		done := r.all("response.done")
		if len(done) == 0 || done[0].at("response.status") != "cancelled" || done[0].at("response.status_details.reason") != "turn_detected" {
			t.Fatalf("%v %v", done, r.kinds())
		}
		if n := len(r.all("input_audio_buffer.speech_started")); n != 2 {
			t.Errorf("speech started %d times", n)
		}
		id, _ := r.all("response.output_audio.delta")[0]["item_id"].(string)
		r.send(`{"type":"conversation.item.truncate","item_id":"` + id + `","content_index":0,"audio_end_ms":99999}`)
		r.wait(0)
		if e := r.last("error"); e.at("error.code") != realtime.CodeInvalidValue {
			t.Errorf("past the end: %v", e)
		}
		r.send(`{"type":"conversation.item.truncate","item_id":"` + id + `","content_index":0,"audio_end_ms":500}`)
		r.wait(0)
		r.last("conversation.item.truncated")
		r.wait(10 * time.Second)
	})
}

// The model calls a function; the client answers later and asks to go on.
func TestFunctionCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var prompts []stage.Prompt
		model := ttot{func(ctx context.Context, p stage.Prompt) iter.Seq2[string, error] {
			prompts = append(prompts, p)
			return func(yield func(string, error) bool) {
				if len(prompts) > 1 {
					yield("It is sunny.", nil)
					return
				}
				_, err := p.Call(ctx, "weather", json.RawMessage(`{"city":"Seoul"}`))
				yield("", err)
			}
		}}
		r := open(t, dialect.Options{}, deps(model))
		r.send(`{"type":"session.update","session":{"type":"realtime","tools":[{"type":"function","name":"weather","parameters":{"type":"object"}}]}}`)
		r.send(`{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"weather?"}]}}`)
		r.send(`{"type":"response.create"}`)
		r.wait(time.Second)
		item := r.last("response.output_item.done")
		call, _ := item.at("item.call_id").(string)
		if item.at("item.status") != "completed" || item.at("item.arguments") != `{"city":"Seoul"}` || r.last("response.done").at("response.status") != "completed" {
			t.Fatalf("%v", item)
		}
		time.Sleep(10 * time.Minute)
		r.send(`{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"` + call + `","output":"sun"}}`)
		r.send(`{"type":"response.create"}`)
		r.wait(10 * time.Second)
		if tr := r.last("response.output_audio_transcript.done")["transcript"]; tr != "It is sunny." {
			t.Errorf("transcript %v", tr)
		}
		if len(prompts) != 2 {
			t.Fatalf("%d prompts", len(prompts))
		}
		var told []stage.Call
		for _, x := range prompts[1].History {
			told = append(told, x.Calls...)
		}
		if len(told) != 1 || !told[0].Answered || told[0].Output != "sun" {
			t.Errorf("the model was told %+v, text %q", prompts[1].History, prompts[1].Text)
		}
	})
}

// A response that reaches its limit is incomplete; one that the client stops is
// cancelled.
func TestLimitAndCancel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, dialect.Options{}, deps(says("One and two. ", "Three and four. ", "Five and six. ")))
		r.send(`{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"count"}]}}`)
		r.send(`{"type":"response.create","response":{"max_output_tokens":4,"output_modalities":["text"]}}`)
		r.wait(5 * time.Second)
		done := r.last("response.done")
		if done.at("response.status") != "incomplete" || done.at("response.status_details.reason") != "max_output_tokens" {
			t.Errorf("%v", done)
		}
		r.send(`{"type":"response.create"}`)
		r.wait(500 * time.Millisecond)
		r.send(`{"type":"response.cancel"}`)
		r.wait(5 * time.Second)
		done = r.last("response.done")
		if done.at("response.status") != "cancelled" || done.at("response.status_details.reason") != "client_cancelled" {
			t.Errorf("%v", done)
		}
	})
}

// A response that fails without an answer says sorry, in an item that is not
// whole, and fails all the same.
func TestApology(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ options, delta string }{
		"spoken":  {`{}`, "response.output_audio_transcript.delta"},
		"written": {`{"output_modalities":["text"]}`, "response.output_text.delta"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := open(t, dialect.Options{}, deps(ttot{func(context.Context, stage.Prompt) iter.Seq2[string, error] {
					return func(yield func(string, error) bool) { yield("", errors.New("it broke")) }
				}}))
				r.send(`{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"hello"}]}}`)
				r.send(`{"type":"response.create","response":` + c.options + `}`)
				r.wait(10 * time.Second)
				text, _ := r.last(c.delta).at("delta").(string)
				if !strings.HasPrefix(text, "I'm sorry") {
					t.Errorf("said %q", text)
				}
				if got, want := slices.Contains(r.kinds(), "response.output_audio.delta"), name == "spoken"; got != want {
					t.Errorf("audio: %v", got)
				}
				done := r.last("response.done")
				if done.at("response.status") != "failed" || done.at("response.status_details.error.code") != stage.CodeInternal {
					t.Errorf("%v", done)
				}
			})
		})
	}
}

// A transcription session transcribes and answers nothing.
func TestTranscriptionSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, dialect.Options{Kind: realtime.Transcription}, deps(says("never")))
		r.say(time.Second, 3000)
		r.say(time.Second, 0)
		r.wait(5 * time.Second)
		if tr := r.last("conversation.item.input_audio_transcription.completed")["transcript"]; tr != "hello there" {
			t.Errorf("%v", tr)
		}
		if len(r.all("response.created")) > 0 || r.last("session.created").at("session.type") != "transcription" {
			t.Errorf("%v", r.kinds())
		}
	})
}

// A nod over the reply is no speech to the client, which would throw away the
// sound that it has: the reply goes on to its end.
func TestANodIsNotTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := deps(says("One and two. ", "Three and four. ", "Five and six. ", "Seven and eight. "))
		d.ATOT = atot{"mhm"}
		r := open(t, dialect.Options{}, d)
		r.send(`{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"count"}]}}`)
		r.send(`{"type":"response.create"}`)
		r.wait(time.Second)
		r.say(500*time.Millisecond, 3000)
		r.say(time.Second, 0)
		r.wait(10 * time.Second)
		if n := len(r.all("input_audio_buffer.speech_started")); n > 0 {
			t.Errorf("speech started %d times", n)
		}
		if s := r.last("response.done").at("response.status"); s != "completed" {
			t.Errorf("the response is %v", s)
		}
	})
}

// Where the text engine counts its tokens, its count is told.
func TestUsageOfTheEngine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		model := ttot{func(ctx context.Context, _ stage.Prompt) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				if yield("Hello there.", nil) {
					stage.NoteUsage(ctx, stage.Usage{Input: 30, Cached: 20, Output: 4})
				}
			}
		}}
		r := open(t, dialect.Options{}, deps(model))
		r.send(`{"type":"response.create","response":{"output_modalities":["text"]}}`)
		r.wait(5 * time.Second)
		r.send(`{"type":"response.create","response":{"conversation":"none","input":[]}}`)
		r.wait(5 * time.Second)
		for i, e := range r.all("response.done") {
			sound, _ := e.at("response.usage.output_token_details.audio_tokens").(float64)
			if e.at("response.usage.input_token_details.text_tokens") != 30.0 || e.at("response.usage.input_token_details.cached_tokens") != 20.0 ||
				e.at("response.usage.output_token_details.text_tokens") != 4.0 || e.at("response.usage.total_tokens") != 34+sound || (sound > 0) != (i == 1) {
				t.Errorf("%v", e.at("response.usage"))
			}
		}
	})
}
