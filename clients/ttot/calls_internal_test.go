package ttot

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// gather puts the calls of events together and writes them as "id name(arguments)".
func gather(events ...string) (string, error) {
	var c calls
	for _, e := range events {
		if _, err := c.add(json.RawMessage(e)); err != nil {
			return "", err
		}
	}
	done, err := c.finish()
	var all []string
	for _, d := range done {
		all = append(all, fmt.Sprintf("%s %s(%s)", d.ID, d.Function.Name, d.Function.Arguments))
	}
	return strings.Join(all, "; "), err
}

func TestCallsOfEveryShape(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		events []string
		want   string
	}{
		{"in pieces", []string{
			`[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]`,
			`[{"index":0,"function":{"arguments":"{\"x\""}}]`,
			`[{"index":0,"function":{"arguments":":1}"}}]`,
		}, `a f({"x":1})`},
		{"name in pieces", []string{
			`[{"index":0,"id":"a","function":{"name":"get_"}}]`,
			`[{"index":0,"function":{"name":"weather","arguments":"{}"}}]`,
		}, `a get_weather({})`},
		{"name and id each time", []string{
			`[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\""}}]`,
			`[{"index":0,"id":"a","function":{"name":"f","arguments":":{\"y\""}}]`,
			`[{"index":0,"id":"a","function":{"name":"f","arguments":":2}}"}}]`,
		}, `a f({"x":{"y":2}})`},
		{"name grows", []string{
			`[{"index":0,"id":"a","function":{"name":"get"}}]`,
			`[{"index":0,"id":"a","function":{"name":"get_weather","arguments":"{}"}}]`,
		}, `a get_weather({})`},
		{"another id with each piece", []string{
			`[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}]`,
			`[{"index":0,"id":"b","function":{"arguments":"}"}}]`,
		}, `a f({})`},
		{"parallel, in turns", []string{
			`[{"index":0,"id":"a","function":{"name":"f"}},{"index":1,"id":"b","function":{"name":"g"}}]`,
			`[{"index":1,"function":{"arguments":"{\"y\":"}}]`,
			`[{"index":0,"function":{"arguments":"{\"x\":"}}]`,
			`[{"index":1,"function":{"arguments":"2}"}},{"index":0,"function":{"arguments":"1}"}}]`,
		}, `a f({"x":1}); b g({"y":2})`},
		{"all with the index 0", []string{
			`[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}]`,
			`[{"index":0,"id":"b","function":{"name":"f","arguments":"{\"x\":"}}]`,
			`[{"index":0,"function":{"arguments":"2}"}}]`,
		}, `a f({"x":1}); b f({"x":2})`},
		{"all with the index 0 and no id", []string{
			`[{"index":0,"function":{"name":"f","arguments":"{\"x\":1}"}}]`,
			`[{"index":0,"function":{"name":"f","arguments":"{\"x\":2}"}}]`,
			`[{"index":0,"function":{"name":"g","arguments":""}}]`,
		}, `call00000 f({"x":1}); call00001 f({"x":2}); call00002 g({})`},
		{"no index", []string{
			`[{"id":"a","function":{"name":"f","arguments":"{\"x\":"}}]`,
			`[{"id":"a","function":{"arguments":"1}"}}]`,
			`[{"id":"b","function":{"name":"f","arguments":"{}"}}]`,
		}, `a f({"x":1}); b f({})`},
		{"neither index nor id", []string{
			`[{"function":{"name":"f","arguments":"{\"x\":"}}]`,
			`[{"function":{"arguments":"1}"}}]`,
			`[{"function":{"name":"f"}},{"function":{"name":"g","arguments":"{\"y\""}}]`,
			`[{"function":{"name":"g","arguments":":2}"}}]`,
		}, `call00000 f({"x":1}); call00001 f({}); call00002 g({"y":2})`},
		{"in one piece", []string{
			`[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},{"id":"b","type":"function","function":{"name":"f","arguments":"{\"x\":2}"}}]`,
		}, `a f({"x":1}); b f({"x":2})`},
		{"one id for all", []string{
			`[{"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}},{"id":"a","function":{"name":"f","arguments":"{\"x\":2}"}}]`,
		}, `a f({"x":1}); call00001 f({"x":2})`},
		{"told again at the end", []string{
			`[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}]`,
			`[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}]`,
		}, `a f({"x":1})`},
		{"an empty object before the arguments", []string{
			`[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]`,
			`[{"index":0,"function":{"arguments":"{\"x\":"}}]`,
			`[{"index":0,"function":{"arguments":"1}"}}]`,
		}, `a f({"x":1})`},
		{"arguments as an object", []string{`[{"id":"a","function":{"name":"f","arguments":{"x": "}{"}}}]`}, `a f({"x": "}{"})`},
		{"arguments as an object, twice", []string{`[{"function":{"name":"f","arguments":{}}},{"function":{"name":"f","arguments":{}}}]`}, `call00000 f({}); call00001 f({})`},
		{"arguments in a string in a string", []string{`[{"id":"a","function":{"name":"f","arguments":"\"{\\\"x\\\":1}\""}}]`}, `a f({"x":1})`},
		{"a string for an argument", []string{`[{"id":"a","function":{"name":"f","arguments":"\"Busan\""}}]`}, `a f("Busan")`},
		{"no arguments", []string{`[{"id":"a","function":{"name":"f"}}]`, `[{"id":"a","function":{"arguments":null}}]`}, `a f({})`},
		{"broken arguments", []string{`[{"id":"a","function":{"name":"f","arguments":"{\"x\":"}}]`}, `a f({"x":)`},
		{"no list", []string{`{"id":"a","function":{"name":"f","arguments":"{}"}}`}, `a f({})`},
		{"none", []string{`null`, `[]`, ``, `""`, `false`}, ``},
		{"id and name later", []string{
			`[{"index":0}]`, `[{"index":0,"function":{"arguments":"{}"}}]`, `[{"index":0,"id":"a","function":{"name":"f"}}]`,
		}, `a f({})`},
		{"indexes with a gap", []string{`[{"index":5,"id":"a","function":{"name":"f"}}]`, `[{"index":2,"id":"b","function":{"name":"g"}}]`}, `a f({}); b g({})`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := gather(tc.events...)
			if err != nil || got != tc.want {
				t.Errorf("got %s, %v\nwant %s", got, err, tc.want)
			}
		})
	}
}

