package realtime

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// object is a JSON object of a client's. Reading a member notes the first thing
// that is wrong in err and gives the zero value; a member that is null counts as
// absent for all but isNull.
type object struct {
	at  string // where it stands, such as "session.audio."
	raw map[string]json.RawMessage
	err *Error
}

// readObject takes an object apart. An absent one or null is an empty one.
func readObject(at string, raw json.RawMessage) *object {
	o := &object{at: at}
	if at != "" {
		o.at += "."
	}
	if len(raw) == 0 || string(raw) == "null" {
		return o
	}
	if err := json.Unmarshal(raw, &o.raw); err != nil {
		o.fail(Wrong(CodeInvalidType, at, "Invalid type for '%s': expected an object.", at))
	}
	return o
}

// element is readObject for an element of a list.
func (o *object) element(name string, i int, raw json.RawMessage) *object {
	return readObject(fmt.Sprintf("%s%s[%d]", o.at, name, i), raw)
}

// inner is readObject for a member.
func (o *object) inner(name string) *object { return readObject(o.at+name, o.raw[name]) }

func (o *object) fail(err *Error) {
	if o.err == nil {
		o.err = err
	}
}

// join takes over what is wrong with an inner object.
func (o *object) join(inner *object) {
	if inner.err != nil {
		o.fail(inner.err)
	}
}

func (o *object) has(name string) bool {
	v, ok := o.raw[name]
	return ok && string(v) != "null"
}

// given says whether the member is there, also as null.
func (o *object) given(name string) bool {
	_, ok := o.raw[name]
	return ok
}

func (o *object) need(name string) {
	if !o.has(name) {
		o.fail(Wrong(CodeMissing, o.at+name, "Missing required parameter: '%s'.", o.at+name))
	}
}

// text reads a string of lo to hi bytes.
func (o *object) text(name string, lo, hi int) string {
	if !o.has(name) {
		if lo > 0 {
			o.need(name)
		}
		return ""
	}
	var s string
	if err := json.Unmarshal(o.raw[name], &s); err != nil {
		o.fail(Wrong(CodeInvalidType, o.at+name, "Invalid type for '%s': expected a string.", o.at+name))
		return ""
	}
	if len(s) < lo || len(s) > hi {
		o.fail(Wrong(CodeInvalidValue, o.at+name, "Invalid '%s': expected a string of %d to %d bytes, it has %d.", o.at+name, lo, hi, len(s)))
		return ""
	}
	return s
}

// word reads a string that must be one of words.
func (o *object) word(name string, words ...string) string {
	s := o.text(name, 1, math.MaxInt)
	if o.err == nil && !slices.Contains(words, s) {
		o.fail(Wrong(CodeInvalidValue, o.at+name, "Invalid value: '%s'. Supported values are: '%s'.", shorten(s), strings.Join(words, "', '")))
		return ""
	}
	return s
}

// number reads a number from lo to hi.
func (o *object) number(name string, lo, hi float64) float64 {
	var x float64
	if err := json.Unmarshal(o.raw[name], &x); err != nil {
		o.fail(Wrong(CodeInvalidType, o.at+name, "Invalid type for '%s': expected a number.", o.at+name))
		return lo
	}
	if x < lo || x > hi {
		o.fail(Wrong(CodeInvalidValue, o.at+name, "Invalid '%s': expected a number from %g to %g, it is %g.", o.at+name, lo, hi, x))
		return lo
	}
	return x
}

// whole reads a whole number from lo to hi.
func (o *object) whole(name string, lo, hi int64) int64 {
	x := o.number(name, float64(lo), float64(hi))
	if x != math.Trunc(x) {
		o.fail(Wrong(CodeInvalidType, o.at+name, "Invalid type for '%s': expected a whole number.", o.at+name))
	}
	return int64(x)
}

func (o *object) flag(name string) bool {
	var b bool
	if err := json.Unmarshal(o.raw[name], &b); err != nil {
		o.fail(Wrong(CodeInvalidType, o.at+name, "Invalid type for '%s': expected true or false.", o.at+name))
	}
	return b
}

// list reads a list of at most most elements.
func (o *object) list(name string, most int) []json.RawMessage {
	if !o.has(name) {
		return nil
	}
	var all []json.RawMessage
	if err := json.Unmarshal(o.raw[name], &all); err != nil {
		o.fail(Wrong(CodeInvalidType, o.at+name, "Invalid type for '%s': expected a list.", o.at+name))
		return nil
	}
	if len(all) > most {
		o.fail(Wrong(CodeInvalidValue, o.at+name, "Invalid '%s': expected at most %d elements, it has %d.", o.at+name, most, len(all)))
		return nil
	}
	return all
}

// audio reads audio in base64.
func (o *object) audio(name string) []byte {
	if !o.has(name) {
		return nil
	}
	s := o.text(name, 0, math.MaxInt)
	pcm, err := decodeBase64(s)
	switch {
	case o.err != nil:
	case err != nil:
		o.fail(Wrong(CodeInvalidAudio, o.at+name, "Invalid '%s': expected audio in base64.", o.at+name))
	case len(pcm) > MaxAudio:
		o.fail(tooLarge(o.at + name))
	}
	return pcm
}

// as it is keeps a member that sori only gives back.
func (o *object) verbatim(name string, most int) json.RawMessage {
	v := o.raw[name]
	if len(v) > most {
		o.fail(Wrong(CodeInvalidValue, o.at+name, "Invalid '%s': it has more than %d bytes.", o.at+name, most))
		return nil
	}
	return bytes.Clone(v)
}

// shorten keeps what a client wrote fit for a message back to it.
func shorten(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
