package dialect_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"sori/audio"
	"sori/realtime/dialect"
	"sori/stage"
)

// hums speaks with a sound that is not silence.
type hums struct{}

func (hums) Engine() string { return "tts" }
func (hums) Synthesize(_ context.Context, _ stage.Speech) iter.Seq2[stage.Chunk, error] {
	return func(yield func(stage.Chunk, error) bool) {
		yield(stage.Chunk{PCM: tone(2000, 24_000), Rate: 24_000}, nil)
	}
}

func tone(level int16, samples int) []byte {
	pcm := make([]byte, 0, 2*samples)
	for range samples {
		pcm = binary.LittleEndian.AppendUint16(pcm, uint16(level))
	}
	return pcm
}

// retrieve gives the audio of the first part of an item, nil for none.
func (r *rig) retrieve(id any) []byte {
	r.t.Helper()
	n := len(r.all("conversation.item.retrieved"))
	r.send(`{"type":"conversation.item.retrieve","item_id":"` + id.(string) + `"}`)
	r.wait(0)
	all := r.all("conversation.item.retrieved")
	if len(all) != n+1 {
		r.t.Fatalf("nothing was retrieved: %v", r.all("error"))
	}
	content, _ := all[n].at("item.content").([]any)
	if len(content) == 0 {
		return nil
	}
	coded, _ := content[0].(map[string]any)["audio"].(string)
	pcm, err := base64.StdEncoding.DecodeString(coded)
	if err != nil {
		r.t.Fatal(err)
	}
	return pcm
}

// middle is the sample in the middle.
func middle(pcm []byte) int16 {
	if len(pcm) == 0 {
		return 0
	}
	return int16(binary.LittleEndian.Uint16(pcm[len(pcm)/4*2:]))
}

// An item comes back with what was heard or made, in the format of the session.
func TestRetrieveWithAudio(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := deps(says("One and two."))
		d.TTS = hums{}
		r := open(t, dialect.Options{}, d)
		r.say(time.Second, 3000)
		r.say(4*time.Second, 0)
		user := r.all("conversation.item.added")[0].at("item.id")
		reply := r.last("response.output_item.done").at("item.id")
		var made []byte
		for _, e := range r.all("response.output_audio.delta") {
			pcm, _ := base64.StdEncoding.DecodeString(e["delta"].(string))
			made = append(made, pcm...)
		}
		heard := r.retrieve(user)
		// A second of speech, padding before and silence behind it.
		if ms := len(heard) / 48; ms < 1000 || ms > 2000 || middle(heard) < 2900 || middle(heard) > 3100 {
			t.Errorf("heard %d ms around %d", ms, middle(heard))
		}
		if got := r.retrieve(reply); len(made) == 0 || !bytes.Equal(got, made) {
			t.Errorf("%d bytes of the reply; %d were sent", len(got), len(made))
		}
		for _, e := range r.all("conversation.item.done") {
			if content := e.at("item.content").([]any); len(content) > 0 && content[0].(map[string]any)["audio"] != nil {
				t.Errorf("audio that nobody asked for: %v", e.at("item.id"))
			}
		}
		r.send(`{"type":"conversation.item.truncate","item_id":"` + reply.(string) + `","content_index":0,"audio_end_ms":300}`)
		if got := r.retrieve(reply); !bytes.Equal(got, made[:300*48]) {
			t.Errorf("%d bytes of what was played", len(got))
		}
		r.send(`{"type":"session.update","session":{"type":"realtime","audio":{"input":{"format":{"type":"audio/pcmu"}},"output":{"format":{"type":"audio/pcma"}}}}}`)
		r.wait(0)
		heard = r.retrieve(user)
		if len(heard) < 8000 || len(heard) > 16_000 || audio.MuLaw(heard[len(heard)/2]) < 2800 {
			t.Errorf("%d bytes in mu-law", len(heard))
		}
		if got := r.retrieve(reply); len(got) != 2400 || audio.ALaw(got[1200]) < 1800 {
			t.Errorf("%d bytes in A-law", len(got))
		}
	})
}

// What a client put into the conversation comes back, and there is a bound: the
// oldest goes first, and with an item what was kept of it.
func TestTheAudioThatIsKeptIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, dialect.Options{}, deps(says("Fine.")))
		mega := tone(1000, 1<<19)
		put := func(id string, pcm []byte) {
			r.send(`{"type":"conversation.item.create","item":{"id":"` + id + `","type":"message","role":"user","content":[{"type":"input_audio","transcript":"hello","audio":"` +
				base64.StdEncoding.EncodeToString(pcm) + `"}]}}`)
		}
		for _, id := range []string{"a", "b", "c", "d", "e"} {
			put(id, mega)
		}
		for id, want := range map[string]int{"a": 0, "b": 1 << 20, "e": 1 << 20} {
			if got := len(r.retrieve(id)); got != want {
				t.Errorf("%s has %d bytes", id, got)
			}
		}
		put("too long", tone(1000, 3<<20))
		r.send(`{"type":"conversation.item.delete","item_id":"c"}`)
		put("f", mega)
		for id, want := range map[string]int{"too long": 0, "b": 1 << 20, "f": 1 << 20} {
			if got := len(r.retrieve(id)); got != want {
				t.Errorf("%s has %d bytes", id, got)
			}
		}
	})
}
