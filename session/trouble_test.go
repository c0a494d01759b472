package session_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sori/history"
	"sori/protocol"
	"sori/session"
	"sori/stage"
)

func TestStagesThatFail(t *testing.T) {
	t.Parallel()
	broken := &stage.Error{Stage: stage.ATOT, Code: stage.CodeStatus, Message: "The engine answered 500.", Err: errBroken}
	cases := map[string]struct {
		change  func(*session.Deps)
		stage   stage.Name
		code    string
		atot    string
		ttot    string
		noSound bool
	}{
		"atot": {
			change: func(d *session.Deps) {
				d.ATOT = atot{func(context.Context, stage.Utterance) iter.Seq2[stage.Transcript, error] {
					return failsAtOnce[stage.Transcript](broken)
				}}
			},
			stage: stage.ATOT, code: stage.CodeStatus, noSound: true,
		},
		"atot empty": {
			change: func(d *session.Deps) { d.ATOT = hears(0, "") },
			stage:  stage.ATOT, code: stage.CodeNoSpeech, noSound: true,
		},
		"atot panics": {
			change: func(d *session.Deps) {
				d.ATOT = atot{func(context.Context, stage.Utterance) iter.Seq2[stage.Transcript, error] { panic("bug") }}
			},
			stage: stage.ATOT, code: stage.CodeInternal, noSound: true,
		},
		"ttot": {
			change: func(d *session.Deps) {
				d.TTOT = ttot{func(context.Context, stage.Prompt) iter.Seq2[string, error] { return failsAtOnce[string](errBroken) }}
			},
			stage: stage.TTOT, code: stage.CodeInternal, atot: "hello", noSound: true,
		},
		"ttot says nothing": {
			change: func(d *session.Deps) { d.TTOT = says(0, " ", "") },
			stage:  stage.TTOT, code: stage.CodeEmptyReply, atot: "hello", noSound: true,
		},
		"ttot hangs": {
			change: func(d *session.Deps) {
				d.TTOT = ttot{func(context.Context, stage.Prompt) iter.Seq2[string, error] {
					return failsAtOnce[string](context.DeadlineExceeded)
				}}
			},
			stage: stage.TTOT, code: stage.CodeTimeout, atot: "hello", noSound: true,
		},
		"ttot panics": {
			change: func(d *session.Deps) {
				d.TTOT = ttot{func(context.Context, stage.Prompt) iter.Seq2[string, error] { panic("bug") }}
			},
			stage: stage.TTOT, code: stage.CodeInternal, atot: "hello", noSound: true,
		},
		"ttot breaks off after a sentence": {
			change: func(d *session.Deps) {
				d.TTOT = ttot{func(context.Context, stage.Prompt) iter.Seq2[string, error] {
					return func(yield func(string, error) bool) {
						_ = yield("This sentence is whole. ", nil) && yield("This ", nil) && yield("", broken)
					}
				}}
			},
			stage: stage.ATOT, code: stage.CodeStatus, atot: "hello", ttot: "This sentence is whole. This",
		},
		"tts": {
			change: func(d *session.Deps) {
				d.TTS = tts{func(context.Context, stage.Speech) iter.Seq2[stage.Chunk, error] {
					return failsAtOnce[stage.Chunk](errBroken)
				}}
			},
			stage: stage.TTS, code: stage.CodeInternal, atot: "hello", ttot: "Hello there, my friend. How are you today?", noSound: true,
		},
		"tts is silent": {
			change: func(d *session.Deps) {
				d.TTS = tts{func(context.Context, stage.Speech) iter.Seq2[stage.Chunk, error] {
					return func(func(stage.Chunk, error) bool) {}
				}}
			},
			stage: stage.TTS, code: stage.CodeBadReply, atot: "hello", ttot: "Hello there, my friend. How are you today?", noSound: true,
		},
		"tts panics": {
			change: func(d *session.Deps) {
				d.TTS = tts{func(context.Context, stage.Speech) iter.Seq2[stage.Chunk, error] { panic("bug") }}
			},
			stage: stage.TTS, code: stage.CodeInternal, atot: "hello", ttot: "Hello there, my friend. How are you today?", noSound: true,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := deps()
				c.change(&d)
				r := open(t, session.Options{}, d)
				r.configure()
				r.speak(time.Second)
				r.send(protocol.Commit{})
				settle(time.Minute)
				f := one[protocol.TurnFailed](r)
				if f.Stage != c.stage || f.Code != c.code || f.Message == "" {
					t.Errorf("turn failed at %s with %s (%s), want %s, %s", f.Stage, f.Code, f.Message, c.stage, c.code)
				}
				if f.Record.ATOTText != c.atot || f.Record.TTOTText != c.ttot || f.Record.Error == nil {
					t.Errorf("record has %q, %q, %v; want %q, %q and an error", f.Record.ATOTText, f.Record.TTOTText, f.Record.Error, c.atot, c.ttot)
				}
				if c.noSound != (f.Record.OutputWAV == nil) || c.noSound != (len(r.sound) == 0) {
					t.Errorf("output_wav %v, %d bytes of sound", f.Record.OutputWAV, len(r.sound))
				}
				// The session goes on.
				r.send(protocol.Text{Text: "again"})
				settle(time.Minute)
				if n := len(find[protocol.TurnStarted](r)); n != 2 {
					t.Errorf("%d turns started, want 2", n)
				}
				r.check()
			})
		})
	}
}