func TestCallsThatAreRefused(t *testing.T) {
	t.Parallel()
	many := `[` + strings.TrimSuffix(strings.Repeat(`{"function":{"name":"f","arguments":{}}},`, maxCalls+1), ",") + `]`
	long := slices.Repeat([]string{`[{"index":0,"function":{"name":"f","arguments":"` + strings.Repeat("x", maxReply/4) + `"}}]`}, 5)
	for name, events := range map[string][]string{
		"no name":     {`[{"index":0,"id":"a","function":{"arguments":"{}"}}]`},
		"wrong type":  {`[{"index":"0"}]`},
		"no calls":    {`["f"]`},
		"too many":    {many},
		"without end": long,
	} {
		if got, err := gather(events...); err == nil {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

// cutCalls writes calls as an engine would stream them, cut and mixed by r.
func cutCalls(r *rand.Rand, all []call) []string {
	type piece struct {
		of   int
		text string
	}
	rest := make([][]string, len(all))
	for i, c := range all {
		rest[i] = []string{""}
		for s := []rune(c.Function.Arguments); len(s) > 0; {
			n := 1 + r.IntN(len(s))
			rest[i] = append(rest[i], string(s[:n]))
			s = s[n:]
		}
	}
	var pieces []piece
	for begun := 0; ; {
		var open []int
		for i := range rest {
			if len(rest[i]) > 0 && i <= begun {
				open = append(open, i)
			}
		}
		if len(open) == 0 {
			break
		}
		i := open[r.IntN(len(open))]
		begun = max(begun, i+1)
		pieces = append(pieces, piece{i, rest[i][0]})
		rest[i] = rest[i][1:]
	}
	var events []string
	told := map[int]bool{}
	for _, p := range pieces {
		c := all[p.of]
		f := map[string]any{"arguments": p.text}
		d := map[string]any{"index": p.of, "function": f}
		if !told[p.of] || r.IntN(3) == 0 {
			d["id"], f["name"] = c.ID, c.Function.Name
		}
		told[p.of] = true
		e, err := json.Marshal([]any{d})
		if err != nil {
			panic(err)
		}
		events = append(events, string(e))
	}
	return events
}

func FuzzCallsInPieces(f *testing.F) {
	f.Add(uint64(1), `{"city":"Busan","days":[1,{"x":"}{\""}]}`, `{}`)
	f.Add(uint64(2), `{"a":{"b":{}}}`, `{"말":"\\"}`)
	f.Add(uint64(3), ``, `[1,2]`)
	f.Fuzz(func(t *testing.T, seed uint64, first, second string) {
		r := rand.New(rand.NewPCG(seed, 7))
		var all []call
		for i, arguments := range []string{first, second, first} {
			if !json.Valid([]byte(arguments)) || !utf8.ValidString(arguments) || !strings.HasPrefix(arguments, "{") || len(arguments) > 10_000 {
				arguments = `{"x":{"y":"{"}}`
			}
			all = append(all, call{ID: fmt.Sprint("id", i), Type: "function", Function: function{fmt.Sprint("tool", i), arguments}})
		}
		events := cutCalls(r, all)
		var c calls
		for _, e := range events {
			if _, err := c.add(json.RawMessage(e)); err != nil {
				t.Fatal(err)
			}
		}
		got, err := c.finish()
		if err != nil || !reflect.DeepEqual(got, all) {
			t.Errorf("%s\nbecame %+v, %v\nwant %+v", strings.Join(events, "\n"), got, err, all)
		}
	})
}

func FuzzCalls(f *testing.F) {
	for _, s := range []string{
		`[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}]`,
		`[{"index":0,"function":{"name":"f","arguments":{}}},{"id":"b","function":{"name":"g"}}]`,
		`{"function":{"name":"f"}}`, `null`, `[`, `[{"extra_content":{"google":{}}}]`,
	} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		var c calls
		for _, s := range []string{first, second, first} {
			if _, err := c.add(json.RawMessage(s)); err != nil {
				return
			}
		}
		done, err := c.finish()
		if err != nil {
			return
		}
		ids := map[string]bool{}
		for _, d := range done {
			if d.ID == "" || ids[d.ID] || d.Function.Name == "" || d.Function.Arguments == "" {
				t.Errorf("%+v", done)
			}
			ids[d.ID] = true
		}
		r := round{calls: done}
		if _, err := json.Marshal(r.shown()); err != nil {
			t.Error(err)
		}
		if len(done) > maxCalls {
			t.Errorf("%d calls", len(done))
		}
	})
}
