package session_test

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sori/protocol"
	"sori/session"
	"sori/stage"
)

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
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want protocol.Discard
	}{
		"nod":   {"Mhm.", protocol.DiscardNod},
		"cough": {"", protocol.DiscardNoWords},
		"echo":  {"three four five six seven", protocol.DiscardEcho},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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

// A client that takes over to end utterances while one over the reply is being
// judged loses nothing of it.
func TestDetectionEndsWhileTheReplyIsHeld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := storyteller()
		slow := false
		quick := d.ATOT
		d.ATOT = atot{func(ctx context.Context, u stage.Utterance) iter.Seq2[stage.Transcript, error] {
			if slow {
				return hears(9*time.Second, "what is that").Transcribe(ctx, u)
			}
			return quick.Transcribe(ctx, u)
		}}
		r := open(t, session.Options{}, d)
		r.handsFree()
		r.say(time.Second)
		r.quiet(3 * time.Second)
		slow = true
		r.say(1500 * time.Millisecond)
		r.quiet(800 * time.Millisecond) // it is over, and nobody knows the words
		manual := protocol.DefaultTurnDetection()
		manual.Mode = protocol.Manual
		r.send(protocol.Configure{TurnDetection: &manual})
		settle(5 * time.Second)
		r.send(protocol.Commit{})
		settle(time.Minute)
		started := find[protocol.TurnStarted](r)
		if len(started) != 2 || started[1].InputMS < 1500 {
			t.Errorf("turns %+v", started)
		}
		r.check()
	})
}
