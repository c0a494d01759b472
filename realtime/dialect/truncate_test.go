package dialect_test

import (
	"context"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sori/realtime/dialect"
	"sori/stage"
)

// A client that stops its player truncates before it knows that the response is
// over: what nobody heard is neither in the item, nor in what the model is told.
func TestTruncateWhileTheReplyIsMade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var prompts []stage.Prompt
		story := says("One and two. ", "Three and four. ", "Five and six. ", "Seven and eight. ")
		model := ttot{func(ctx context.Context, p stage.Prompt) iter.Seq2[string, error] {
			prompts = append(prompts, p)
			return story.respond(ctx, p)
		}}
		r := open(t, dialect.Options{}, deps(model))
		r.types("count")
		r.wait(1500 * time.Millisecond)
		added := r.last("response.output_item.added")
		if content, ok := added.at("item.content").([]any); !ok || len(content) != 0 {
			t.Errorf("content of an item that has none yet: %v", added.at("item.content"))
		}
		id, _ := added.at("item.id").(string)
		r.send(`{"type":"conversation.item.truncate","item_id":"` + id + `","content_index":0,"audio_end_ms":1000}`)
		r.send(`{"type":"conversation.item.retrieve","item_id":"` + id + `"}`)
		r.send(`{"type":"response.cancel"}`)
		r.wait(time.Second)
		done := r.last("response.done")
		if done.at("response.status") != "cancelled" {
			t.Fatalf("%v", done)
		}
		output, _ := done.at("response.output").([]any)
		for what, item := range map[string]any{
			"retrieved": r.last("conversation.item.retrieved")["item"], "item.done": r.last("conversation.item.done")["item"],
			"output_item.done": r.last("response.output_item.done")["item"], "response.done": output[0],
		} {
			if got := transcriptOf(item); got != "One and two." {
				t.Errorf("%s has %q", what, got)
			}
		}
		r.types("go on")
		r.wait(10 * time.Second)
		past := prompts[1].History
		if last := past[len(past)-1]; strings.TrimSpace(last.Reply) != "One and two." {
			t.Errorf("the model is told that it said %q", last.Reply)
		}
	})
}

// types puts a message of the user's into the conversation and asks for a response.
func (r *rig) types(text string) {
	r.send(`{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"` + text + `"}]}}`)
	r.send(`{"type":"response.create"}`)
}

func transcriptOf(item any) any {
	m, _ := item.(map[string]any)
	content, _ := m["content"].([]any)
	if len(content) != 1 {
		return content
	}
	part, _ := content[0].(map[string]any)
	return part["transcript"]
}
