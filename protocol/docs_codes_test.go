package protocol_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sori/protocol"
)

// constants gives the values of a package's constants whose name begins with
// prefix, or whose type is named kind.
func constants(t *testing.T, dir, prefix, kind string) []string {
	t.Helper()
	var values []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), dir+"/"+entry.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			typed, _ := spec.Type.(*ast.Ident)
			literal, isLiteral := spec.Values[0].(*ast.BasicLit)
			if isLiteral && (prefix != "" && strings.HasPrefix(spec.Names[0].Name, prefix) || kind != "" && typed != nil && typed.Name == kind) {
				value := literal.Value
				if s, err := strconv.Unquote(value); err == nil {
					value = s
				}
				values = append(values, value)
			}
			return true
		})
	}
	if len(values) == 0 {
		t.Fatalf("%s has no constants %s%s", dir, prefix, kind)
	}
	slices.Sort(values)
	return values
}

// codesInPage gives the codes of the table under a heading of docs/protocol.md.
func codesInPage(t *testing.T, heading string) []string {
	t.Helper()
	_, rest, _ := strings.Cut(page(t), "\n### "+heading+"\n")
	rest, _, _ = strings.Cut(rest, "\n##")
	var codes []string
	for _, m := range regexp.MustCompile("(?m)^\\| `?([a-z0-9_]+)`? \\|").FindAllStringSubmatch(rest, -1) {
		if m[1] != "code" {
			codes = append(codes, m[1])
		}
	}
	slices.Sort(codes)
	return codes
}

// enumInSpec gives the words that the property at path may have.
func enumInSpec(t *testing.T, path ...string) []string {
	t.Helper()
	list, ok := at(t, at(t, spec(t), "components"), path...)["enum"].([]any)
	if !ok {
		t.Fatalf("asyncapi.yaml has no enum at %v", path)
	}
	var words []string
	for _, w := range list {
		words = append(words, fmt.Sprint(w))
	}
	slices.Sort(words)
	return words
}

func TestDocumentsHoldEveryCode(t *testing.T) {
	t.Parallel()
	for heading, tc := range map[string]struct{ dir, prefix, schema string }{
		"Errors":                {".", "Err", "ErrorCode"},
		"Warnings":              {".", "Warn", "WarningCode"},
		"Why a stage failed":    {"../stage", "Code", "StageCode"},
		"How a connection ends": {".", "Close", ""},
	} {
		want := constants(t, tc.dir, tc.prefix, "")
		if got := codesInPage(t, heading); !slices.Equal(got, want) {
			t.Errorf("docs/protocol.md, %s:\ngot  %v\nwant %v", heading, got, want)
		}
		if tc.schema == "" {
			continue
		}
		if got := enumInSpec(t, "schemas", tc.schema); !slices.Equal(got, want) {
			t.Errorf("docs/asyncapi.yaml, %s:\ngot  %v\nwant %v", tc.schema, got, want)
		}
	}
}

func TestDocumentsHoldEveryWord(t *testing.T) {
	t.Parallel()
	event := func(name, field string) []string {
		all, ok := at(t, spec(t), "components", "messages", name, "payload")["allOf"].([]any)
		if !ok {
			t.Fatalf("%s has no head", name)
		}
		own, _ := all[1].(object)
		list, ok := at(t, own, "properties", field)["enum"].([]any)
		if !ok {
			t.Fatalf("%s of %s has no enum", field, name)
		}
		var words []string
		for _, w := range list {
			words = append(words, fmt.Sprint(w))
		}
		slices.Sort(words)
		return words
	}
	for kind, got := range map[string][]string{
		"Source":       event("turn.started", "source"),
		"CancelReason": event("turn.cancelled", "reason"),
		"Discard":      event("speech.stopped", "discarded"),
		"Mode":         enumInSpec(t, "schemas", "TurnDetection", "properties", "mode"),
		"Eagerness":    enumInSpec(t, "schemas", "TurnDetection", "properties", "eagerness"),
		"Status":       enumInSpec(t, "schemas", "Record", "properties", "status"),
	} {
		dir := "."
		if kind == "Status" {
			dir = "../history"
		}
		want := constants(t, dir, "", kind)
		if !slices.Equal(got, want) {
			t.Errorf("%s in docs/asyncapi.yaml:\ngot  %v\nwant %v", kind, got, want)
		}
		for _, word := range want {
			if !strings.Contains(page(t), "`"+word+"`") {
				t.Errorf("docs/protocol.md does not tell of %s %s", kind, word)
			}
		}
	}
}

// TestTypesAreComplete holds the lists of types against the declarations.
func TestTypesAreComplete(t *testing.T) {
	t.Parallel()
	var events, messages []string
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), entry.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil {
				continue
			}
			receiver, ok := f.Recv.List[0].Type.(*ast.Ident)
			switch {
			case ok && f.Name.Name == "Type":
				events = append(events, receiver.Name)
			case ok && f.Name.Name == "clientMessage":
				messages = append(messages, receiver.Name)
			}
		}
	}
	if got := typeNames(clientMessages()); !same(got, messages) || len(messages) != len(protocol.ClientTypes()) {
		t.Errorf("client messages: %v are tried, %v declared, %v listed", got, messages, protocol.ClientTypes())
	}
	if got := typeNames(serverEvents()); !same(got, events) {
		t.Errorf("events: %v are tried, %v declared", got, events)
	}
	stages := 4 * 3 // four kinds of events for each of three stages
	if n := len(protocol.EventTypes()); n != len(events)-4+stages {
		t.Errorf("%d types of events are listed for %d declared", n, len(events))
	}
}

func typeNames[T any](values []T) []string {
	var names []string
	for _, v := range values {
		if name := reflect.TypeOf(v).Name(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func same(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
