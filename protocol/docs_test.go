package protocol_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"sori/history"
	"sori/protocol"
)

// A message, or a part of one, as the code, the page, or the specification has
// it: the types of its fields by their names.
type shape map[string]string

// nameInDocs gives a struct's name in the documents where it has another one
// than in the code.
func nameInDocs(t reflect.Type) string {
	if t == reflect.TypeFor[history.Turn]() {
		return "Record"
	}
	return t.Name()
}

// shapeOf describes a struct in the words of docs/protocol.md, and adds the
// structs in it to parts.
func shapeOf(t reflect.Type, parts map[string]shape) shape {
	s := make(shape)
	for f := range fieldsOf(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if f.Anonymous && name == "" {
			maps.Copy(s, shapeOf(f.Type, parts))
			continue
		}
		s[name] = wordOf(f.Type, parts)
		if f.Type.Kind() == reflect.Pointer && options != "omitempty" {
			s[name] += " or null"
		}
	}
	return s
}

func fieldsOf(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for field := range t.Fields() {
			if !yield(field) {
				return
			}
		}
	}
}

func wordOf(t reflect.Type, parts map[string]shape) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "string"
	case t == reflect.TypeFor[json.RawMessage]():
		return "object"
	case t.Kind() == reflect.Pointer:
		return wordOf(t.Elem(), parts)
	case t.Kind() == reflect.Slice:
		return "list of " + wordOf(t.Elem(), parts)
	case t.Kind() == reflect.Struct:
		name := nameInDocs(t)
		if _, ok := parts[name]; !ok {
			parts[name] = nil // against recursion
			parts[name] = shapeOf(t, parts)
		}
		return name
	case t.Kind() == reflect.String:
		return "string"
	case t.Kind() == reflect.Bool:
		return "boolean"
	case reflect.Zero(t).CanInt(), reflect.Zero(t).CanUint():
		return "integer"
	case reflect.Zero(t).CanFloat():
		return "number"
	}
	panic(t.String())
}

// contract is everything that travels, by type or name.
type contract struct {
	client, server, parts map[string]shape
}

// contractInCode reads the contract from the Go types.
func contractInCode(t *testing.T) contract {
	t.Helper()
	c := contract{make(map[string]shape), make(map[string]shape), make(map[string]shape)}
	for _, m := range clientMessages() {
		data, err := protocol.EncodeClient(m)
		if err != nil {
			t.Fatal(err)
		}
		c.client[typeIn(t, data)] = shapeOf(reflect.TypeOf(m), c.parts)
	}
	for _, e := range serverEvents() {
		c.server[e.Type()] = shapeOf(reflect.TypeOf(e), c.parts)
	}
	return c
}

// contractInPage reads the contract from docs/protocol.md: every heading of the
// third level is a message or a part, and the table under it has its fields.
func contractInPage(t *testing.T) contract {
	t.Helper()
	c := contract{make(map[string]shape), make(map[string]shape), make(map[string]shape)}
	row := regexp.MustCompile("^\\| `([^`]+)` \\| ([^|]+) \\|")
	link := regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	area := map[string]map[string]shape{
		"What the client says": c.client, "What the server says": c.server, "What they are made of": c.parts,
	}
	var into map[string]shape
	var current shape
	for line := range strings.Lines(page(t)) {
		line = strings.TrimSpace(line)
		if title, ok := strings.CutPrefix(line, "## "); ok {
			into, current = area[title], nil
		}
		if title, ok := strings.CutPrefix(line, "### "); ok && into != nil {
			current = make(shape)
			for name := range strings.SplitSeq(title, ", ") {
				into[strings.Trim(name, "`")] = current
			}
		}
		if m := row.FindStringSubmatch(line); m != nil && current != nil {
			current[m[1]] = link.ReplaceAllString(m[2], "$1")
		}
	}
	return c
}

func page(t *testing.T) string { t.Helper(); return document(t, "../docs/protocol.md") }

