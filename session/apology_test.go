package session_test

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sori/history"
	"sori/protocol"
	"sori/quota"
	"sori/session"
	"sori/stage"
)

// A turn that can't be answered is answered with an apology: spoken where TTS
// works, shown where it does not, and nothing where there is nothing to say.
func TestApology(t *testing.T) {
	t.Parallel()
	const sorry = "Sorry, friend."
	deaf := func(d *session.Deps) {
		d.ATOT = atot{func(context.Context, stage.Utterance) iter.Seq2[stage.Transcript, error] {
			return failsAtOnce[stage.Transcript](errBroken)
		}}
	}
	blank := func(d *session.Deps) {
		d.TTOT = ttot{func(context.Context, stage.Prompt) iter.Seq2[string, error] { return failsAtOnce[string](errBroken) }}
	}
	mute := func(d *session.Deps) {
		d.TTS = tts{func(context.Context, stage.Speech) iter.Seq2[stage.Chunk, error] {
			return failsAtOnce[stage.Chunk](errBroken)
		}}
	}
	const second = 32_000 // bytes; what the fake TTS makes of a text
	cases := map[string]struct {
		spoil func(*session.Deps)
		quiet bool // the client wants no audio
		typed bool
		want  []string // the turn's last events
		text  string   // of the reply
		sound int      // bytes
		told  bool
	}{
		"atot fails": {
			spoil: deaf, told: true, sound: second,
			want: []string{"atot.failed", "reply.apology", "audio.begin", "audio", "audio.end", "turn.failed"},
		},
		"ttot fails": {
			spoil: blank, typed: true, told: true, sound: second,
			want: []string{"ttot.failed", "reply.apology", "audio.begin", "audio", "audio.end", "turn.failed"},
		},
		"ttot breaks off after a sentence": {
			spoil: func(d *session.Deps) {
				d.TTOT = ttot{func(context.Context, stage.Prompt) iter.Seq2[string, error] {
					return func(yield func(string, error) bool) {
						if yield("This sentence is whole. ", nil) {
							time.Sleep(10 * time.Second) // it has been spoken
							yield("", errBroken)
						}
					}
				}}
			},
			typed: true, told: true, text: "This sentence is whole.", sound: 2 * second,
			want: []string{"tts.done", "ttot.failed", "reply.apology", "audio", "audio.end", "turn.failed"},
		},
		"ttot and tts fail": {
			spoil: func(d *session.Deps) { blank(d); mute(d) }, typed: true, told: true,
			want: []string{"ttot.started", "ttot.failed", "reply.apology", "turn.failed"},
		},
		"ttot fails and tts hangs": {
			spoil: func(d *session.Deps) {
				blank(d)
				d.TTS = tts{func(ctx context.Context, _ stage.Speech) iter.Seq2[stage.Chunk, error] {
					return func(yield func(stage.Chunk, error) bool) {
						<-ctx.Done()
						yield(stage.Chunk{}, context.Cause(ctx))
					}
				}}
			},
			typed: true, told: true,
			want: []string{"ttot.started", "ttot.failed", "reply.apology", "turn.failed"},
		},
		"ttot fails and tts panics": {
			spoil: func(d *session.Deps) {
				blank(d)
				d.TTS = tts{func(context.Context, stage.Speech) iter.Seq2[stage.Chunk, error] { panic("bug") }}
			},
			typed: true, told: true,
			want: []string{"ttot.started", "ttot.failed", "reply.apology", "turn.failed"},
		},
		"ttot fails, and the client wants text alone": {
			spoil: blank, typed: true, quiet: true, told: true,
			want: []string{"ttot.started", "ttot.failed", "reply.apology", "turn.failed"},
		},
		"tts fails: the reply is there to read": {
			spoil: mute, typed: true, text: "Hello there, my friend. How are you today?",
			want: []string{"tts.failed", "ttot.partial", "ttot.done", "turn.failed"},
		},
		"nothing was said": {
			spoil: func(d *session.Deps) { d.ATOT = hears(0, "") },
			want:  []string{"atot.started", "atot.failed", "turn.failed"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := deps()
				c.spoil(&d)
				spent := &allowance{}
				r := open(t, session.Options{Allowance: spent, Apology: func(language, said string) string {
					if language != "en" || c.typed != (said == "hello?") {
						t.Errorf("asked for an apology in %q for %q", language, said)
					}
					return sorry
				}}, d)
				r.configure()
				if c.quiet {
					if err := r.s.Push(t.Context(), session.Input{Order: session.Conduct{Manner: session.Manner{Mute: new(true)}}}); err != nil {
						t.Fatal(err)
					}
				}
				if c.typed {
					r.send(protocol.Text{Text: "hello?"})
				} else {
					r.speak(time.Second)
					r.send(protocol.Commit{})
				}
				settle(time.Minute)
				got := r.types()
				if got = got[max(0, len(got)-len(c.want)):]; !slices.Equal(got, c.want) {
					t.Errorf("the turn ended with %v, want %v", got, c.want)
				}
				if len(r.sound) != c.sound {
					t.Errorf("%d bytes of sound, want %d", len(r.sound), c.sound)
				}
				rec := one[protocol.TurnFailed](r).Record
				if c.told {
					if e := one[protocol.Apology](r); e.Text != sorry || e.Spoken != (c.sound > 0) || rec.Apology != sorry {
						t.Errorf("told %+v, recorded %q", e, rec.Apology)
					}
				} else if n := len(find[protocol.Apology](r)); n > 0 || rec.Apology != "" {
					t.Errorf("%d apologies, recorded %q", n, rec.Apology)
				}
				if rec.Status != history.Failed || rec.Error == nil || rec.TTOTText != c.text {
					t.Errorf("record %+v", rec)
				}
				made := len(c.text) > 0 && c.sound > 0
				if want := map[bool]time.Duration{true: time.Second}[made]; spent.spoken != want || rec.OutputMS != want.Milliseconds() || (rec.OutputWAV != nil) != made {
					t.Errorf("counted %v, recorded %d ms in %v", spent.spoken, rec.OutputMS, rec.OutputWAV)
				}
				r.check()
			})
		})
	}
}

