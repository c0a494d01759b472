package ttot_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sori/clients/endpoint"
	"sori/clients/enginetest"
	"sori/clients/ttot"
	"sori/stage"
)

// play answers one call after the other, the last one again and again, and
// keeps what was asked.
type play struct {
	answers []string // a body; "400 …" is a status with a body
	asked   []map[string]any
}

func (p *play) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sent, err := io.ReadAll(r.Body)
	var m map[string]any
	if err != nil || json.Unmarshal(sent, &m) != nil {
		panic(fmt.Sprintf("the call holds no JSON: %s", sent))
	}
	p.asked = append(p.asked, m)
	body := p.answers[min(len(p.asked), len(p.answers))-1]
	status := 0
	if n, err := fmt.Sscanf(body, "%d ", &status); n == 1 && err == nil {
		w.WriteHeader(status)
		body = body[4:]
	}
	_, _ = io.WriteString(w, body)
}

// messages gives what call i held from message from on.
func (p *play) messages(t *testing.T, i, from int) string {
	t.Helper()
	if i >= len(p.asked) {
		t.Fatalf("%d calls, want %d", len(p.asked), i+1)
	}
	all, ok := p.asked[i]["messages"].([]any)
	if !ok || len(all) < from {
		t.Fatalf("call %d holds %v", i, p.asked[i])
	}
	text, err := json.Marshal(all[from:])
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// tool is what a prompt's tools were asked.
type tool struct{ calls []string }

func (f *tool) call(_ context.Context, name string, arguments json.RawMessage) (string, error) {
	f.calls = append(f.calls, fmt.Sprintf("%s(%s)", name, arguments))
	return "gave " + name, nil
}

// promptWith has the tools weather and lights, which f runs.
func promptWith(f func(context.Context, string, json.RawMessage) (string, error)) stage.Prompt {
	p := prompt()
	p.Instructions = "x"
	p.Tools = []stage.Tool{
		{Name: "weather", Description: "Tells the weather.", Parameters: json.RawMessage(`{"type":"object","properties":{"city":{"type":"string"}}}`)},
		{Name: "lights"},
	}
	p.Call = f
	return p
}

// calling is an event of a streamed chat with a piece of a call.
func calling(index int, id, name, arguments string) string {
	d := map[string]any{"index": index, "function": map[string]any{"arguments": arguments}}
	if id != "" {
		d["id"], d["type"] = id, "function"
		d["function"] = map[string]any{"name": name, "arguments": arguments}
	}
	return calls(d)
}

func calls(list ...any) string {
	e, err := json.Marshal(map[string]any{"choices": []any{map[string]any{"delta": map[string]any{"tool_calls": list}}}})
	if err != nil {
		panic(err)
	}
	return "data: " + string(e) + "\n\n"
}

func end(reason string) string {
	return `data: {"choices":[{"delta":{},"finish_reason":"` + reason + `"}]}` + "\n\n" + done
}

const sunny = "data: {\"choices\":[{\"delta\":{\"content\":\"It is sunny.\"}}]}\n\n" + stop + done

func TestModelCallsTools(t *testing.T) {
	t.Parallel()
	busan := calling(0, "a", "weather", `{"city":"Busan"}`)
	for _, tc := range []struct {
		name    string
		answers []string
		calls   []string
		says    string
		asked   int // calls of the engine; 0 means 2
		code    string
	}{
		{name: "in pieces", answers: []string{calling(0, "a", "weather", "") + calling(0, "", "", `{"city":`) + calling(0, "", "", `"Busan"}`) + end("tool_calls"), sunny}, calls: []string{`weather({"city":"Busan"})`}, says: "It is sunny."},
		{name: "several at once", answers: []string{calling(0, "a", "weather", "{}") + calling(1, "b", "lights", "{}") + end("tool_calls"), sunny}, calls: []string{"weather({})", "lights({})"}, says: "It is sunny."},
		{name: "says that it stopped", answers: []string{busan + end("stop"), sunny}, calls: []string{`weather({"city":"Busan"})`}, says: "It is sunny."},
		{name: "says only that it is done", answers: []string{busan + done, sunny}, calls: []string{`weather({"city":"Busan"})`}, says: "It is sunny."},
		{name: "speaks before", answers: []string{say("Let me ") + say("look. ") + busan + end("tool_calls"), sunny}, calls: []string{`weather({"city":"Busan"})`}, says: "Let me look. |\nIt is sunny."},
		{name: "speaks only before", answers: []string{say("Done.") + busan + end("tool_calls"), stop + done}, calls: []string{`weather({"city":"Busan"})`}, says: "Done."},
		{name: "thinks before", answers: []string{say("<think>SECRET</think>") + busan + end("tool_calls"), say("<think>SECRET</think>\n\nHi") + stop + done}, calls: []string{`weather({"city":"Busan"})`}, says: "Hi"},
		{name: "twice", answers: []string{busan + end("tool_calls"), say("Hm.") + calling(0, "a", "lights", "{}") + end("tool_calls"), sunny}, calls: []string{`weather({"city":"Busan"})`, "lights({})"}, says: "Hm.|\nIt is sunny.", asked: 3},
		{name: "in one piece", answers: []string{`{"choices":[{"message":{"content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"lights","arguments":"{\"on\":true}"}}]},"finish_reason":"tool_calls"}]}`, `{"choices":[{"message":{"content":"Done."}}]}`}, calls: []string{`lights({"on":true})`}, says: "Done."},
		{name: "in one piece without a reason", answers: []string{`{"choices":[{"message":{"tool_calls":[{"function":{"name":"lights","arguments":{"on":true}}}]}}]}`, sunny}, calls: []string{`lights({"on":true})`}, says: "It is sunny."},
		{name: "broken arguments", answers: []string{calling(0, "a", "weather", `{"city`) + end("tool_calls"), sunny}, calls: []string{`weather({"city)`}, says: "It is sunny."},
		{name: "the older function_call", answers: []string{`data: {"choices":[{"delta":{"function_call":{"name":"weather","arguments":"{}"}}}]}` + "\n\n" + end("function_call")}, asked: 1, code: stage.CodeEmptyReply},
		{name: "reaches its limit", answers: []string{calling(0, "a", "weather", `{"city`) + end("length")}, asked: 1, code: stage.CodeEmptyReply},
		{name: "is cut", answers: []string{busan}, asked: 1, code: stage.CodeCutOff},
		{name: "names no tool", answers: []string{calls(map[string]any{"id": "a"}) + end("tool_calls")}, asked: 1, code: stage.CodeBadReply},
		{name: "no calls", answers: []string{calls("weather") + end("tool_calls")}, asked: 1, code: stage.CodeBadReply},
		{name: "says nothing after", answers: []string{busan + end("tool_calls"), stop + done}, calls: []string{`weather({"city":"Busan"})`}, code: stage.CodeEmptyReply},
		{name: "breaks after", answers: []string{busan + end("tool_calls"), `500 {"error":"boom"}`}, calls: []string{`weather({"city":"Busan"})`}, code: stage.CodeStatus},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			engine := &play{answers: tc.answers}
			inBubble(t, openAIURL, engine, func(t *testing.T, c *ttot.Client) {
				var f tool
				pieces, err := listen(t.Context(), c, promptWith(f.call))
				if tc.code != "" {
					wantCode(t, err, tc.code)
				} else if err != nil {
					t.Fatal(err)
				}
				// A mark shows where the second message begins.
				got := strings.ReplaceAll(strings.Join(pieces, ""), "\n", "|\n")
				if got != tc.says || !slices.Equal(f.calls, tc.calls) {
					t.Errorf("heard %q after %q, want %q after %q", got, f.calls, tc.says, tc.calls)
				}
			})
			if want := max(tc.asked, 1); tc.asked != 0 && len(engine.asked) != want || tc.asked == 0 && len(engine.asked) != 2 {
				t.Errorf("asked %d times", len(engine.asked))
			}
		})
	}
}

