package session_test

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sori/audio"
	"sori/history"
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
	for text, want := range map[string]float64{"What time is it?": 500, "I would like to": 2000} {
		t.Run(text, func(t *testing.T) {
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
	for name, c := range map[string]struct {
		engine eot
		want   float64
	}{
		"finished":   {func() (float64, error) { return 0.9, nil }, 500},
		"unfinished": {func() (float64, error) { return 0.1, nil }, 2000},
		"broken":     {func() (float64, error) { return 0, errBroken }, 500},
	} {
		t.Run(name, func(t *testing.T) {
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

// storyteller is a TTOT with a long reply of sentences with one word each per
// 100 ms of the voice: ten words a second.
func storyteller() session.Deps {
	d := hands()
	d.TTOT = says(10*time.Millisecond, slices.Repeat([]string{"One two three four five six seven eight nine ten. "}, 20)...)
	d.TTS = speaks(time.Millisecond) // a second a clause
	return d
}

// Words stop the reply; only what was heard of it stays.
func TestBargeIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := storyteller()
		d.ATOT = hears(60*time.Millisecond, "Tell me a story")
		var prompts []stage.Prompt
		story := d.TTOT
		d.TTOT = ttot{func(ctx context.Context, p stage.Prompt) iter.Seq2[string, error] {
			prompts = append(prompts, p)
			return story.Respond(ctx, p)
		}}
		r := open(t, session.Options{}, d)
		r.handsFree()
		r.say(time.Second)
		r.quiet(3500 * time.Millisecond) // some 3 s of the story are heard
		before := len(r.sound)
		if before == 0 {
			t.Fatal("sori does not talk yet")
		}
		r.say(800 * time.Millisecond)
		r.quiet(3 * time.Second)
		settle(time.Minute)
		c := find[protocol.TurnCancelled](r)
		if len(c) != 1 || c[0].Reason != protocol.CancelledByBargeIn {
			t.Fatalf("cancelled %+v", c)
		}
		corr := find[protocol.ReplyCorrected](r)[0]
		near(t, "heard", float64(corr.HeardMS), 3300, 400)
		if w := len(strings.Fields(corr.Heard)); w < 25 || w > 38 {
			t.Errorf("%d words are taken to be heard in %d ms of ten words a second", w, corr.HeardMS)
		}
		if c[0].Record.TTOTText != corr.Heard || r.store.turns[0].TTOTText != corr.Heard {
			t.Error("history holds more than was heard")
		}
		if len(prompts) < 2 || prompts[len(prompts)-1].History[0].Reply != corr.Heard {
			t.Error("the model remembers more than was heard")
		}
		i, j := slices.Index(r.types(), "reply.paused"), slices.Index(r.types(), "turn.cancelled")
		if i < 0 || j < i {
			t.Errorf("order of events: %v", r.types())
		}
		r.check()
	})
}

// From the decision to the last byte: nothing at all leaves after the pause.
func TestNoAudioLeavesAfterThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := storyteller()
		r := open(t, session.Options{}, d)
		r.handsFree()
		r.send(protocol.Text{Text: "talk"})
		r.quiet(3 * time.Second)
		r.say(600 * time.Millisecond)
		r.quiet(200 * time.Millisecond)
		r.mu.Lock()
		defer r.mu.Unlock()
		paused := false
		for i, o := range r.got {
			paused = paused || typeOf(o) == "reply.paused"
			if paused && o.Audio != nil && o.Head.Turn == 1 {
				t.Fatalf("event %d: audio after reply.paused", i)
			}
		}
		if !paused {
			t.Fatal("the reply was not paused")
		}
	})
}

func TestNodsCoughsAndEchoesLetTheReplyGoOn(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want protocol.Discard
	}{
		"nod":   {"Mhm.", protocol.DiscardNod},
		"cough": {"", protocol.DiscardNoWords},
		"echo":  {"three four five six seven", protocol.DiscardEcho},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := storyteller()
				d.ATOT = hears(60*time.Millisecond, c.text)
				r := open(t, session.Options{}, d)
				r.handsFree()
				r.send(protocol.Text{Text: "talk"})
				r.quiet(3 * time.Second)
				r.say(480 * time.Millisecond)
				r.quiet(30 * time.Second)
				settle(time.Minute)
				rec := one[protocol.TurnDone](r).Record
				if len(find[protocol.ReplyPaused](r)) != 1 || len(find[protocol.ReplyResumed](r)) != 1 {
					t.Errorf("events %v", r.types())
				}
				if got := one[protocol.SpeechStopped](r).Discarded; got != c.want {
					t.Errorf("discarded for %q, want %q", got, c.want)
				}
				if int64(len(r.sound)) != rec.OutputMS*32 {
					t.Errorf("%d bytes came of %d ms: the reply lost sound", len(r.sound), rec.OutputMS)
				}
				r.check()
			})
		})
	}
}

