package session_test

import (
	"bytes"
	"context"
	"io"
	"iter"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sori/history"
	"sori/protocol"
	"sori/session"
	"sori/stage"
)

func TestOneTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, session.Options{}, deps())
		r.configure()
		r.speak(time.Second)
		r.send(protocol.Commit{})
		settle(time.Minute)

		want := []string{
			"session.ready", "turn.started", "atot.started", "atot.done", "ttot.started", "ttot.partial",
		}
		if got := r.types(); !slices.Equal(got[:len(want)], want) {
			t.Errorf("events %v, want them to begin with %v", got, want)
		}
		if got := r.types(); got[len(got)-1] != "turn.done" {
			t.Errorf("the last event is %s, want turn.done", got[len(got)-1])
		}
		done := one[protocol.TurnDone](r).Record
		if done.ATOTText != "hello" || done.TTOTText != "Hello there, my friend. How are you today?" {
			t.Errorf("record has %q and %q", done.ATOTText, done.TTOTText)
		}
		if done.InputMS != 1000 || done.InputWAV == nil || done.OutputWAV == nil || done.Status != history.Done {
			t.Errorf("record is not whole: %+v", done)
		}
		if done.Engines != (history.Engines{ATOT: "fake-atot", TTOT: "fake-ttot", TTS: "fake-tts"}) {
			t.Errorf("engines %+v", done.Engines)
		}
		if n := int64(len(r.sound)); n == 0 || n != done.OutputMS*32 {
			t.Errorf("%d bytes of audio came, the record says %d ms", n, done.OutputMS)
		}
		for name, at := range map[string]*float64{
			"atot_done": done.Timings.ATOTDone, "ttot_first": done.Timings.TTOTFirst, "clause_first": done.Timings.ClauseFirst,
			"tts_first": done.Timings.TTSFirst, "audio_first": done.Timings.AudioFirst, "ttot_done": done.Timings.TTOTDone,
			"tts_done": done.Timings.TTSDone, "end": done.Timings.End,
		} {
			if at == nil {
				t.Errorf("timing %s is missing", name)
			}
		}
		if d := *done.Timings.ATOTDone; d != 100 {
			t.Errorf("atot_done is %v ms, the engine takes 100", d)
		}
		r.check()
	})
}

// The reply sounds while the model still writes.
func TestStagesOverlap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := deps()
		d.TTOT = says(time.Second, "This is the first sentence. ", "And ", "this ", "is ", "the ", "second one.")
		r := open(t, session.Options{}, d)
		r.configure()
		r.send(protocol.Text{Text: "go on"})
		settle(time.Minute)
		tm := one[protocol.TurnDone](r).Record.Timings
		if *tm.AudioFirst > 2100 {
			t.Errorf("first audio after %v ms; the first sentence is followed by the next word at 2,000", *tm.AudioFirst)
		}
		if *tm.TTOTDone < 6000 {
			t.Errorf("the model was done after %v ms, want 6,000: the test shows nothing", *tm.TTOTDone)
		}
		r.check()
	})
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, session.Options{MaxUtterance: time.Second}, deps())
		expect := func(step, code string) {
			t.Helper()
			settle(0)
			ps := find[protocol.Problem](r)
			if len(ps) == 0 || ps[len(ps)-1].Code != code || ps[len(ps)-1].Message == "" {
				t.Errorf("%s: problems %v, want %s", step, ps, code)
			}
		}
		r.frame(make([]byte, 640))
		expect("audio first", protocol.ErrNotConfigured)
		r.send(protocol.Commit{})
		expect("commit first", protocol.ErrNotConfigured)
		r.send(protocol.Configure{Input: &protocol.Format{Encoding: "mp3", Rate: 16000}})
		expect("unknown format", protocol.ErrBadMessage)
		r.send(protocol.Text{Text: "hi"})
		expect("still not configured", protocol.ErrNotConfigured)

		r.configure()
		r.frame(make([]byte, 641))
		expect("odd frame", protocol.ErrOddFrame)
		r.send(protocol.Commit{})
		expect("nothing said", protocol.ErrNothingSaid)
		r.send(protocol.Text{})
		expect("empty text", protocol.ErrTextEmpty)
		other := "somebody else"
		r.send(protocol.Configure{User: &other})
		expect("another user", protocol.ErrUserSet)
		r.send(protocol.Configure{Input: &protocol.Format{Encoding: protocol.EncodingOpus, Rate: 48000}})
		r.frame([]byte{0xff})
		expect("no opus", protocol.ErrBadOpus)
		if n := len(find[protocol.TurnStarted](r)); n != 0 {
			t.Errorf("%d turns started", n)
		}
		r.send(protocol.Ping{ID: "7"})
		settle(0)
		if p := one[protocol.Pong](r); p.ID != "7" {
			t.Errorf("pong %q", p.ID)
		}
		r.check()
	})
}