func TestModelIsToldOfToolsAndWhatTheyGave(t *testing.T) {
	t.Parallel()
	first := `data: {"choices":[{"delta":{"reasoning_content":"Hm, "}}]}` + "\n\n" + `data: {"choices":[{"delta":{"reasoning_content":"weather."}}]}` + "\n\n" +
		say("Let me look.") +
		calls(map[string]any{"index": 0, "id": "a", "function": map[string]any{"name": "weather", "arguments": `{"city":"Busan"}`}, "extra_content": map[string]any{"google": "signature"}}) +
		calling(1, "b", "lights", "{") + end("tool_calls")
	engine := &play{answers: []string{first, calling(0, "a", "lights", "") + end("tool_calls"), sunny}}
	inBubble(t, openAIURL, engine, func(t *testing.T, c *ttot.Client) {
		var f tool
		if _, err := listen(t.Context(), c, promptWith(f.call)); err != nil {
			t.Fatal(err)
		}
	})
	var want any
	if err := json.Unmarshal([]byte(`[
		{"type":"function","function":{"name":"weather","description":"Tells the weather.","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}},
		{"type":"function","function":{"name":"lights","parameters":{"type":"object","properties":{}}}}]`), &want); err != nil {
		t.Fatal(err)
	}
	for i, m := range engine.asked {
		if !reflect.DeepEqual(m["tools"], want) || m["tool_choice"] != "auto" {
			t.Errorf("call %d has tools %v, choice %v", i, m["tools"], m["tool_choice"])
		}
	}
	got := engine.messages(t, 2, 2)
	if want := `[{"content":"Let me look.","reasoning_content":"Hm, weather.","role":"assistant","tool_calls":[` +
		`{"extra_content":{"google":"signature"},"function":{"arguments":"{\"city\":\"Busan\"}","name":"weather"},"id":"a","type":"function"},` +
		`{"function":{"arguments":"{}","name":"lights"},"id":"b","type":"function"}]},` +
		`{"content":"gave weather","role":"tool","tool_call_id":"a"},{"content":"gave lights","role":"tool","tool_call_id":"b"},` +
		`{"content":null,"role":"assistant","tool_calls":[{"function":{"arguments":"{}","name":"lights"},"id":"a","type":"function"}]},` +
		`{"content":"gave lights","role":"tool","tool_call_id":"a"}]`; got != want {
		t.Errorf("told %s\nwant %s", got, want)
	}
}

