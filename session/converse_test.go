package session_test

import (
	"context"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sori/audio"
	"sori/protocol"
	"sori/session"
	"sori/stage"
)

// loud is a detector for the tests' sound: what is loud is speech.
type loud struct{}

func (loud) Detect(w []int16) (float32, error) {
	for _, s := range w {
		if s > 1000 {
			return 0.97, nil
		}
	}
	return 0.02, nil
}
func (loud) Reset() {}
func (loud) Close() {}

// hands are deps for a hands-free conversation: the detector, quick engines.
func hands() session.Deps {
	d := deps()
	d.NewDetector = func() (session.VoiceDetector, error) { return loud{}, nil }
	return d
}

func (r *rig) handsFree(change ...func(*protocol.Configure)) {
	r.t.Helper()
	d := protocol.DefaultTurnDetection()
	d.Mode = protocol.ServerVAD
	c := protocol.Configure{TurnDetection: &d}
	for _, f := range change {
		f(&c)
	}
	r.send(c)
}

// say pushes speech in real time, quiet pushes silence.
func (r *rig) say(d time.Duration)   { r.t.Helper(); r.sounds(d, 0x20) }
func (r *rig) quiet(d time.Duration) { r.t.Helper(); r.sounds(d, 0) }

func (r *rig) sounds(d time.Duration, high byte) {
	r.t.Helper()
	frame := slices.Repeat([]byte{1, high}, 320)
	for range d / (20 * time.Millisecond) {
		r.frame(frame)
		time.Sleep(20 * time.Millisecond)
	}
	synctest.Wait()
}

// clipMS gives the lengths of what ATOT was asked about, and answers with text
// after d.
func clipMS(d time.Duration, text string, lengths *[]int64) atot {
	var mu sync.Mutex
	h := hears(d, text)
	return atot{func(ctx context.Context, u stage.Utterance) iter.Seq2[stage.Transcript, error] {
		mu.Lock()
		defer mu.Unlock()
		*lengths = append(*lengths, u.Audio.Duration().Milliseconds())
		return h.transcribe(ctx, u)
	}}
}

func (r *rig) count(kind string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, o := range r.got {
		if typeOf(o) == kind {
			n++
		}
	}
	return n
}

func near(t *testing.T, what string, got, want, slack float64) {
	t.Helper()
	if got < want-slack || got > want+slack {
		t.Errorf("%s is %v, want %v ± %v", what, got, want, slack)
	}
}

func off() *bool { b := false; return &b }

func TestSilenceEndsTheTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, session.Options{}, hands())
		r.handsFree()
		r.quiet(2 * time.Second)
		r.say(time.Second)
		r.quiet(3 * time.Second)
		settle(time.Minute)
		rec := one[protocol.TurnDone](r).Record
		near(t, "decision", *rec.Timings.Decision, 500, 40)
		near(t, "start of speech", float64(one[protocol.SpeechStarted](r).AudioMS), 1700, 64) // 2,000 less the prefix padding
		near(t, "end of speech", float64(one[protocol.SpeechStopped](r).AudioMS), 3000, 64)
		near(t, "utterance", float64(rec.InputMS), 1500, 100) // padding, speech, the pause before the draft
		r.check()
	})
}

func TestBlipsAndNoiseMakeNoTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := hands()
		d.ATOT = hears(50*time.Millisecond, "")
		r := open(t, session.Options{}, d)
		r.handsFree()
		for range 5 {
			r.say(80 * time.Millisecond)
			r.quiet(time.Second)
		}
		if n := r.count("speech.started"); n != 0 {
			t.Errorf("blips of 80 ms started speech %d times", n)
		}
		r.say(400 * time.Millisecond) // a noise that ATOT finds no word in
		r.quiet(2 * time.Second)
		if s := one[protocol.SpeechStopped](r); s.Discarded != protocol.DiscardNoWords {
			t.Errorf("a noise: %+v", s)
		}
		if n := r.count("turn.started"); n != 0 {
			t.Errorf("%d turns", n)
		}
		r.check()
	})
}

func TestInventedWordsMakeNoTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := hands()
		d.ATOT = hears(50*time.Millisecond, "Thank you for watching!")
		r := open(t, session.Options{}, d)
		r.handsFree()
		r.say(200 * time.Millisecond)
		r.quiet(2 * time.Second)
		if n := r.count("turn.started"); n != 0 {
			t.Error("an invented phrase was answered")
		}
		r.say(time.Second) // a person who says it takes longer
		r.quiet(2 * time.Second)
		if n := r.count("turn.started"); n != 1 {
			t.Error("a phrase that was really said was not answered")
		}
	})
}

func TestFramesThatStopAreSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, session.Options{}, hands())
		r.handsFree()
		r.say(time.Second)
		settle(900 * time.Millisecond)
		if r.count("speech.stopped") != 0 {
			t.Error("ended before a second was over")
		}
		settle(time.Minute)
		one[protocol.TurnDone](r)
		r.check()
	})
}

