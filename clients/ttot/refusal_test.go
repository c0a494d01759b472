package ttot_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"sori/clients/ttot"
	"sori/stage"
)

func TestEngineThatRefusesToolsAnswersWithout(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, refusal string
		remembered    bool
		code          string
	}{
		{"Ollama", `400 {"error":{"message":"registry.ollama.ai/library/gemma3:1b does not support tools"}}`, true, ""},
		{"vLLM", `400 {"object":"error","message":"\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set"}`, true, ""},
		{"OpenRouter", `404 {"error":{"message":"No endpoints found that support tool use."}}`, true, ""},
		{"llama.cpp", `500 {"error":{"code":500,"message":"tools param requires --jinja flag"}}`, true, ""},
		{"FastAPI", `422 {"detail":[{"loc":["body","tools"],"msg":"Extra inputs are not permitted"}]}`, true, ""},
		{"a schema", `400 {"error":{"message":"Invalid schema for function 'weather'"}}`, true, ""},
		{"the model's fault", `400 {"error":{"message":"Failed to call a function. Please adjust your prompt."}}`, false, ""},
		{"the model's fault, in the stream", `data: {"error":{"message":"Failed to call a function.","code":400}}` + "\n\n", false, ""},
		{"something else", `400 {"error":{"message":"context is full"}}`, false, stage.CodeRejected},
		{"broken", `500 {"error":{"message":"CUDA"}}`, false, stage.CodeStatus},
		{"in the stream, after words", say("Hi") + `data: {"error":{"message":"no tools","code":400}}` + "\n\n", false, stage.CodeRejected},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			engine := &play{answers: []string{tc.refusal, sunny}}
			inBubble(t, openAIURL, engine, func(t *testing.T, c *ttot.Client) {
				var f tool
				ask := func() []any {
					t.Helper()
					before := len(engine.asked)
					_, err := listen(t.Context(), c, promptWith(f.call))
					if tc.code != "" {
						wantCode(t, err, tc.code)
					} else if err != nil {
						t.Fatal(err)
					}
					var sent []any
					for _, m := range engine.asked[before:] {
						sent = append(sent, m["tool_choice"])
					}
					return sent
				}
				want := []any{"auto", nil}
				if tc.code != "" {
					want = want[:1]
				}
				if got := ask(); !reflect.DeepEqual(got, want) {
					t.Fatalf("asked with %v, want %v", got, want)
				}
				if tc.code != "" {
					return
				}
				want = []any{"auto"}
				if tc.remembered {
					want = []any{nil}
				}
				if got := ask(); !reflect.DeepEqual(got, want) {
					t.Errorf("then asked with %v, want %v", got, want)
				}
				time.Sleep(11 * time.Minute) // the engine may be another one by now
				if got := ask(); !reflect.DeepEqual(got, []any{"auto"}) {
					t.Errorf("later asked with %v", got)
				}
			})
		})
	}
}

func TestToolsOfOneSessionAreNotTheOthers(t *testing.T) {
	t.Parallel()
	engine := &play{answers: []string{`400 {"error":"Invalid schema for tool 'weather'"}`, sunny}}
	inBubble(t, openAIURL, engine, func(t *testing.T, c *ttot.Client) {
		var f tool
		if _, err := listen(t.Context(), c, promptWith(f.call)); err != nil {
			t.Fatal(err)
		}
		other := promptWith(f.call)
		other.Tools = other.Tools[1:]
		if _, err := listen(t.Context(), c, other); err != nil {
			t.Fatal(err)
		}
	})
	if len(engine.asked) != 3 || engine.asked[2]["tools"] == nil {
		t.Errorf("asked %v", engine.asked)
	}
}

func TestEngineThatRefusesToolsAfterOneRanIsToldInWords(t *testing.T) {
	t.Parallel()
	engine := &play{answers: []string{
		calling(0, "a", "weather", `{"city":"Busan"}`) + end("tool_calls"), `400 {"error":"Tool choice is none, but model called a tool"}`, sunny,
	}}
	inBubble(t, openAIURL, engine, func(t *testing.T, c *ttot.Client) {
		var f tool
		if _, err := listen(t.Context(), c, promptWith(f.call)); err != nil || len(f.calls) != 1 {
			t.Fatalf("%d tools ran, %v", len(f.calls), err)
		}
		// It took them before, so that it may take them the next time.
		if _, err := listen(t.Context(), c, promptWith(f.call)); err != nil || engine.asked[3]["tools"] == nil {
			t.Errorf("asked without tools, %v", err)
		}
	})
	want := `[{"content":"Hi\n(The function weather was called with {\"city\":\"Busan\"} and gave: gave weather)","role":"user"}]`
	if got := engine.messages(t, 2, 1); got != want {
		t.Errorf("told %s\nwant %s", got, want)
	}
}

func TestToolsRunOnceWhereAnotherEngineFinishes(t *testing.T) {
	t.Parallel()
	good := &play{answers: []string{sunny}}
	failing := &play{answers: []string{calling(0, "a", "weather", "{}") + end("tool_calls"), `500 {"error":"boom"}`}}
	both := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "127.0.0.1:8003" {
			good.ServeHTTP(w, r)
			return
		}
		failing.ServeHTTP(w, r)
	})
	inBubble(t, openAIURL+",openai+http://127.0.0.1:8003?model=m", both, func(t *testing.T, c *ttot.Client) {
		var f tool
		pieces, err := listen(t.Context(), c, promptWith(f.call))
		if err != nil || strings.Join(pieces, "") != "It is sunny." || len(f.calls) != 1 {
			t.Errorf("heard %q after %q, %v", pieces, f.calls, err)
		}
	})
	if got := good.messages(t, 0, 2); !strings.Contains(got, `"tool_call_id":"a"`) {
		t.Errorf("the second engine is told %s", got)
	}
}
