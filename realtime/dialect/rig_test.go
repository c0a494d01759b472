package dialect_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sori/history"
	"sori/realtime/dialect"
	"sori/session"
	"sori/stage"
)

// Engines are structs of funcs; what they do takes fake time.

type atot struct{ text string }

func (atot) Engine() string { return "atot" }
func (f atot) Transcribe(ctx context.Context, _ stage.Utterance) iter.Seq2[stage.Transcript, error] {
	return func(yield func(stage.Transcript, error) bool) {
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			yield(stage.Transcript{}, err)
			return
		}
		yield(stage.Transcript{Text: f.text, Final: true}, nil)
	}
}

type ttot struct {
	respond func(ctx context.Context, p stage.Prompt) iter.Seq2[string, error]
}

func (ttot) Engine() string { return "ttot" }
func (f ttot) Respond(ctx context.Context, p stage.Prompt) iter.Seq2[string, error] {
	return f.respond(ctx, p)
}

type tts struct{}

func (tts) Engine() string { return "tts" }
func (tts) Synthesize(ctx context.Context, _ stage.Speech) iter.Seq2[stage.Chunk, error] {
	return func(yield func(stage.Chunk, error) bool) {
		for range 10 {
			if err := sleep(ctx, 10*time.Millisecond); err != nil {
				yield(stage.Chunk{}, err)
				return
			}
			if !yield(stage.Chunk{PCM: make([]byte, 4800), Rate: 24000}, nil) {
				return
			}
		}
	}
}

func says(pieces ...string) ttot {
	return ttot{func(ctx context.Context, _ stage.Prompt) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			for _, p := range pieces {
				if err := sleep(ctx, 50*time.Millisecond); err != nil {
					yield("", err)
					return
				}
				if !yield(p, nil) {
					return
				}
			}
		}
	}}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

type store struct{}

func (store) Keep(context.Context, history.Turn) (delayed, err error) { return nil, nil }
func (store) Recent(context.Context, string, int) ([]history.Turn, error) {
	return nil, nil
}

// loud hears speech in everything that is not silence.
type loud struct{}

func (loud) Detect(window []int16) (float32, error) {
	if slices.Max(window) > 100 {
		return 0.95, nil
	}
	return 0.02, nil
}
func (loud) Reset() {}
func (loud) Close() {}

// event is a server event as it came.
type event map[string]any

func (e event) kind() string { s, _ := e["type"].(string); return s }

// at gives what stands at a path such as "response.status".
func (e event) at(path string) any {
	var v any = map[string]any(e)
	for name := range strings.SplitSeq(path, ".") {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// rig is a talk with a session in a bubble, and a client that reads at once,
// unless it is stalled.
type rig struct {
	t     *testing.T
	in    chan dialect.Incoming
	stall atomic.Bool
	mu    sync.Mutex
	got   []event
}

func deps(model ttot) session.Deps {
	return session.Deps{
		ATOT: atot{"hello there"}, TTOT: model, TTS: tts{}, History: store{},
		NewDetector: func() (session.VoiceDetector, error) { return loud{}, nil },
	}
}

func open(t *testing.T, o dialect.Options, d session.Deps) *rig {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	s := session.New(session.Options{Notices: true, Fresh: true, Apology: session.Sorry}, d)
	r := &rig{t: t, in: make(chan dialect.Incoming, 16)}
	out, ran := make(chan []byte), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(ran)
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	wg.Go(func() {
		defer close(out)
		dialect.New(o, s).Run(ctx, ran, r.in, out)
	})
	wg.Go(func() {
		for frame := range out {
			for r.stall.Load() {
				time.Sleep(time.Second)
			}
			var e event
			if err := json.Unmarshal(frame, &e); err != nil {
				t.Errorf("%s: %v", frame, err)
			}
			r.mu.Lock()
			r.got = append(r.got, e)
			r.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		end()
		wg.Wait()
		r.check()
	})
	r.wait(0)
	return r
}

func (r *rig) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (r *rig) send(text string) { r.in <- dialect.Decode([]byte(text)) }

// say appends d of speech or of silence at 24,000 Hz in real time.
func (r *rig) say(d time.Duration, level int16) {
	piece := make([]byte, 960)
	for i := 0; i < len(piece); i += 2 {
		binary.LittleEndian.PutUint16(piece[i:], uint16(level))
	}
	frame := `{"type":"input_audio_buffer.append","audio":"` + base64.StdEncoding.EncodeToString(piece) + `"}`
	for range d / (20 * time.Millisecond) {
		r.send(frame)
		time.Sleep(20 * time.Millisecond)
	}
	synctest.Wait()
}

// kinds are the types of what came, repeats written once.
func (r *rig) kinds() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ks []string
	for _, e := range r.got {
		ks = append(ks, e.kind())
	}
	return slices.Compact(ks)
}

func (r *rig) all(kind string) []event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var es []event
	for _, e := range r.got {
		if e.kind() == kind {
			es = append(es, e)
		}
	}
	return es
}

// last gives the newest event of a type.
func (r *rig) last(kind string) event {
	r.t.Helper()
	es := r.all(kind)
	if len(es) == 0 {
		r.t.Fatalf("no %s; what came: %v", kind, r.kinds())
	}
	return es[len(es)-1]
}

// check holds what is true of every talk: ids are unique, each response ends
// once and with everything in it closed, and the conversation has one at a time.
func (r *rig) check() {
	r.t.Helper()
	ids := map[any]bool{}
	open := map[any]map[any]bool{} // what is open in a response
	ended := map[any]bool{}
	talking := any(nil)
	for i, e := range r.got {
		if id := e["event_id"]; id == nil || id == "" || ids[id] {
			r.t.Errorf("event %d, %s: event_id %v", i, e.kind(), id)
		} else {
			ids[id] = true
		}
		id := e["response_id"]
		switch e.kind() {
		case "response.created":
			id = e.at("response.id")
			if open[id] != nil || ended[id] {
				r.t.Errorf("event %d: response %v again", i, id)
			}
			if open[id] = map[any]bool{}; e.at("response.conversation_id") != nil {
				if talking != nil {
					r.t.Errorf("event %d: a response while %v is open", i, talking)
				}
				talking = id
			}
		case "response.output_item.added":
			open[id][e.at("item.id")] = true
		case "response.content_part.added":
			open[id]["part of "+e["item_id"].(string)] = true
		case "response.content_part.done":
			delete(open[id], "part of "+e["item_id"].(string))
		case "response.output_item.done":
			if open[id]["part of "+e.at("item.id").(string)] {
				r.t.Errorf("event %d: an item ends before its part", i)
			}
			delete(open[id], e.at("item.id"))
		case "response.done":
			id = e.at("response.id")
			if open[id] == nil || len(open[id]) > 0 {
				r.t.Errorf("event %d: response.done of %v with %v open", i, id, open[id])
			}
			delete(open, id)
			if ended[id] = true; talking == id {
				talking = nil
			}
		default:
			if strings.HasPrefix(e.kind(), "response.") && open[id] == nil {
				r.t.Errorf("event %d: %s of %v, which is not open", i, e.kind(), id)
			}
		}
	}
	if len(open) > 0 {
		r.t.Errorf("responses %v never ended: %v", open, r.kinds())
	}
}