// The stages run while the silence is still being waited out: when the turn is
// certain, its audio is there.
func TestSpeculationHidesTheWait(t *testing.T) {
	t.Parallel()
	latency := func(prudent bool) (decision, audio float64) {
		synctest.Test(t, func(t *testing.T) {
			d := hands()
			d.TTOT = says(60*time.Millisecond, "Hello there, ", "my friend. ", "How are you?")
			r := open(t, session.Options{Prudent: prudent}, d)
			r.handsFree()
			r.say(time.Second)
			r.quiet(3 * time.Second)
			settle(time.Minute)
			tm := one[protocol.TurnDone](r).Record.Timings
			decision, audio = *tm.Decision, *tm.AudioFirst
			if audio < decision {
				t.Errorf("audio left at %v ms, before the turn was certain at %v", audio, decision)
			}
			r.check()
		})
		return decision, audio
	}
	dec, draft := latency(false)
	near(t, "audio after the decision, with a draft", draft-dec, 0, 5)
	dec, plain := latency(true)
	if plain-dec < 200 {
		t.Errorf("without a draft the audio comes %v ms after the decision: the test shows nothing", plain-dec)
	}
}

// A pause within the utterance: the draft is dropped, nothing of it is seen, and
// the turn holds all that was said.
func TestGoingOnDropsTheDraft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := hands()
		var lengths []int64
		d.ATOT = clipMS(20*time.Millisecond, "hello", &lengths)
		saved := map[string]int{}
		var mu sync.Mutex
		d.Recordings = recordings{func(kind string, _ io.Reader) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			saved[kind]++
			return kind, nil
		}}
		r := open(t, session.Options{}, d)
		r.handsFree(func(c *protocol.Configure) { c.Partials = off() })
		r.quiet(time.Second)
		r.say(time.Second)
		r.quiet(360 * time.Millisecond)
		r.say(time.Second)
		r.quiet(2 * time.Second)
		settle(time.Minute)
		rec := one[protocol.TurnDone](r).Record
		near(t, "utterance", float64(rec.InputMS), 300+1000+360+1000+200, 120)
		if len(lengths) != 2 || len(r.store.turns) != 1 || saved["input"] != 1 || saved["reply"] != 1 {
			t.Errorf("ATOT ran %d times, %d turns kept, recordings %v", len(lengths), len(r.store.turns), saved)
		}
		r.check()
	})
}

func TestSemanticPatience(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{"What time is it?": 500, "I would like to": 2000} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := hands()
				d.ATOT = hears(50*time.Millisecond, text)
				r := open(t, session.Options{}, d)
				r.handsFree(func(c *protocol.Configure) { c.TurnDetection.Mode = protocol.Semantic })
				r.say(time.Second)
				r.quiet(6 * time.Second)
				settle(time.Minute)
				near(t, "decision", *one[protocol.TurnDone](r).Record.Timings.Decision, want, 64)
			})
		})
	}
}

// eot is an end-of-turn engine.
type eot func() (float64, error)

func (f eot) Finished(context.Context, stage.Utterance, string) (float64, error) { return f() }

func TestEndOfTurnEngineDecides(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		engine eot
		want   float64
	}{
		"finished":   {func() (float64, error) { return 0.9, nil }, 500},
		"unfinished": {func() (float64, error) { return 0.1, nil }, 2000},
		"broken":     {func() (float64, error) { return 0, errBroken }, 500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := hands()
				d.EndOfTurn = c.engine
				r := open(t, session.Options{}, d)
				r.handsFree(func(c *protocol.Configure) { c.TurnDetection.Mode = protocol.Semantic })
				r.say(time.Second)
				r.quiet(6 * time.Second)
				settle(time.Minute)
				near(t, "decision", *one[protocol.TurnDone](r).Record.Timings.Decision, c.want, 64)
			})
		})
	}
}

// Partials grow, never take a word back, and end in the transcript.
func TestPartialTranscripts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := hands()
		all := strings.Fields("ask not what your country can do for you ask what you can do for your country")
		d.ATOT = atot{func(_ context.Context, u stage.Utterance) iter.Seq2[stage.Transcript, error] {
			return func(yield func(stage.Transcript, error) bool) {
				n := min(len(all), int(u.Audio.Duration()/(250*time.Millisecond)))
				heard := slices.Clone(all[:n])
				if n > 0 && n < len(all) {
					heard[n-1] += "ish" // the last word is cut and misheard
				}
				yield(stage.Transcript{Text: strings.Join(heard, " "), Final: true}, nil)
			}
		}}
		r := open(t, session.Options{}, d)
		r.handsFree()
		r.say(6 * time.Second)
		r.quiet(2 * time.Second)
		settle(time.Minute)
		ps := find[protocol.SpeechPartial](r)
		if len(ps) < 5 {
			t.Fatalf("%d partials in 6 s", len(ps))
		}
		for i, p := range ps {
			if strings.Contains(p.Text, "ish") {
				t.Errorf("an unstable word was published: %q", p.Text)
			}
			if i > 0 && !strings.HasPrefix(p.Text, ps[i-1].Text) {
				t.Errorf("%q does not go on from %q", p.Text, ps[i-1].Text)
			}
		}
		if got := ps[len(ps)-1].Text; got != one[protocol.TurnDone](r).Record.ATOTText {
			t.Errorf("last partial %q", got)
		}
	})
}