func TestModelThatCallsWithoutEndHasToAnswer(t *testing.T) {
	t.Parallel()
	again := calling(0, "a", "lights", "{}") + end("tool_calls")
	for name, last := range map[string]string{"answers": sunny, "calls all the same": say("Well.") + again} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &play{answers: []string{again, again, again, again, again, last}}
			inBubble(t, openAIURL, engine, func(t *testing.T, c *ttot.Client) {
				var f tool
				if _, err := listen(t.Context(), c, promptWith(f.call)); err != nil {
					t.Fatal(err)
				}
				if len(f.calls) != 5 {
					t.Errorf("%d tools ran", len(f.calls))
				}
			})
			var choices []string
			for _, m := range engine.asked {
				choices = append(choices, fmt.Sprint(m["tool_choice"]))
			}
			if got := strings.Join(choices, " "); got != "auto auto auto auto auto none" {
				t.Errorf("choices %s", got)
			}
		})
	}
}

func TestNoToolsAreSentWhereThereAreNone(t *testing.T) {
	t.Parallel()
	withoutCall := promptWith(nil)
	for _, tc := range []struct {
		name, spec string
		prompt     stage.Prompt
	}{
		{"none", openAIURL, prompt()},
		{"nobody runs them", openAIURL, withoutCall},
		{"the seed's dialect", seedURL, promptWith(func(context.Context, string, json.RawMessage) (string, error) { panic("called") })},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			engine := &play{answers: []string{say("Hi") + calling(0, "a", "lights", "{}") + end("stop")}}
			inBubble(t, tc.spec, engine, func(t *testing.T, c *ttot.Client) {
				pieces, err := listen(t.Context(), c, tc.prompt)
				if err != nil || strings.Join(pieces, "") != "Hi" {
					t.Errorf("heard %q, %v", pieces, err)
				}
			})
			if len(engine.asked) != 1 || engine.asked[0]["tools"] != nil || engine.asked[0]["tool_choice"] != nil {
				t.Errorf("asked %v", engine.asked)
			}
		})
	}
}