func TestClearForgetsTheUtterance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, session.Options{}, deps())
		r.configure()
		r.speak(500 * time.Millisecond)
		r.send(protocol.Clear{})
		r.send(protocol.Commit{})
		settle(time.Second)
		if c := one[protocol.Cleared](r); c.InputMS != 500 {
			t.Errorf("cleared %d ms, want 500", c.InputMS)
		}
		if one[protocol.Problem](r).Code != protocol.ErrNothingSaid {
			t.Error("the commit after clear was taken")
		}
	})
}

// An utterance over the limit is ended and answered, and what is said behind it
// belongs to the next one: not a byte is lost or used twice.
func TestUtteranceLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := deps()
		var heard []time.Duration
		d.ATOT = atot{func(_ context.Context, u stage.Utterance) iter.Seq2[stage.Transcript, error] {
			heard = append(heard, u.Audio.Duration())
			return func(yield func(stage.Transcript, error) bool) { yield(stage.Transcript{Text: "x", Final: true}, nil) }
		}}
		r := open(t, session.Options{MaxUtterance: time.Second}, d)
		r.configure()
		r.speak(2500 * time.Millisecond)
		r.send(protocol.Commit{})
		settle(time.Minute)
		if want := []time.Duration{time.Second, time.Second, 500 * time.Millisecond}; !slices.Equal(heard, want) {
			t.Errorf("ATOT heard %v, want %v", heard, want)
		}
		ws := find[protocol.Warning](r)
		if len(ws) != 2 || ws[0].Code != protocol.WarnUtteranceLimit {
			t.Errorf("warnings %v, want two of the limit", ws)
		}
		if len(r.store.turns) != 3 {
			t.Errorf("%d turns in history, want 3", len(r.store.turns))
		}
		r.check()
	})
}

// Silence never reaches ATOT, which would invent words for it, and is a turn all
// the same.
func TestSilenceOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := deps()
		d.NewDetector = func() (session.VoiceDetector, error) { return detector{0.1}, nil }
		d.ATOT = atot{func(context.Context, stage.Utterance) iter.Seq2[stage.Transcript, error] {
			t.Error("ATOT was asked about silence")
			return failsAtOnce[stage.Transcript](errBroken)
		}}
		r := open(t, session.Options{}, d)
		r.configure()
		r.speak(time.Second)
		r.send(protocol.Commit{})
		settle(time.Minute)
		if f := one[protocol.TurnFailed](r); f.Code != stage.CodeNoSpeech || f.Record.InputWAV == nil {
			t.Errorf("turn failed with %+v", f)
		}
		r.check()
	})
}

func TestSpeechPassesTheGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := deps()
		d.NewDetector = func() (session.VoiceDetector, error) { return detector{0.9}, nil }
		r := open(t, session.Options{}, d)
		r.configure()
		r.speak(time.Second)
		r.send(protocol.Commit{})
		settle(time.Minute)
		one[protocol.TurnDone](r)
	})
}

