package session_test

import (
	"context"
	"encoding/json"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sori/history"
	"sori/protocol"
	"sori/session"
	"sori/stage"
)

func TestIdlePrompt(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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
			t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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
	t.Parallel()
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
