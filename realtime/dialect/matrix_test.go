package dialect_test

import (
	"context"
	"encoding/json"
	"iter"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sori/realtime"
	"sori/realtime/dialect"
	"sori/stage"
)

// row is a line of a table in docs/realtime.md.
type row struct{ name, beta, supported string }

// matrix reads the table below a heading.
func matrix(t *testing.T, heading string) []row {
	t.Helper()
	text, err := os.ReadFile("../../docs/realtime.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("docs/realtime.md has no section %q", heading)
	}
	rest, _, _ = strings.Cut(rest, "\n## ")
	line := regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\| (?:(?:`([a-z_.]+)`|–) \\| )?(supported|partial|not) \\| ")
	var rows []row
	for _, m := range line.FindAllStringSubmatch(rest, -1) {
		rows = append(rows, row{m[1], m[2], m[3]})
	}
	return rows
}

func names(rows []row, but ...string) []string {
	var all []string
	for _, r := range rows {
		if !slices.Contains(but, r.supported) {
			all = append(all, r.name)
		}
	}
	slices.Sort(all)
	return all
}

// The tables of docs/realtime.md hold every event, and what they say is so.
func TestTheMatrixIsTrue(t *testing.T) {
	t.Parallel()
	client, server := matrix(t, "Client events"), matrix(t, "Server events")
	want := append(realtime.ClientTypes(), "transcription_session.update")
	if slices.Sort(want); !slices.Equal(names(client), want) {
		t.Errorf("client events:\n%v\nwant\n%v", names(client), want)
	}
	want = append(realtime.ServerTypes(), realtime.Unsupported()...)
	if slices.Sort(want); !slices.Equal(names(server), want) {
		t.Errorf("server events:\n%v\nwant\n%v", names(server), want)
	}
	want = realtime.ServerTypes()
	if slices.Sort(want); !slices.Equal(names(server, "not"), want) {
		t.Errorf("server events that are sent:\n%v\nwant\n%v", names(server, "not"), want)
	}
	for _, beta := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			sent, came := everything(t, beta)
			for _, r := range client {
				if !sent[r.name] && (r.name != "transcription_session.update" || beta) {
					t.Errorf("beta %v: %s is %s, and was not sent", beta, r.name, r.supported)
				}
			}
			for _, r := range server {
				name := r.name
				if beta {
					name = r.beta
				}
				if name != "" && r.supported != "not" && !slices.Contains(came, name) {
					t.Errorf("beta %v: %s is %s, and did not come", beta, name, r.supported)
				}
			}
			for _, name := range came {
				if !slices.ContainsFunc(server, func(r row) bool { return name == r.name && !beta || name == r.beta && beta }) {
					t.Errorf("beta %v: %s came, and is not in the table", beta, name)
				}
			}
		})
	}
}

// everything has a talk in which every event comes once, and gives the types of
// what was sent and of what came.
func everything(t *testing.T, beta bool) (sent map[string]bool, came []string) {
	t.Helper()
	sent = map[string]bool{}
	model := ttot{func(ctx context.Context, p stage.Prompt) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			if strings.Contains(p.Text, "weather") {
				_, err := p.Call(ctx, "weather", json.RawMessage(`{}`))
				yield("", err)
				return
			}
			for piece, err := range says("One and two. ", "Three and four. ").respond(ctx, p) {
				if !yield(piece, err) {
					return
				}
			}
		}
	}}
	r := open(t, dialect.Options{Beta: beta}, deps(model))
	send := func(kind, rest string) {
		t.Helper()
		sent[kind] = true
		if rest != "" {
			rest = "," + rest
		}
		r.send(`{"type":"` + kind + `"` + rest + `}`)
		r.wait(0)
	}
	text := func(words string) {
		send("conversation.item.create", `"item":{"type":"message","role":"user","content":[{"type":"input_text","text":"`+words+`"}]}`)
	}
	if beta {
		send("transcription_session.update", `"session":{"input_audio_transcription":{"model":"whisper-1"}}`)
	}
	send("session.update", `"session":{"tools":[{"type":"function","name":"weather"}],"audio":{"input":{"turn_detection":{"type":"server_vad","idle_timeout_ms":2000}}}}`)
	r.say(2*time.Second, 3000) // is answered, and then it is quiet for too long
	sent["input_audio_buffer.append"] = true
	r.say(8*time.Second, 0)
	r.wait(5 * time.Second)
	audio := "response.output_audio.delta"
	if beta {
		audio = "response.audio.delta"
	}
	reply, _ := r.last(audio)["item_id"].(string)
	send("conversation.item.truncate", `"item_id":"`+reply+`","content_index":0,"audio_end_ms":100`)
	send("conversation.item.retrieve", `"item_id":"`+reply+`"`)
	send("conversation.item.delete", `"item_id":"`+reply+`"`)

	send("session.update", `"session":{"audio":{"input":{"turn_detection":null}}}`)
	r.say(500*time.Millisecond, 3000)
	send("input_audio_buffer.clear", "")
	r.say(500*time.Millisecond, 0)
	send("input_audio_buffer.commit", "") // holds no speech
	r.wait(time.Second)
	text("what is the weather?")
	send("response.create", "")
	r.wait(5 * time.Second)
	text("count")
	send("response.create", `"response":{"output_modalities":["text"]}`)
	r.wait(5 * time.Second)
	for _, stop := range []string{"response.cancel", "output_audio_buffer.clear"} {
		send("response.create", "")
		r.wait(300 * time.Millisecond)
		send(stop, "")
		r.wait(5 * time.Second)
	}
	for _, e := range r.all("error") {
		t.Errorf("beta %v: %v", beta, e)
	}
	r.send(`{"type":"what"}`) // so that there is an error
	r.wait(0)
	return sent, r.kinds()
}