func TestCancelReachesTheEngines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := deps()
		var told error
		d.TTOT = ttot{func(ctx context.Context, _ stage.Prompt) iter.Seq2[string, error] {
			return func(yield func(string, error) bool) {
				if yield("Here is a whole sentence. ", nil) {
					<-ctx.Done()
					told = context.Cause(ctx)
					yield("", told)
				}
			}
		}}
		r := open(t, session.Options{}, d)
		r.configure()
		r.send(protocol.Text{Text: "go"})
		settle(250 * time.Millisecond) // the voice is in the middle of its sentence
		heard := len(r.sound)
		r.send(protocol.Cancel{Turn: 9}) // not this one
		settle(10 * time.Millisecond)
		if told != nil {
			t.Fatal("another turn's cancel stopped this one")
		}
		r.send(protocol.Cancel{Turn: 1})
		settle(0)
		if told == nil {
			t.Error("the engine's context did not end")
		}
		c := one[protocol.TurnCancelled](r)
		if c.Reason != protocol.CancelledByClient || c.Record.Status != history.Cancelled {
			t.Errorf("cancelled: %+v", c)
		}
		if heard == 0 || len(find[protocol.AudioEnd](r)) != 1 {
			t.Errorf("%d bytes of audio before the cancel, events %v", heard, r.types())
		}
		if n := len(find[protocol.StageFailed](r)); n != 0 {
			t.Errorf("a cancel made %d stages fail", n)
		}
		r.check()
	})
}

// Speaking again stops the reply at once; what was said first is transcribed and
// kept, and the model is told of it.
func TestSpeakingAgainSupersedes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := deps()
		var prompts []stage.Prompt
		d.ATOT = hears(300*time.Millisecond, "hello")
		slow := says(100*time.Millisecond, slices.Repeat([]string{"Many words in here. "}, 50)...)
		d.TTOT = ttot{func(ctx context.Context, p stage.Prompt) iter.Seq2[string, error] {
			prompts = append(prompts, p)
			return slow.respond(ctx, p)
		}}
		r := open(t, session.Options{}, d)
		r.configure()
		for range 3 { // three utterances in one breath
			r.speak(200 * time.Millisecond)
			r.send(protocol.Commit{})
		}
		settle(time.Minute)
		if n := len(find[protocol.TurnCancelled](r)); n != 2 {
			t.Errorf("%d turns were superseded, want 2", n)
		}
		one[protocol.TurnDone](r)
		if len(r.store.turns) != 3 {
			t.Fatalf("%d turns in history, want 3", len(r.store.turns))
		}
		for i, rec := range r.store.turns {
			if rec.ATOTText != "hello" {
				t.Errorf("turn %d was not transcribed: %+v", i+1, rec)
			}
		}
		if len(prompts) != 1 || len(prompts[0].History) != 2 {
			t.Errorf("the model was asked %d times; want once, with two earlier utterances: %+v", len(prompts), prompts)
		}
		r.check()
	})
}

// The recordings are WAV files of what was said and answered.
func TestRecordingsHoldTheSound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := deps()
		var mu sync.Mutex
		sizes := map[string]int{}
		d.Recordings = recordings{func(kind string, wav io.Reader) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			b, err := io.ReadAll(wav)
			if err != nil || string(b[:4]) != "RIFF" {
				t.Errorf("%s: %v, begins with %q", kind, err, b[:4])
			}
			if bytes.Contains(b, []byte{spoilt, spoilt, spoilt, spoilt}) {
				t.Errorf("%s: it has what was in a chunk's memory later", kind)
			}
			sizes[kind] += len(b)
			return kind, nil
		}}
		rate := 24000
		r := open(t, session.Options{}, d)
		r.send(protocol.Configure{Output: &protocol.Format{Encoding: protocol.EncodingPCM, Rate: rate}})
		r.speak(time.Second)
		r.send(protocol.Commit{})
		settle(time.Minute)
		if sizes["input"] != 32044 {
			t.Errorf("input recording has %d bytes, want 32,044", sizes["input"])
		}
		ms := one[protocol.TurnDone](r).Record.OutputMS
		if int64(sizes["reply"]) != 44+ms*32 {
			t.Errorf("reply recording has %d bytes for %d ms", sizes["reply"], ms)
		}
		if got := int64(len(r.sound)) * 1000 / int64(2*rate); got < ms-1 || got > ms+1 {
			t.Errorf("the client got %d ms at %d Hz, want %d", got, rate, ms)
		}
	})
}
