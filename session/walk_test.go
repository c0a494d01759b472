package session_test

import (
	"context"
	"errors"
	"flag"
	"io"
	"iter"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sori/history"
	"sori/protocol"
	"sori/session"
	"sori/stage"
)

var walks = flag.Uint64("walks", 300, "how many seeded random walks TestRandomWalks takes")

// dice is a seeded random source that the engines of one walk share.
type dice struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func (d *dice) below(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.IntN(n)
}

// wait takes up to most, or in one of thirty cases an hour.
func (d *dice) wait(ctx context.Context, most time.Duration) error {
	if d.below(30) == 0 {
		most = time.Hour
	}
	return sleep(ctx, time.Duration(d.below(int(most))))
}

func (d *dice) fails() bool { return d.below(12) == 0 }

// Whatever a client does and whatever engines and stores do, at most one turn is
// live, every turn ends once and is kept once, nothing of it comes after its
// end, audio is neither lost nor used twice, and everybody comes home.
func TestRandomWalks(t *testing.T) {
	t.Parallel()
	for seed := range *walks {
		synctest.Test(t, func(t *testing.T) { walk(t, seed) })
		synctest.Test(t, func(t *testing.T) { converse(t, seed) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// world is a session among engines and stores that do what the dice say. The
// store has these turns already.
func world(t *testing.T, d *dice, o session.Options, newDetector func() (session.VoiceDetector, error), turns ...history.Turn) *rig {
	st := &store{
		turns: turns,
		keep: func(history.Turn) (delayed, err error) {
			time.Sleep(time.Duration(d.below(int(300 * time.Millisecond))))
			switch d.below(10) {
			case 0:
				return errBroken, nil
			case 1:
				return nil, errBroken
			}
			return nil, nil
		},
		recent: func() ([]history.Turn, error) {
			if d.fails() {
				return nil, errBroken
			}
			return nil, nil
		},
	}
	seen := &observer{}
	t.Cleanup(func() { // after the session's end
		began, ended := seen.has("turn began"), seen.has("turn ended")+seen.has("draft abandoned")
		if began != ended || seen.has("another turn") > 0 {
			t.Errorf("the observer was told of %d turns, and %d ends", began, ended)
		}
		for _, s := range []string{"atot", "ttot", "tts"} {
			if seen.has(s+" began") != seen.has(s+" ended") {
				t.Errorf("%s: not every use of an engine ended: %v", s, seen.told)
			}
		}
	})
	return open(t, o, session.Deps{
		Observer: seen,
		ATOT:     atot{d.transcribe}, TTOT: ttot{d.respond}, TTS: tts{d.synthesize}, History: st,
		Recordings: recordings{func(_ string, wav io.Reader) (string, error) {
			if d.fails() {
				return "", errBroken
			}
			_, err := io.Copy(io.Discard, wav)
			return "x", err
		}},
		NewDetector: newDetector,
	})
}

// walk is push to talk.
func walk(t *testing.T, seed uint64) {
	d := &dice{rng: rand.New(rand.NewPCG(seed, 7))}
	o := session.Options{MaxUtterance: 2 * time.Second, HighWater: 500 * time.Millisecond}
	r := world(t, d, o, func() (session.VoiceDetector, error) {
		if d.fails() {
			return nil, errBroken
		}
		return detector{float32(d.below(10)) / 4}, nil
	})
	r.configure()
	var pushed time.Duration
	for range d.below(40) {
		switch d.below(10) {
		case 0, 1, 2:
			n := time.Duration(d.below(60)) * 20 * time.Millisecond
			r.speak(n)
			pushed += n
		case 3, 4:
			r.send(protocol.Commit{})
		case 5:
			r.send(protocol.Text{Text: "typed"})
		case 6:
			r.send(protocol.Cancel{Turn: d.below(3)})
		case 7:
			if d.below(3) == 0 {
				r.send(protocol.Clear{})
			} else {
				r.configure()
			}
		case 8, 9:
			time.Sleep(time.Duration(d.below(int(3 * time.Second))))
		}
	}
	r.send(protocol.Clear{})
	settle(time.Duration(d.below(int(5 * time.Second))))
	r.end()
	<-r.over
	settle(0)
	r.check()
	var used int64
	for _, rec := range r.store.turns {
		used += rec.InputMS
	}
	for _, c := range find[protocol.Cleared](r) {
		used += c.InputMS
	}
	dropped := false // a full utterance that nobody could take, of which the client was told
	for _, p := range find[protocol.Problem](r) {
		dropped = dropped || p.Code == protocol.ErrTooManyTurns
	}
	if used != pushed.Milliseconds() && !dropped {
		t.Errorf("%d ms of audio pushed, %d in turns and cleared", pushed.Milliseconds(), used)
	}
}

// converse is hands-free: speech and silence in real time, over the reply and
// between, with every other thing that a client can do.
func converse(t *testing.T, seed uint64) {
	d := &dice{rng: rand.New(rand.NewPCG(seed, 8))}
	o := session.Options{MaxUtterance: 5 * time.Second, Prudent: d.below(3) == 0, Pace: time.Duration(d.below(3)-1) * 200 * time.Millisecond}
	r := world(t, d, o, func() (session.VoiceDetector, error) { return loud{}, nil })
	configure := func() {
		r.handsFree(func(c *protocol.Configure) {
			c.TurnDetection.Mode = []protocol.Mode{protocol.ServerVAD, protocol.Semantic, protocol.Manual}[d.below(3)]
			reports := d.below(2) == 0
			c.Playback = &reports
			if d.below(2) == 0 {
				c.IdlePrompt = &protocol.IdlePrompt{AfterMS: 1000, Text: "Still there?"}
			}
		})
	}
	configure()
	for range d.below(25) {
		switch d.below(12) {
		case 0, 1, 2:
			r.say(time.Duration(d.below(1500)) * time.Millisecond)
		case 3, 4, 5, 6:
			r.quiet(time.Duration(d.below(2500)) * time.Millisecond)
		case 7:
			time.Sleep(time.Duration(d.below(int(3 * time.Second))))
		case 8:
			r.send(protocol.Text{Text: "typed"})
		case 9:
			r.send(protocol.Playback{Turn: d.below(4), MS: int64(d.below(3000))})
		case 10:
			if d.below(2) == 0 {
				r.send(protocol.Cancel{})
			} else {
				r.send(protocol.Commit{})
			}
		case 11:
			if d.below(3) == 0 {
				r.send(protocol.Clear{})
			} else {
				configure()
			}
		}
	}
	settle(time.Duration(d.below(int(5 * time.Second))))
	r.end()
	<-r.over
	settle(0)
	r.check()
}

func (d *dice) transcribe(ctx context.Context, u stage.Utterance) iter.Seq2[stage.Transcript, error] {
	return func(yield func(stage.Transcript, error) bool) {
		for range d.below(3) {
			if !yield(stage.Transcript{Text: "so"}, nil) {
				return
			}
		}
		wav, _ := u.Audio.WAV()
		defer wav.Close()
		_, err := io.Copy(io.Discard, wav)
		err = errors.Join(err, d.wait(ctx, time.Second))
		if d.fails() {
			err = &stage.Error{Stage: stage.ATOT, Code: stage.CodeStatus, Message: "500"}
		}
		yield(stage.Transcript{Text: []string{"so it is", "mhm", "", "and then the", "a few words"}[d.below(5)], Final: true}, err)
	}
}

func (d *dice) respond(ctx context.Context, _ stage.Prompt) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for range d.below(30) {
			err := d.wait(ctx, 100*time.Millisecond)
			if err == nil && d.below(60) == 0 {
				err = errBroken
			}
			if !yield("a few words. ", err) || err != nil {
				return
			}
		}
	}
}

func (d *dice) synthesize(ctx context.Context, _ stage.Speech) iter.Seq2[stage.Chunk, error] {
	return func(yield func(stage.Chunk, error) bool) {
		for range d.below(20) {
			err := d.wait(ctx, 50*time.Millisecond)
			if err == nil && d.below(100) == 0 {
				err = errBroken
			}
			if !yield(stage.Chunk{PCM: make([]byte, 2*(1+d.below(2000))), Rate: 16000}, err) || err != nil {
				return
			}
		}
	}
}
