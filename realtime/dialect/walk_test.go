package dialect_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sori/realtime"
	"sori/realtime/dialect"
	"sori/session"
	"sori/stage"
)

var walks = flag.Uint64("walks", 40, "how many seeded random walks TestRandomWalks takes")

var errBroken = errors.New("broken")

// dice is a seeded random source that a client and its engines share.
type dice struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func (d *dice) below(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.IntN(n)
}

func (d *dice) wait(ctx context.Context, most time.Duration) error {
	if err := sleep(ctx, time.Duration(d.below(int(most)))); err != nil {
		return err
	}
	if d.below(20) == 0 {
		return errBroken
	}
	return nil
}

type diceATOT struct{ *dice }

func (diceATOT) Engine() string { return "atot" }
func (d diceATOT) Transcribe(ctx context.Context, _ stage.Utterance) iter.Seq2[stage.Transcript, error] {
	return func(yield func(stage.Transcript, error) bool) {
		words := []string{"I would", "like to", "hear you", "count to ten", "please"}
		for i := range 1 + d.below(len(words)) {
			if err := d.wait(ctx, time.Second); err != nil {
				yield(stage.Transcript{}, err)
				return
			}
			if !yield(stage.Transcript{Text: strings.Join(words[:i+1], " ")}, nil) {
				return
			}
		}
		yield(stage.Transcript{Text: []string{"I would like to hear you count.", "mhm", "", "stop that now please"}[d.below(4)], Final: true}, nil)
	}
}

type diceTTS struct{ *dice }

func (diceTTS) Engine() string { return "tts" }
func (d diceTTS) Synthesize(ctx context.Context, _ stage.Speech) iter.Seq2[stage.Chunk, error] {
	return func(yield func(stage.Chunk, error) bool) {
		for range d.below(5) {
			if err := d.wait(ctx, 300*time.Millisecond); err != nil {
				yield(stage.Chunk{}, err)
				return
			}
			if !yield(stage.Chunk{PCM: make([]byte, 2*d.below(20_000)), Rate: 22_050}, nil) {
				return
			}
		}
	}
}

func (d *dice) respond(ctx context.Context, p stage.Prompt) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if len(p.Tools) > 0 && d.below(2) == 0 {
			_, err := p.Call(ctx, "weather", json.RawMessage(`{"city":"Seoul"}`))
			yield("", err)
			return
		}
		for range d.below(6) {
			if err := d.wait(ctx, time.Second); err != nil {
				yield("", err)
				return
			}
			if !yield([]string{"One, ", "two. ", "And then some more of it! ", "\n"}[d.below(4)], nil) {
				return
			}
		}
	}
}

