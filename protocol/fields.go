package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// DecodeError says why a text frame was not accepted. Code is one of the codes
// of [Problem], Message a sentence that names the field and what it must be.
type DecodeError struct {
	Code    string
	Message string
}

func (e *DecodeError) Error() string { return "protocol: " + e.Code + ": " + e.Message }

// Problem is what a server answers to a frame with this error.
func (e *DecodeError) Problem() Problem { return Problem{Code: e.Code, Message: e.Message} }

func bad(format string, args ...any) *DecodeError {
	return &DecodeError{Code: ErrBadMessage, Message: fmt.Sprintf(format, args...)}
}

func badJSON(format string, args ...any) *DecodeError {
	return &DecodeError{Code: ErrBadJSON, Message: fmt.Sprintf(format, args...)}
}

// checkFrame looks at a text frame before anything decodes it.
func checkFrame(data []byte) *DecodeError {
	switch {
	case !utf8.Valid(data):
		return badJSON("The text frame is not UTF-8.")
	case depth(data) > MaxDepth:
		return badJSON("The JSON is nested deeper than %d.", MaxDepth)
	case !json.Valid(data):
		return badJSON("The text frame is not one valid JSON object.")
	}
	return nil
}

// depth says how deep the arrays and objects in data are nested. It stops
// counting at MaxDepth+1 and does not recurse.
func depth(data []byte) int {
	deepest, now, quoted := 0, 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
			if deepest > MaxDepth {
				return deepest
			}
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

// fields are the members of one JSON object by their exact names. Reading one
// notes the first thing that is wrong in err and gives the zero value; a member
// that is null counts as absent.
type fields struct {
	at  string // where the object stands, such as "input.", for messages
	raw map[string]json.RawMessage
	err *DecodeError
}

// readFields takes an object apart. data is valid JSON. A name that stands
// twice is an error: the reader and the writer might mean different ones.
func readFields(at string, data []byte) (*fields, *DecodeError) {
	f := &fields{at: at, raw: make(map[string]json.RawMessage)}
	if first := bytes.TrimLeft(data, " \t\r\n"); len(first) == 0 || first[0] != '{' {
		if at == "" {
			return nil, badJSON("The text frame is not a JSON object.")
		}
		return nil, bad("%q must be an object.", strings.TrimSuffix(at, "."))
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if _, err := dec.Token(); err != nil {
		return nil, badJSON("The text frame is not valid JSON.")
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, badJSON("The text frame is not valid JSON.")
		}
		name, _ := key.(string)
		if _, twice := f.raw[name]; twice {
			return nil, bad("%q stands twice.", at+shorten(name))
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, badJSON("The text frame is not valid JSON.")
		}
		f.raw[name] = value
	}
	return f, nil
}

// has says whether the member is there and not null.
func (f *fields) has(name string) bool {
	v, ok := f.raw[name]
	return ok && string(v) != "null"
}

func (f *fields) fail(err *DecodeError) {
	if f.err == nil {
		f.err = err
	}
}

// text reads a string of lo to hi bytes.
func (f *fields) text(name string, lo, hi int) string {
	if !f.has(name) {
		if lo > 0 {
			f.fail(bad("%q is missing.", f.at+name))
		}
		return ""
	}
	var s string
	if err := json.Unmarshal(f.raw[name], &s); err != nil {
		f.fail(bad("%q must be a string.", f.at+name))
		return ""
	}
	if len(s) < lo || len(s) > hi {
		f.fail(bad("%q must have %d to %d bytes; it has %d.", f.at+name, lo, hi, len(s)))
		return ""
	}
	return s
}

// number reads a whole number from lo to hi.
func (f *fields) number(name string, lo, hi int64) int64 {
	if !f.has(name) {
		f.fail(bad("%q is missing.", f.at+name))
		return 0
	}
	n, err := whole(f.raw[name])
	if err != nil || n < lo || n > hi {
		f.fail(bad("%q must be a whole number from %d to %d.", f.at+name, lo, hi))
		return 0
	}
	return n
}

var errNotWhole = errors.New("not a whole number")

// whole reads a JSON number without a fraction. 16000.0 and 1.6e4 are whole:
// some languages write every number that way.
func whole(raw []byte) (int64, error) {
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n, nil
	}
	x, err := strconv.ParseFloat(string(raw), 64)
	const exact = 1 << 53 // above it a float skips whole numbers
	if err != nil || x != math.Trunc(x) || math.Abs(x) > exact {
		return 0, errNotWhole
	}
	return int64(x), nil
}

// shorten keeps what a client wrote fit for a message back to it.
func shorten(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