func TestErrorOfAToolEndsTheReply(t *testing.T) {
	t.Parallel()
	over := errors.New("the turn is over")
	engine := &play{answers: []string{say("Hm.") + calling(0, "a", "weather", "{}") + calling(1, "b", "lights", "{}") + end("tool_calls"), sunny}}
	for _, spoken := range []bool{true, false} {
		if !spoken {
			engine.answers[0] = strings.TrimPrefix(engine.answers[0], say("Hm."))
		}
		engine.asked = nil
		// The second engine has nothing to do with it.
		synctest.Test(t, func(t *testing.T) {
			n := enginetest.Serve(t, engine)
			c, err := ttot.New(openAIURL+","+openAIURL+"2", endpoint.Options{Dial: n.Dial})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			ran := 0
			pieces, err := listen(t.Context(), c, promptWith(func(context.Context, string, json.RawMessage) (string, error) {
				ran++
				return "", over
			}))
			if err != over { //nolint:errorlint // it has to be given as it is
				t.Errorf("error %v", err)
			}
			if ran != 1 || len(engine.asked) != 1 || (len(pieces) == 1) != spoken {
				t.Errorf("%d tools ran, asked %d times, heard %q", ran, len(engine.asked), pieces)
			}
		})
	}
}

func TestToolsTimeIsNotTheEngines(t *testing.T) {
	t.Parallel()
	engine := &play{answers: []string{calling(0, "a", "lights", "{}") + end("tool_calls"), calling(0, "b", "lights", "{}") + end("tool_calls"), sunny}}
	inBubble(t, openAIURL, engine, func(t *testing.T, c *ttot.Client) {
		began := time.Now()
		_, err := listen(t.Context(), c, promptWith(func(context.Context, string, json.RawMessage) (string, error) {
			time.Sleep(time.Hour)
			return "ok", nil
		}))
		if took := time.Since(began); err != nil || took != 2*time.Hour {
			t.Errorf("took %v, %v", took, err)
		}
	})
}

func TestEngineThatHangsAfterAToolIsLate(t *testing.T) {
	t.Parallel()
	asked := 0
	inBubble(t, openAIURL, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if asked++; asked > 1 {
			hang(r)
			return
		}
		_, _ = io.WriteString(w, calling(0, "a", "lights", "{}")+end("tool_calls"))
	}), func(t *testing.T, c *ttot.Client) {
		began := time.Now()
		_, err := listen(t.Context(), c, promptWith(func(context.Context, string, json.RawMessage) (string, error) {
			time.Sleep(time.Minute)
			return "ok", nil
		}))
		wantCode(t, err, stage.CodeTimeout)
		if took := time.Since(began); took != 90*time.Second {
			t.Errorf("took %v, want a minute for the tool and 30 s for the engine", took)
		}
	})
}

func TestLongArgumentsAreProgress(t *testing.T) {
	t.Parallel()
	events := []string{calling(0, "a", "lights", `{"x":"`)}
	events = append(events, slices.Repeat([]string{calling(0, "", "", "word ")}, 60)...)
	events = append(events, calling(0, "", "", `"}`), end("tool_calls"))
	asked := 0
	inBubble(t, openAIURL, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked > 1 {
			answer(asSSE, sunny)(w, r)
			return
		}
		stream(events, time.Second, nil)(w, r)
	}), func(t *testing.T, c *ttot.Client) {
		var f tool
		if _, err := listen(t.Context(), c, promptWith(f.call)); err != nil || len(f.calls) != 1 {
			t.Errorf("%d tools ran, %v", len(f.calls), err)
		}
	})
}

func TestNobodyListensAnyMore(t *testing.T) {
	t.Parallel()
	engine := &play{answers: []string{say("Let me look.") + calling(0, "a", "lights", "{}") + end("tool_calls")}}
	t.Run("before the tool", func(t *testing.T) {
		t.Parallel()
		inBubble(t, openAIURL, engine, func(t *testing.T, c *ttot.Client) {
			var f tool
			for _, err := range c.Respond(t.Context(), promptWith(f.call)) {
				if err != nil {
					t.Error(err)
				}
				break
			}
			if len(f.calls) != 0 {
				t.Error("the tool ran")
			}
		})
	})
	t.Run("during the tool", func(t *testing.T) {
		t.Parallel()
		engine := &play{answers: engine.answers}
		inBubble(t, openAIURL, engine, func(t *testing.T, c *ttot.Client) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := listen(ctx, c, promptWith(func(context.Context, string, json.RawMessage) (string, error) {
				cancel()
				return "nobody wants it", nil
			}))
			if !errors.Is(err, context.Canceled) || len(engine.asked) != 1 {
				t.Errorf("error %v, asked %d times", err, len(engine.asked))
			}
		})
	})
}