// When ATOT is late, the length of the speech decides.
func TestBargeInWithoutWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := storyteller()
		d.ATOT = hears(time.Hour, "never")
		r := open(t, session.Options{}, d)
		r.handsFree()
		r.send(protocol.Text{Text: "talk"})
		r.quiet(3 * time.Second)
		r.say(4 * time.Second)
		c := find[protocol.TurnCancelled](r)
		if len(c) != 1 || c[0].Reason != protocol.CancelledByBargeIn {
			t.Errorf("four seconds of speech do not interrupt: %v", r.types())
		}
	})
}

// sori does not begin to talk over a person who talks.
func TestAReplyWaitsForAPersonWhoSpeaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := hands()
		d.ATOT = hears(30*time.Millisecond, "and another thing")
		d.TTOT = says(700*time.Millisecond, "Well, that is a good question. ", "Here is more.")
		r := open(t, session.Options{Prudent: true}, d)
		r.handsFree()
		r.say(time.Second)
		r.quiet(700 * time.Millisecond) // the turn is committed, the model thinks
		r.say(2 * time.Second)          // and the person goes on
		if n := len(r.sound); n != 0 {
			t.Errorf("%d bytes of reply while the person speaks", n)
		}
		r.quiet(3 * time.Second)
		settle(time.Minute)
		if n := len(find[protocol.TurnStarted](r)); n != 2 {
			t.Errorf("%d turns, want 2: %v", n, r.types())
		}
		r.check()
	})
}

func TestPlaybackReportsSayWhatWasHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t, session.Options{}, storyteller())
		now := 0
		yes := true
		r.handsFree(func(c *protocol.Configure) { c.PaceMS, c.Playback = &now, &yes })
		r.send(protocol.Text{Text: "talk"})
		settle(2 * time.Second)
		r.send(protocol.Playback{Turn: 1, MS: 1300})
		r.send(protocol.Cancel{})
		settle(time.Second)
		rec := one[protocol.TurnCancelled](r).Record
		if *rec.HeardMS != 1300 || rec.Timings.HeardFirst == nil {
			t.Errorf("heard %v ms, first at %v", *rec.HeardMS, rec.Timings.HeardFirst)
		}
		if rec.TTOTText != "One two three four five six seven eight nine ten. One two three" {
			t.Errorf("heard %q", rec.TTOTText)
		}
	})
}

func TestCommitWhileVADListens(t *testing.T) {
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
	synctest.Test(t, func(t *testing.T) {
		r := open(t, session.Options{}, deps())
		r.handsFree()
		settle(0)
		if p := one[protocol.Problem](r); p.Code != protocol.ErrNoDetector {
			t.Errorf("problem %v", p)
		}
	})
}

func TestIdlePrompt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := open(t, session.Options{}, hands())
		r.handsFree(func(c *protocol.Configure) {
			c.IdlePrompt = &protocol.IdlePrompt{AfterMS: 5000, Text: "Are you still there?"}
		})
		r.send(protocol.Text{Text: "hi"})
		settle(time.Hour)
		ends := find[protocol.TurnDone](r)
		if len(ends) != 2 || ends[1].Record.TTOTText != "Are you still there?" || ends[1].Record.ATOTText != "" || ends[1].Record.OutputMS == 0 {
			t.Fatalf("%d turns; want the answer and one prompt: %+v", len(ends), ends)
		}
		gap := ends[1].Record.StartedAt.Sub(ends[0].Record.EndedAt)
		near(t, "pause before the prompt", float64(gap.Milliseconds()), 5400, 100) // 400 ms of the voice were still to be heard
		r.check()
	})
}

func TestProfiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		language, voice := "ko", "yuna"
		o := session.Options{Profiles: map[string]protocol.Configure{"kiosk": {Language: &language, Voice: &voice}}}
		r := open(t, o, hands())
		name, other := "kiosk", "nobody"
		mine := "my own"
		r.send(protocol.Configure{Profile: &name, Voice: &mine})
		r.send(protocol.Configure{Profile: &other})
		settle(0)
		if got := one[protocol.Ready](r); got.Language != "ko" || got.Voice != "my own" || got.Profile != "kiosk" {
			t.Errorf("ready %+v", got)
		}
		if p := one[protocol.Problem](r); p.Code != protocol.ErrNoProfile {
			t.Errorf("problem %v", p)
		}
	})
}