// Whatever a client sends and whatever engines do: each response ends once with
// everything in it closed, ids are unique, errors name the event that was wrong,
// and the talk goes on.
func TestRandomWalks(t *testing.T) {
	t.Parallel()
	for seed := range *walks {
		synctest.Test(t, func(t *testing.T) { walk(t, seed) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func walk(t *testing.T, seed uint64) {
	d := &dice{rng: rand.New(rand.NewPCG(seed, 5))}
	to := deps(ttot{d.respond})
	to.ATOT, to.TTS = diceATOT{d}, diceTTS{d}
	o := dialect.Options{Beta: false, Defaults: session.Options{MaxUtterance: 5 * time.Second}}
	if d.below(8) == 0 {
		o.Kind = realtime.Transcription
	}
	r := open(t, o, to)
	sent := map[string]bool{}
	for i := range 60 {
		id := fmt.Sprintf("c%d", i)
		if d.below(4) == 0 {
			r.say(time.Duration(d.below(60))*20*time.Millisecond, int16([]int{0, 3000}[d.below(2)]))
			continue
		}
		frame := r.anything(d)
		if rest, ok := strings.CutPrefix(frame, `{"type":`); ok {
			sent[id] = true
			frame = `{"event_id":"` + id + `","type":` + rest
		}
		r.send(frame)
		if d.below(3) == 0 {
			r.wait(time.Duration(d.below(int(3 * time.Second))))
		}
	}
	if d.below(2) == 0 { // else the session ends in the middle of everything
		r.wait(2 * time.Minute)
		r.send(`{"type":"session.update","session":{"instructions":"still there"}}`)
		r.wait(0)
		if got := r.last("session.updated").at("session.instructions"); got != "still there" && o.Kind == "" {
			t.Errorf("the session says %v", got)
		}
	}
	named := map[any]bool{}
	for _, e := range r.all("error") {
		id := e.at("error.event_id")
		if name, _ := id.(string); id != nil && !sent[name] || e.at("error.code") == nil || id != nil && named[id] {
			t.Errorf("an error: %v", e)
		}
		named[id] = true
	}
}

// anything is some event of a client, right or wrong.
func (r *rig) anything(d *dice) string {
	item := r.some(d, "conversation.item.added", "item.id")
	kinds := []string{
		`{"type":"input_audio_buffer.commit"}`, `{"type":"input_audio_buffer.clear"}`, `{"type":"output_audio_buffer.clear"}`,
		`{"type":"response.create"}`, `{"type":"response.create"}`, `{"type":"response.cancel"}`,
		`{"type":"response.create","response":{"output_modalities":["text"],"max_output_tokens":5}}`,
		`{"type":"response.create","response":{"conversation":"none","metadata":{"a":"b"}}}`,
		`{"type":"response.create","response":{"conversation":"none","input":[{"type":"item_reference","id":"` + item + `"}]}}`,
		`{"type":"response.create","response":{"conversation":"none","output_modalities":["text"],"input":[` + spoken(300) + `]}}`,
		`{"type":"response.cancel","response_id":"` + r.some(d, "response.created", "response.id") + `"}`,
		`{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}}`,
		`{"type":"conversation.item.create","previous_item_id":"` + item + `","item":{"type":"message","role":"system","content":[{"type":"input_text","text":"be brief"}]}}`,
		`{"type":"conversation.item.create","item":` + spoken(500) + `}`,
		`{"type":"conversation.item.create","item":{"type":"function_call_output","output":"sun","call_id":"` + r.some(d, "response.function_call_arguments.done", "call_id") + `"}}`,
		`{"type":"conversation.item.retrieve","item_id":"` + item + `"}`,
		`{"type":"conversation.item.delete","item_id":"` + item + `"}`,
		`{"type":"conversation.item.truncate","content_index":0,"item_id":"` + item + `","audio_end_ms":` + fmt.Sprint(d.below(3000)) + `}`,
		`{"type":"session.update","session":{"audio":{"input":{"turn_detection":null}}}}`,
		`{"type":"session.update","session":{"audio":{"input":{"turn_detection":{"type":"server_vad","idle_timeout_ms":3000,"interrupt_response":` + fmt.Sprint(d.below(2) == 0) + `}}}}}`,
		`{"type":"session.update","session":{"audio":{"input":{"turn_detection":{"type":"semantic_vad","create_response":` + fmt.Sprint(d.below(3) > 0) + `}}}}}`,
		`{"type":"session.update","session":{"tools":[{"type":"function","name":"weather"}]}}`,
		`{"type":"session.update","session":{"audio":{"output":{"format":{"type":"audio/pcmu"}}}}}`,
		`{"type":"input_audio_buffer.append","audio":"` + base64.StdEncoding.EncodeToString(make([]byte, d.below(5000))) + `"}`,
		`{"type":"input_audio_buffer.append","audio":"*"}`, `{"type":"what"}`, `{"type":7}`, `{}`, `[`,
	}
	return kinds[d.below(len(kinds))]
}

// some is what stands at a path of one of the events of a type, or nonsense.
func (r *rig) some(d *dice, kind, path string) string {
	all := r.all(kind)
	if len(all) == 0 || d.below(10) == 0 {
		return "none"
	}
	slices.Reverse(all)
	s, _ := all[d.below(min(len(all), 4))].at(path).(string)
	return s
}
