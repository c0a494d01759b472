package dialect_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sori/realtime/dialect"
	"sori/session"
	"sori/stage"
)

// tuned sets turn detection.
func (r *rig) tuned(detection string) {
	r.t.Helper()
	r.send(`{"type":"session.update","session":{"type":"realtime","audio":{"input":{"turn_detection":` + detection + `}}}}`)
	r.wait(0)
	r.last("session.updated")
}

// graded hears speech as surely as it is loud: 10,000 is 1.
type graded struct{ loud }

func (graded) Detect(window []int16) (float32, error) {
	return float32(slices.Max(window)) / 10_000, nil
}

// What a client asks of server_vad is what happens.
func TestServerVADSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, detection string
		level           int16
		starts          [2]float64 // where speech may start, in ms; 0, 0: it is not heard
		stopsWithin     time.Duration
		stopsAfter      time.Duration
	}{
		{"as it comes", `{"type":"server_vad"}`, 9000, [2]float64{600, 750}, 600 * time.Millisecond, 400 * time.Millisecond},
		{"no padding", `{"type":"server_vad","prefix_padding_ms":0}`, 9000, [2]float64{900, 1050}, 600 * time.Millisecond, 400 * time.Millisecond},
		{"much padding", `{"type":"server_vad","prefix_padding_ms":800}`, 9000, [2]float64{100, 250}, 600 * time.Millisecond, 400 * time.Millisecond},
		{"patient", `{"type":"server_vad","silence_duration_ms":1500}`, 9000, [2]float64{600, 750}, 1700 * time.Millisecond, 1400 * time.Millisecond},
		{"sensitive", `{"type":"server_vad","threshold":0.3}`, 4000, [2]float64{600, 750}, 600 * time.Millisecond, 400 * time.Millisecond},
		{"deaf to whispers", `{"type":"server_vad","threshold":0.6}`, 5000, [2]float64{}, 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := deps(says("Fine."))
			d.NewDetector = func() (session.VoiceDetector, error) { return graded{}, nil }
			r := open(t, dialect.Options{}, d)
			r.tuned(c.detection)
			r.say(time.Second, 0)
			r.say(time.Second, c.level)
			if c.starts[1] == 0 {
				r.say(2*time.Second, 0)
				if got := r.all("input_audio_buffer.speech_started"); len(got) > 0 {
					t.Errorf("%s: %v", c.name, got)
				}
				return
			}
			if at, _ := r.last("input_audio_buffer.speech_started")["audio_start_ms"].(float64); at < c.starts[0] || at > c.starts[1] {
				t.Errorf("%s: speech starts at %v ms, not within %v", c.name, at, c.starts)
			}
			r.say(c.stopsAfter, 0)
			if got := r.all("input_audio_buffer.speech_stopped"); len(got) > 0 {
				t.Errorf("%s: it was over too soon: %v", c.name, got)
			}
			r.say(c.stopsWithin-c.stopsAfter, 0)
			if at, _ := r.last("input_audio_buffer.speech_stopped")["audio_end_ms"].(float64); at < 1900 || at > 2100 {
				t.Errorf("%s: speech stops at %v ms", c.name, at)
			}
		})
	}
}

// Eagerness says how long an open clause is waited for.
func TestSemanticVADSettings(t *testing.T) {
	t.Parallel()
	for eagerness, want := range map[string]time.Duration{
		"high": 1200 * time.Millisecond, "medium": 2 * time.Second, "auto": 2 * time.Second, "low": 4 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			d := deps(says("Fine."))
			d.ATOT = atot{"I would like to"}
			r := open(t, dialect.Options{}, d)
			r.tuned(`{"type":"semantic_vad","eagerness":"` + eagerness + `"}`)
			r.say(time.Second, 3000)
			r.say(want-100*time.Millisecond, 0)
			if got := r.all("input_audio_buffer.speech_stopped"); len(got) > 0 {
				t.Errorf("%s: over too soon", eagerness)
			}
			r.say(200*time.Millisecond, 0)
			r.last("input_audio_buffer.speech_stopped")
			r.wait(10 * time.Second)
			r.last("response.done")
		})
	}
}

// Without create_response a turn is transcribed and waits to be asked for.
func TestCreateResponseOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, dialect.Options{}, deps(says("Fine.")))
		r.tuned(`{"type":"server_vad","create_response":false}`)
		r.say(time.Second, 3000)
		r.say(time.Second, 0)
		r.wait(5 * time.Second)
		r.last("conversation.item.input_audio_transcription.completed")
		if got := r.all("response.created"); len(got) > 0 {
			t.Errorf("%v", got)
		}
		r.send(`{"type":"response.create"}`)
		r.wait(5 * time.Second)
		if s := r.last("response.done").at("response.status"); s != "completed" {
			t.Errorf("the response is %v", s)
		}
	})
}

// Without interrupt_response a reply goes on to its end, and what was said over
// it is answered then.
func TestInterruptResponseOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, dialect.Options{}, deps(says("One and two. ", "Three and four. ", "Five and six. ")))
		r.tuned(`{"type":"server_vad","interrupt_response":false}`)
		for range 2 {
			r.say(time.Second, 3000)
			r.say(time.Second, 0)
		}
		r.wait(20 * time.Second)
		done := r.all("response.done")
		if len(done) != 2 || done[0].at("response.status") != "completed" || done[1].at("response.status") != "completed" {
			t.Errorf("%v", done)
		}
	})
}