func document(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// object is an object of the AsyncAPI file.
type object = map[string]any

func at(t *testing.T, in object, path ...string) object {
	t.Helper()
	for i, name := range path {
		next, ok := in[name].(object)
		if !ok {
			t.Fatalf("asyncapi.yaml has no object %s", strings.Join(path[:i+1], "/"))
		}
		in = next
	}
	return in
}

func spec(t *testing.T) object {
	t.Helper()
	var all object
	if err := yaml.Unmarshal([]byte(document(t, "../docs/asyncapi.yaml")), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// contractInSpec reads the contract from docs/asyncapi.yaml.
func contractInSpec(t *testing.T) contract {
	t.Helper()
	c := contract{make(map[string]shape), make(map[string]shape), make(map[string]shape)}
	all := spec(t)
	for into, operation := range map[*map[string]shape]string{&c.client: "listen", &c.server: "tell"} {
		messages, ok := at(t, all, "operations", operation)["messages"].([]any)
		if !ok {
			t.Fatalf("the operation %s has no messages", operation)
		}
		for _, ref := range messages {
			name := target(t, ref, "#/channels/session/messages/")
			if name == "audio" {
				continue
			}
			if other := target(t, at(t, all, "channels", "session", "messages")[name], "#/components/messages/"); other != name {
				t.Errorf("the channel's message %s is %s", name, other)
			}
			payload := at(t, all, "components", "messages", name, "payload")
			name = strings.TrimSuffix(name, "_from_client") // both sides say it
			(*into)[name] = shapeInSpec(t, payload, name)
		}
	}
	for name, s := range at(t, all, "components", "schemas") {
		if s, ok := s.(object); ok && s["type"] == "object" && name != "Head" {
			c.parts[name] = shapeInSpec(t, s, "")
		}
	}
	return c
}

// target gives what a reference points to below prefix.
func target(t *testing.T, ref any, prefix string) string {
	t.Helper()
	r, _ := ref.(object)
	if plain, ok := r["type"].(string); ok {
		return plain
	}
	s, _ := r["$ref"].(string)
	name, ok := strings.CutPrefix(s, prefix)
	if !ok {
		t.Fatalf("%v does not refer below %s", ref, prefix)
	}
	return name
}

// shapeInSpec gives a schema's properties. A message's schema says its type.
func shapeInSpec(t *testing.T, s object, message string) shape {
	t.Helper()
	if all, ok := s["allOf"].([]any); ok {
		if target(t, all[0], "#/components/schemas/") != "Head" {
			t.Errorf("%s does not begin with the head", message)
		}
		s, _ = all[1].(object)
	}
	result := make(shape)
	if s["properties"] == nil {
		return result
	}
	for name, p := range at(t, s, "properties") {
		p, ok := p.(object)
		if !ok {
			t.Fatalf("%s of %s is no schema", name, message)
		}
		if name == "type" && message != "" {
			if p["const"] != message {
				t.Errorf("the message %s has the type %v", message, p["const"])
			}
			continue
		}
		result[name] = wordInSpec(t, p)
	}
	return result
}

func wordInSpec(t *testing.T, p object) string {
	t.Helper()
	const schemas = "#/components/schemas/"
	if one, ok := p["oneOf"].([]any); ok {
		return target(t, one[0], schemas) + " or null"
	}
	if all, ok := p["allOf"].([]any); ok {
		if name := target(t, all[0], schemas); !strings.HasSuffix(name, "Code") {
			return name
		}
		return "string"
	}
	switch kind := p["type"].(type) {
	case string:
		if kind == "array" {
			items, _ := p["items"].(object)
			if plain, ok := items["type"].(string); ok {
				return "list of " + plain
			}
			return "list of " + target(t, items, schemas)
		}
		return kind
	case []any:
		return fmt.Sprintf("%v or %v", kind...)
	}
	t.Fatalf("%v has no type", p)
	return ""
}

func TestDocumentsHoldTheContract(t *testing.T) {
	t.Parallel()
	want := contractInCode(t)
	for file, got := range map[string]contract{"docs/protocol.md": contractInPage(t), "docs/asyncapi.yaml": contractInSpec(t)} {
		for kind, pair := range map[string][2]map[string]shape{
			"client message": {want.client, got.client}, "event": {want.server, got.server}, "part": {want.parts, got.parts},
		} {
			for _, d := range differences(pair[0], pair[1]) {
				t.Errorf("%s, %s %s", file, kind, d)
			}
		}
	}
}

func differences(want, got map[string]shape) []string {
	var all []string
	for name := range merged(want, got) {
		w, inCode := want[name]
		g, inFile := got[name]
		switch {
		case !inFile:
			all = append(all, name+" is missing")
		case !inCode:
			all = append(all, name+" is not in the code")
		default:
			for field := range merged(w, g) {
				if w[field] != g[field] {
					all = append(all, fmt.Sprintf("%s: the field %s is %q, in the code %q", name, field, g[field], w[field]))
				}
			}
		}
	}
	slices.Sort(all)
	return all
}

func merged[V any](a, b map[string]V) map[string]V {
	m := maps.Clone(a)
	maps.Copy(m, b)
	return m
}