func TestPacing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, session.Options{}, hands())
		pace := 250
		r.handsFree(func(c *protocol.Configure) { c.PaceMS = &pace })
		r.send(protocol.Text{Text: "talk"})
		settle(time.Minute)
		var sent time.Duration
		var first time.Duration
		for i, o := range r.got {
			if o.Audio == nil {
				continue
			}
			if sent == 0 {
				first = r.at[i]
			}
			if ahead := sent - (r.at[i] - first); ahead > 250*time.Millisecond {
				t.Fatalf("audio went out %v ahead of the voice", ahead)
			}
			sent += lengthOf(r.size[i])
		}
		if sent < time.Second {
			t.Errorf("only %v of audio", sent)
		}
		r.check()
	})
}

func lengthOf(n int) time.Duration { return time.Duration(n/2) * time.Second / 16000 }

func TestCommitWhileVADListens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, session.Options{}, hands())
		r.handsFree()
		r.say(time.Second)
		r.send(protocol.Commit{})
		r.quiet(3 * time.Second)
		settle(time.Minute)
		rec := one[protocol.TurnDone](r).Record
		near(t, "decision", *rec.Timings.Decision, 0, 40)
		if r.count("turn.started") != 1 {
			t.Error("the silence after the commit made a second turn")
		}
		r.check()
	})
}

func TestModesAreSwitchedInMidSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, session.Options{}, hands())
		r.configure()
		r.say(time.Second)
		r.quiet(3 * time.Second)
		if r.count("turn.started") != 0 {
			t.Fatal("push to talk answers silence")
		}
		r.send(protocol.Clear{})
		r.handsFree()
		r.say(time.Second)
		r.quiet(3 * time.Second)
		if r.count("turn.done") != 1 {
			t.Fatal("VAD is not on")
		}
		d := protocol.DefaultTurnDetection()
		r.send(protocol.Configure{TurnDetection: &d})
		r.say(time.Second)
		r.quiet(3 * time.Second)
		if r.count("turn.started") != 1 {
			t.Fatal("VAD is still on")
		}
		r.send(protocol.Commit{})
		settle(time.Minute)
		if r.count("turn.done") != 2 {
			t.Fatal("the commit is not taken")
		}
		r.check()
	})
}

func TestNoDetectorNoHandsFree(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, session.Options{}, deps())
		r.handsFree()
		settle(0)
		if p := one[protocol.Problem](r); p.Code != protocol.ErrNoDetector {
			t.Errorf("problem %v", p)
		}
	})
}

// A language that a stage does not know is refused when it is asked for, with
// those that there are; the session goes on as it was.
func TestLanguageThatNobodyKnows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := deps()
		known := protocol.Languages{ATOT: []string{"en", "ko"}, TTS: []string{"en"}}
		d.Languages = func() protocol.Languages { return known }
		r := open(t, session.Options{}, d)
		configure := func(language string) { r.send(protocol.Configure{Language: &language}) }
		configure("fr")
		settle(0)
		if p := one[protocol.Problem](r); p.Code != protocol.ErrLanguage || !strings.Contains(p.Message, `"fr"; it knows en, ko.`) || r.count("session.ready") != 0 {
			t.Errorf("problem %v", p)
		}
		configure("en-GB")
		configure("ko-KR")
		configure("auto")
		settle(0)
		all := find[protocol.Problem](r)
		if len(all) != 2 || !strings.Contains(all[1].Message, "tts engine") || r.count("session.ready") != 2 {
			t.Errorf("problems %v, %d times ready", all, r.count("session.ready"))
		}
		known.TTS = nil // as for an engine that does not say
		configure("ko-KR")
		settle(0)
		if ready := find[protocol.Ready](r); len(ready) != 3 || ready[2].Language != "ko-KR" {
			t.Errorf("ready %v", ready)
		}
	})
}

// The hot path stays free of allocations with a detector on it.
func TestListeningAllocatesNothing(t *testing.T) {
	d := hands()
	ctx, end := context.WithCancel(t.Context())
	s := session.New(session.Options{Inbox: 1}, d)
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = s.Run(ctx)
	}()
	go func() {
		for o := range s.Events() {
			o.Audio.Free()
		}
	}()
	defer func() {
		end()
		<-over
	}()
	det := protocol.DefaultTurnDetection()
	det.Mode = protocol.ServerVAD
	push := func() {
		if err := s.Push(ctx, session.Input{Audio: audio.NewFrame(640)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Push(ctx, session.Input{Message: protocol.Configure{TurnDetection: &det}}); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		push()
	}
	if n := testing.AllocsPerRun(1000, push); n != 0 {
		t.Errorf("%v allocations per frame", n)
	}
}