// Who speaks over an apology stops it, and nothing of it is taken for a reply.
func TestApologyIsInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := deps()
		answers := d.TTOT
		failed := false
		var told []stage.Exchange
		d.TTOT = ttot{func(ctx context.Context, p stage.Prompt) iter.Seq2[string, error] {
			if !failed {
				failed = true
				return failsAtOnce[string](errBroken)
			}
			told = p.History
			return answers.Respond(ctx, p)
		}}
		r := open(t, session.Options{Apology: session.Sorry}, d)
		r.configure()
		r.send(protocol.Text{Text: "first"})
		settle(300 * time.Millisecond) // of a second of apology
		r.send(protocol.Text{Text: "second"})
		settle(time.Minute)
		rec := one[protocol.TurnFailed](r).Record
		if rec.TTOTText != "" || rec.HeardMS == nil || *rec.HeardMS != 0 || !strings.HasPrefix(rec.Apology, "I'm sorry") {
			t.Errorf("record %+v", rec)
		}
		for _, x := range told {
			if strings.Contains(x.Reply, "sorry") {
				t.Errorf("the model is told of the apology: %+v", told)
			}
		}
		one[protocol.TurnDone](r)
		r.check()
	})
}

func TestSorry(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		language, said string
		korean         bool
	}{
		{"en", "", false},
		{"en-GB", "안녕하세요", false},
		{"ko", "", true},
		{"KO-kr", "hello", true},
		{"", "", false},
		{"", "안녕하세요", true},
		{"auto", "안녕", true},
		{"de", "hallo", false},
	} {
		if got := session.Sorry(c.language, c.said); strings.Contains(got, "죄송") != c.korean || len(got) < 20 {
			t.Errorf("%q, %q: %s", c.language, c.said, got)
		}
	}
}

// allowance allows everything and counts what is spoken.
type allowance struct{ spoken time.Duration }

func (*allowance) Check() *quota.LimitError { return nil }
func (*allowance) Turn(time.Duration)       {}
func (a *allowance) Spoken(d time.Duration) { a.spoken += d }
func (*allowance) States() []quota.State    { return nil }