// asksTools is a TTOT that calls a tool and speaks what it gives.
func asksTools(name, args string) ttot {
	return ttot{func(ctx context.Context, p stage.Prompt) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			out, err := p.Call(ctx, name, json.RawMessage(args))
			yield("The tool says "+out+".", err)
		}
	}}
}

func TestClientTools(t *testing.T) {
	lights := protocol.Tool{Name: "lights", Parameters: json.RawMessage(`{"type":"object"}`)}
	for name, c := range map[string]struct {
		tool, args string
		answer     func(r *rig, id string)
		want       string
	}{
		"answered": {"lights", `{"on":true}`, func(r *rig, id string) { r.send(protocol.ToolResult{ID: id, Output: "done"}) }, "The tool says done."},
		"failed":   {"lights", `{}`, func(r *rig, id string) { r.send(protocol.ToolResult{ID: id, Error: "no bulb"}) }, "The tool says Error: no bulb."},
		"late":     {"lights", `{}`, func(*rig, string) {}, "The tool says Error: the tool did not answer in time."},
		"unknown":  {"doors", `{}`, nil, `The tool says Error: there is no tool "doors".`},
		"bad json": {"lights", `{`, nil, "The tool says Error: the arguments are not valid JSON.."},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := hands()
				d.TTOT = asksTools(c.tool, c.args)
				r := open(t, session.Options{ToolTime: 2 * time.Second}, d)
				r.send(protocol.Configure{Tools: &[]protocol.Tool{lights}})
				r.send(protocol.Text{Text: "lights on"})
				settle(100 * time.Millisecond)
				if c.answer != nil {
					call := one[protocol.ToolCall](r)
					if call.Name != c.tool || string(call.Arguments) != c.args {
						t.Errorf("call %+v", call)
					}
					c.answer(r, call.ID)
				}
				settle(time.Minute)
				if got := one[protocol.TurnDone](r).Record.TTOTText; got != c.want {
					t.Errorf("reply %q, want %q", got, c.want)
				}
				r.send(protocol.ToolResult{ID: "made up", Output: "x"})
				settle(0)
				if p := one[protocol.Problem](r); p.Code != protocol.ErrNoCall {
					t.Errorf("problem %v", p)
				}
				r.check()
			})
		})
	}
}

// A draft may be wrong about what the user wants: its tools wait.
func TestToolsWaitForTheTurnToBeCertain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := hands()
		d.TTOT = asksTools("lights", `{}`)
		r := open(t, session.Options{}, d)
		r.handsFree(func(c *protocol.Configure) { c.Tools = &[]protocol.Tool{{Name: "lights"}} })
		r.say(time.Second)
		r.quiet(400 * time.Millisecond) // the draft has asked
		r.say(time.Second)              // but the user goes on
		if r.count("tool.call") != 0 {
			t.Fatal("a draft called a tool")
		}
		r.quiet(time.Second)
		r.send(protocol.ToolResult{ID: one[protocol.ToolCall](r).ID, Output: "on"})
		settle(time.Minute)
		one[protocol.TurnDone](r)
		r.check()
	})
}

func TestInterruptionCancelsTools(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := hands()
		d.TTOT = asksTools("lights", `{}`)
		r := open(t, session.Options{}, d)
		r.send(protocol.Configure{Tools: &[]protocol.Tool{{Name: "lights"}}})
		r.send(protocol.Text{Text: "lights"})
		settle(time.Second)
		r.send(protocol.Cancel{})
		settle(0)
		if c := one[protocol.TurnCancelled](r); c.Record.Status != history.Cancelled {
			t.Errorf("%+v", c)
		}
	})
}

// The model is told a bounded number of turns, each whole.
func TestContextWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := hands()
		var last stage.Prompt
		plain := d.TTOT
		d.TTOT = ttot{func(ctx context.Context, p stage.Prompt) iter.Seq2[string, error] {
			last = p
			return plain.Respond(ctx, p)
		}}
		r := open(t, session.Options{Window: 3}, d)
		r.configure()
		for _, text := range []string{"a", "b", "c", "d", "e", "f"} {
			r.send(protocol.Text{Text: text})
			settle(time.Minute)
		}
		var said []string
		for _, x := range last.History {
			said = append(said, x.User)
			if x.Reply == "" {
				t.Errorf("half a turn: %+v", x)
			}
		}
		if got := strings.Join(said, ""); got != "cde" {
			t.Errorf("the model is told of %q, want cde", got)
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