// A user who says nothing is asked, and the times are those of the input's audio.
func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, dialect.Options{}, deps(says("Anything else?")))
		r.tuned(`{"type":"server_vad","idle_timeout_ms":5000}`)
		r.say(time.Second, 3000)
		for range 20 {
			r.say(time.Second, 0) // the microphone stays open
		}
		e := r.last("input_audio_buffer.timeout_triggered")
		from, _ := e["audio_start_ms"].(float64)
		to, _ := e["audio_end_ms"].(float64)
		// The reply begins to sound at about 1.7 s, lasts a second, and then it is quiet for 5 s.
		if from < 2500 || from > 3200 || to-from < 4900 || to-from > 5100 {
			t.Errorf("silence from %v to %v ms", from, to)
		}
		kinds := r.kinds()
		i := slices.Index(kinds, "input_audio_buffer.timeout_triggered")
		want := []string{"input_audio_buffer.timeout_triggered", "input_audio_buffer.committed", "conversation.item.added", "conversation.item.done", "response.created"}
		if len(kinds) < i+len(want) || !slices.Equal(kinds[i:i+len(want)], want) {
			t.Errorf("%v", kinds[i:])
		}
		if done := r.all("response.done"); len(done) != 2 || fmt.Sprint(done[1].at("response.status")) != "completed" {
			t.Errorf("%v", done)
		}
	})
}

// coughs hears words, until there is only a cough.
type coughs struct{ now atomic.Bool }

func (*coughs) Engine() string { return "atot" }
func (c *coughs) Transcribe(ctx context.Context, u stage.Utterance) iter.Seq2[stage.Transcript, error] {
	if c.now.Load() {
		return atot{""}.Transcribe(ctx, u)
	}
	return atot{"hello there"}.Transcribe(ctx, u)
}

// A cough is nothing that the user said: the time begins anew behind it, once.
func TestIdleTimeoutAfterACough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, ears := deps(says("Anything else?")), &coughs{}
		d.ATOT = ears
		r := open(t, dialect.Options{}, d)
		r.tuned(`{"type":"server_vad","idle_timeout_ms":5000}`)
		r.say(time.Second, 3000)
		r.say(5*time.Second, 0) // the reply, and some of the silence
		ears.now.Store(true)
		r.say(300*time.Millisecond, 3000)
		r.say(4*time.Second, 0)
		r.last("input_audio_buffer.cleared")
		if got := r.all("input_audio_buffer.timeout_triggered"); len(got) > 0 {
			t.Errorf("it did not wait for the end of the cough: %v", got)
		}
		r.say(20*time.Second, 0)
		if got := r.all("input_audio_buffer.timeout_triggered"); len(got) != 1 {
			t.Errorf("%d prompts: %v", len(got), r.kinds())
		}
		r.say(300*time.Millisecond, 3000)
		r.say(10*time.Second, 0)
		if got := r.all("input_audio_buffer.timeout_triggered"); len(got) != 1 {
			t.Errorf("a prompt is followed by another, though nobody said anything: %v", r.kinds())
		}
	})
}

// The speed is of the next response on, whichever engine speaks.
func TestSpeed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, dialect.Options{}, deps(says("One and two. ")))
		bytes := 0
		for _, c := range []struct {
			speed string
			ms    int
		}{{"1", 1000}, {"1.5", 667}, {"0.5", 2000}, {"0.25", 4000}} {
			r.send(`{"type":"session.update","session":{"type":"realtime","audio":{"output":{"speed":` + c.speed + `}}}}`)
			r.types("count")
			r.wait(20 * time.Second)
			all := 0
			for _, e := range r.all("response.output_audio.delta") {
				pcm, err := base64.StdEncoding.DecodeString(e["delta"].(string))
				if err != nil {
					t.Fatal(err)
				}
				all += len(pcm)
			}
			if ms := (all - bytes) / 48; ms < c.ms-1 || ms > c.ms+1 {
				t.Errorf("speed %s: %d ms", c.speed, ms)
			}
			bytes = all
		}
	})
}

// tongues notes in which language it is asked to hear.
type tongues struct{ asked chan string }

func (tongues) Engine() string { return "atot" }
func (f tongues) Transcribe(ctx context.Context, u stage.Utterance) iter.Seq2[stage.Transcript, error] {
	select {
	case f.asked <- u.Language:
	default:
	}
	return atot{"hello there"}.Transcribe(ctx, u)
}

// The transcription's language is what the engines are asked for, until it is
// taken back.
func TestTranscriptionLanguage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, ears := deps(says("Fine.")), tongues{make(chan string, 100)}
		d.ATOT = ears
		r := open(t, dialect.Options{}, d)
		for _, c := range []struct{ transcription, want string }{
			{`{"model":"whisper-1","language":"ko"}`, "ko"}, {`{"model":"whisper-1"}`, ""}, {`{"language":"de"}`, "de"}, {`null`, ""},
		} {
			r.send(`{"type":"session.update","session":{"type":"realtime","audio":{"input":{"transcription":` + c.transcription + `}}}}`)
			r.say(time.Second, 3000)
			r.say(3*time.Second, 0)
			if len(ears.asked) == 0 {
				t.Fatal("nothing was heard")
			}
			for len(ears.asked) > 0 {
				if got := <-ears.asked; got != c.want {
					t.Errorf("%s: heard in %q", c.transcription, got)
				}
			}
		}
	})
}