// Another engine than the first answers: the client is told, the record names it.
func TestAnotherEngineServes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := deps()
		plain := d.TTOT
		d.TTOT = ttot{func(ctx context.Context, p stage.Prompt) iter.Seq2[string, error] {
			stage.NoteServed(ctx, stage.Served{Stage: stage.TTOT, Engine: "second", Failed: "first", Err: errBroken})
			return plain.Respond(ctx, p)
		}}
		r := open(t, session.Options{}, d)
		r.configure()
		r.send(protocol.Text{Text: "hi"})
		settle(time.Minute)
		if w := one[protocol.Warning](r); w.Code != protocol.WarnEngineFallback {
			t.Errorf("warning %+v", w)
		}
		if e := one[protocol.TurnDone](r).Record.Engines.TTOT; e != "second" {
			t.Errorf("the record names %q", e)
		}
	})
}

// A superseded turn whose ATOT hangs is given up after a while.
func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := deps()
		d.ATOT = hears(time.Hour, "late")
		r := open(t, session.Options{Patience: 3 * time.Second}, d)
		r.configure()
		r.speak(time.Second)
		r.send(protocol.Commit{})
		settle(time.Second)
		r.send(protocol.Text{Text: "typed instead"})
		settle(2 * time.Second)
		if n := len(find[protocol.TurnCancelled](r)); n != 0 {
			t.Fatal("the transcription was given up too early")
		}
		settle(time.Minute)
		one[protocol.TurnCancelled](r)
		one[protocol.TurnDone](r)
		r.check()
	})
}

func TestTooManyTurnsWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := deps()
		d.ATOT = hears(time.Hour, "late")
		r := open(t, session.Options{}, d)
		r.configure()
		for range 12 {
			r.speak(200 * time.Millisecond)
			r.send(protocol.Commit{})
		}
		settle(0)
		if ps := find[protocol.Problem](r); len(ps) != 3 || ps[0].Code != protocol.ErrTooManyTurns {
			t.Errorf("problems %v, want three times %s", ps, protocol.ErrTooManyTurns)
		}
		r.end()
		<-r.over
		settle(0)
		if len(r.store.turns) != 9 {
			t.Errorf("%d turns in history, want the 9 that were taken", len(r.store.turns))
		}
		r.check()
	})
}

// A client that vanishes in mid-reply: the turn is recorded, everything is home
// (the bubble would not end otherwise).
func TestClientVanishes(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]time.Duration{"in atot": 50 * time.Millisecond, "in ttot": 120 * time.Millisecond, "in tts": 260 * time.Millisecond, "before all": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := open(t, session.Options{}, deps())
				r.configure()
				r.speak(time.Second)
				r.send(protocol.Commit{})
				settle(at)
				r.end()
				<-r.over
				settle(0)
				c := one[protocol.TurnCancelled](r)
				if c.Reason != protocol.CancelledByEnd || len(r.store.turns) != 1 || r.store.turns[0].InputWAV == nil {
					t.Errorf("%s, kept %+v", c.Reason, r.store.turns)
				}
				if err := r.s.Push(t.Context(), session.Input{Message: protocol.Ping{}}); !errors.Is(err, session.ErrEnded) {
					t.Errorf("push after the end: %v", err)
				}
				if r.err != nil {
					t.Errorf("Run: %v", r.err)
				}
				r.check()
			})
		})
	}
}

// A client that reads nothing holds the stages up, not the memory, and can still
// interrupt.
func TestBackpressure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := deps()
		d.TTOT = says(0, slices.Repeat([]string{"This is one more sentence of the reply. "}, 100)...)
		made := 0
		d.TTS = tts{func(context.Context, stage.Speech) iter.Seq2[stage.Chunk, error] {
			return func(yield func(stage.Chunk, error) bool) {
				made++
				yield(stage.Chunk{PCM: make([]byte, 64000), Rate: 16000}, nil) // 2 s
			}
		}}
		r := open(t, session.Options{HighWater: 10 * time.Second}, d)
		r.configure()
		r.send(protocol.Text{Text: "talk"})
		r.pause <- true
		settle(time.Minute)
		if made < 4 || made > 8 {
			t.Errorf("TTS made %d clauses of 2 s with a high-water mark of 10 s and nobody listening", made)
		}
		r.send(protocol.Cancel{})
		settle(time.Second)
		if len(r.store.turns) != 1 {
			t.Error("the cancel waits for the client to read")
		}
		r.pause <- false
		settle(time.Second)
		if len(r.sound) > 64000 {
			t.Errorf("%d bytes of the cancelled reply were sent", len(r.sound))
		}
		one[protocol.TurnCancelled](r)
		r.check()
	})
}

func TestSlowReaderIsEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, session.Options{MaxEvents: 100}, deps())
		r.configure()
		r.pause <- true
		for range 1000 {
			if r.s.Push(t.Context(), session.Input{Message: protocol.Ping{}}) != nil {
				break
			}
		}
		settle(0)
		r.pause <- false
		<-r.over
		if !errors.Is(r.err, session.ErrSlowReader) {
			t.Errorf("Run: %v, want ErrSlowReader", r.err)
		}
	})
}

// A turn that the store refuses, for another process has the session: that one
// tells the client how it ended, this one is silent and ends.
func TestAFencedTurnEndsTheSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := deps()
		st := &store{}
		d.History = st
		st.keep = func(history.Turn) (delayed, err error) { return nil, history.ErrFenced }
		r := open(t, session.Options{}, d)
		r.configure()
		r.send(protocol.Text{Text: "one"})
		settle(time.Minute)
		select {
		case <-r.over:
		default:
			t.Fatal("the session goes on")
		}
		if !errors.Is(r.err, session.ErrFenced) {
			t.Errorf("Run: %v, want ErrFenced", r.err)
		}
		if n := len(find[protocol.TurnDone](r)) + len(find[protocol.Warning](r)); n != 0 {
			t.Errorf("%d events say how the turn ended", n)
		}
	})
}

func TestHistoryInTrouble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := deps()
		st := &store{}
		d.History = st
		st.keep = func(history.Turn) (delayed, err error) { return errBroken, nil }
		reads := 0
		st.recent = func() ([]history.Turn, error) {
			if reads++; reads == 1 {
				return nil, errBroken
			}
			return []history.Turn{{ATOTText: "before", TTOTText: "yes"}}, nil
		}
		var prompts []stage.Prompt
		plain := d.TTOT
		d.TTOT = ttot{func(ctx context.Context, p stage.Prompt) iter.Seq2[string, error] {
			prompts = append(prompts, p)
			return plain.Respond(ctx, p)
		}}
		r := open(t, session.Options{}, d)
		r.configure()
		for _, text := range []string{"one", "two", "three"} {
			r.send(protocol.Text{Text: text})
			settle(time.Minute)
		}
		var codes []string
		for _, w := range find[protocol.Warning](r) {
			codes = append(codes, w.Code)
		}
		if want := []string{protocol.WarnHistoryUnread, protocol.WarnHistoryDelayed, protocol.WarnHistoryDelayed, protocol.WarnHistoryDelayed}; !slices.Equal(codes, want) {
			t.Errorf("warnings %v, want %v", codes, want)
		}
		var said []string
		for _, x := range prompts[2].History {
			said = append(said, x.User)
		}
		if want := "before one two"; strings.Join(said, " ") != want {
			t.Errorf("the third turn remembers %q, want %q", said, want)
		}
		st.keep = func(history.Turn) (delayed, err error) { return nil, errBroken }
		r.send(protocol.Text{Text: "four"})
		settle(time.Minute)
		ws := find[protocol.Warning](r)
		if ws[len(ws)-1].Code != protocol.WarnHistoryLost {
			t.Errorf("last warning %v, want %s", ws[len(ws)-1], protocol.WarnHistoryLost)
		}
		r.check()
	})
}

func TestRecordingsThatFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := deps()
		d.Recordings = recordings{func(string, io.Reader) (string, error) { return "", errBroken }}
		r := open(t, session.Options{}, d)
		r.configure()
		r.speak(time.Second)
		r.send(protocol.Commit{})
		settle(time.Minute)
		done := one[protocol.TurnDone](r)
		if done.Record.InputWAV != nil || done.Record.OutputWAV != nil || len(find[protocol.Warning](r)) != 2 {
			t.Errorf("record %+v, warnings %v", done.Record, find[protocol.Warning](r))
		}
	})
}

func TestReplyLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := open(t, session.Options{MaxReply: 1500 * time.Millisecond}, deps())
		r.configure()
		r.send(protocol.Text{Text: "hi"})
		settle(time.Minute)
		if ms := one[protocol.TurnDone](r).Record.OutputMS; ms != 1500 {
			t.Errorf("reply of %d ms, limit 1,500", ms)
		}
		if w := one[protocol.Warning](r); w.Code != protocol.WarnReplyLimit {
			t.Errorf("warning %v", w)
		}
		r.check()
	})
}
