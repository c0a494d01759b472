package ttot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sori/clients/endpoint"
	"sori/stage"
)

// maxCalls is how many tools one message may call: more is a model that runs in
// circles.
const maxCalls = 16

// call is one tool call of a model. Its JSON is what the model is shown of it
// afterwards.
type call struct {
	ID       string   `json:"id"`
	Type     string   `json:"type"`
	Function function `json:"function"`
	// Extra is what some engines want back as they gave it, such as the signature
	// of the thought that led to the call.
	Extra json.RawMessage `json:"extra_content,omitempty"`
}

type function struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

// callDelta is a piece of a call, or a whole one. Index and ID say which call it
// belongs to, where the engine gives them.
type callDelta struct {
	Index    *int   `json:"index"`
	ID       string `json:"id"`
	Function struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"` // a piece of a string, or an object
	} `json:"function"`
	Extra json.RawMessage `json:"extra_content"`
}

// arguments gives the piece of the call's arguments.
func (d *callDelta) arguments() string {
	var s *string
	if json.Unmarshal(d.Function.Arguments, &s) == nil {
		if s == nil {
			return ""
		}
		return *s
	}
	return string(d.Function.Arguments)
}

// building is a call of which more may come.
type building struct {
	index     *int
	id, name  string
	arguments strings.Builder
	object    objectEnd
	extra     json.RawMessage
}

// calls puts together the tool calls of one message. Engines differ: pieces
// come with an index, an id, both or neither, whole calls at once, and some
// engines number all calls of a message 0. It belongs to one goroutine.
type calls struct {
	all  []*building
	size int // bytes of names and arguments
}

// add takes in the tool_calls of one event: a list, or a single call. It says
// whether they brought anything.
func (c *calls) add(raw json.RawMessage) (some bool, err error) {
	var deltas []callDelta
	raw = bytes.TrimSpace(raw)
	if len(raw) > 0 && raw[0] == '{' {
		raw = slices.Concat([]byte("["), raw, []byte("]"))
	}
	if len(raw) == 0 || raw[0] != '[' {
		return false, nil // null, or something that is none
	}
	if err := json.Unmarshal(raw, &deltas); err != nil {
		return false, &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "calls a tool in a way that can't be read.", Err: err}
	}
	for i := range deltas {
		d := &deltas[i]
		piece := d.arguments()
		c.size += len(d.Function.Name) + len(piece)
		some = some || d.ID != "" || d.Function.Name != "" || piece != ""
		b := c.find(d, piece)
		if b == nil {
			continue
		}
		b.take(d, piece)
		if len(c.all) > maxCalls {
			return false, &endpoint.ReplyError{Code: stage.CodeBadReply, Says: fmt.Sprintf("calls more than %d tools at once.", maxCalls)}
		}
		if c.size > maxReply {
			return false, tooLong()
		}
	}
	return some, nil
}

// find gives the call that d belongs to, a new one where it begins one, and nil
// where d repeats what was told.
func (c *calls) find(d *callDelta, piece string) *building {
	named := d.Function.Name != ""
	b := c.known(d)
	if b == nil {
		return c.begin(d)
	}
	again := strings.HasPrefix(strings.TrimSpace(piece), "{") && b.object.closed // an object after the whole one
	switch {
	case !named && again && b.arguments.String() == "{}":
		b.arguments.Reset() // the empty object stood for "arguments follow"
		b.object = objectEnd{}
		return b
	case !named, b.name == "":
		return b // whatever its id: some engines make up a new one for each piece
	case d.ID != "" && b.id != "" && d.ID != b.id:
		return c.begin(d) // all calls have the same index
	case again && d.ID != "" && piece == b.arguments.String():
		return nil // the call is told again at the end
	case again, b.object.closed && d.Function.Name != b.name:
		return c.begin(d)
	case d.Index == nil && d.ID == "" && (d.Function.Name != b.name || b.object.closed || b.arguments.Len() == 0):
		return c.begin(d) // nothing but its name tells that it is another call
	}
	return b
}

// known gives the call that d names, nil for one that is new.
func (c *calls) known(d *callDelta) *building {
	switch {
	case d.Index != nil:
		return c.latest(func(b *building) bool { return b.index != nil && *b.index == *d.Index })
	case d.ID != "":
		if b := c.latest(func(b *building) bool { return b.id == d.ID }); b != nil || d.Function.Name != "" {
			return b
		}
	}
	return c.latest(func(*building) bool { return true })
}

func (c *calls) latest(is func(*building) bool) *building {
	for _, b := range slices.Backward(c.all) {
		if is(b) {
			return b
		}
	}
	return nil
}

func (c *calls) begin(d *callDelta) *building {
	b := &building{index: d.Index}
	c.all = append(c.all, b)
	return b
}

// take takes in a piece of the call.
func (b *building) take(d *callDelta, piece string) {
	if b.id == "" {
		b.id = d.ID
	}
	switch name := d.Function.Name; {
	case name == b.name: // told again
	case strings.HasPrefix(name, b.name):
		b.name = name
	default:
		b.name += name
	}
	if len(d.Extra) > 0 && string(d.Extra) != "null" {
		b.extra = d.Extra
	}
	b.arguments.WriteString(piece)
	b.object.write(piece)
}

// finish gives the calls. Those without an id get one, since answers are told
// apart by it.
func (c *calls) finish() ([]call, error) {
	done := make([]call, 0, len(c.all))
	known := map[string]bool{}
	for _, b := range c.all {
		if b.name == "" {
			return nil, &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "calls a tool without naming it."}
		}
		id := b.id
		for n := len(done); id == "" || known[id]; n++ {
			id = fmt.Sprintf("call%05d", n) // nine letters and digits, as Mistral's models want
		}
		known[id] = true
		done = append(done, call{ID: id, Type: "function", Function: function{b.name, argumentsOf(b.arguments.String())}, Extra: b.extra})
	}
	return done, nil
}

// argumentsOf gives the arguments as the tool should see them: none are an empty
// object, and an object inside a string is the object.
func argumentsOf(s string) string {
	if strings.TrimSpace(s) == "" {
		return "{}"
	}
	var inner string
	if json.Unmarshal([]byte(s), &inner) == nil && strings.HasPrefix(strings.TrimSpace(inner), "{") && json.Valid([]byte(inner)) {
		return inner
	}
	return s
}

// objectEnd finds the end of a JSON object that comes in pieces.
type objectEnd struct {
	depth   int
	quoted  bool
	escaped bool
	closed  bool // the outermost brace was closed
}

func (o *objectEnd) write(s string) {
	for _, c := range []byte(s) {
		switch {
		case o.escaped:
			o.escaped = false
		case o.quoted:
			o.escaped = c == '\\'
			o.quoted = c != '"'
		case c == '"':
			o.quoted = true
		case c == '{':
			o.depth++
		case c == '}' && o.depth > 0:
			o.depth--
			o.closed = o.closed || o.depth == 0
		}
	}
}
