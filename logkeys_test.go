package sori_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestLogKeysAreOneVocabulary holds every key of every log line against the
// table in docs/metrics.md, so that one thing has one name wherever it is
// logged.
func TestLogKeysAreOneVocabulary(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(doc), "\n## The log\n")
	if !ok {
		t.Fatal("docs/metrics.md has no section on the log")
	}
	unused := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(table, -1) {
		unused[m[1]] = true
	}
	known := map[string]bool{}
	for k := range unused {
		known[k] = true
	}
	for _, src := range sources(t) {
		if src.test {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), src.name, read(t, src.name), parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			for _, key := range logKeys(n) {
				if !known[key] {
					t.Errorf("%s logs the key %q, which is not in the table of docs/metrics.md: use one that is there, or add it", src.name, key)
				}
				delete(unused, key)
			}
			return true
		})
	}
	for key := range unused {
		t.Errorf("docs/metrics.md lists the log key %q, which nobody logs", key)
	}
}

// logKeys gives the keys of a call that logs, or that adds to a logger.
func logKeys(n ast.Node) []string {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return nil
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !isLogger(method.X) {
		return nil
	}
	first := 1 // behind the message
	switch method.Sel.Name {
	case "Debug", "Info", "Warn", "Error":
	case "DebugContext", "InfoContext", "WarnContext", "ErrorContext":
		first = 2
	case "With":
		first = 0
	default:
		return nil
	}
	var keys []string
	for i := first; i < len(call.Args); i += 2 {
		lit, ok := call.Args[i].(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			continue
		}
		if key, err := strconv.Unquote(lit.Value); err == nil {
			keys = append(keys, key)
		}
	}
	return keys
}

// isLogger says whether an expression is called as loggers are called here.
func isLogger(x ast.Expr) bool {
	name := ""
	if call, ok := x.(*ast.CallExpr); ok { // one that is made when it is used
		x = call.Fun
	}
	switch x := x.(type) {
	case *ast.Ident:
		name = x.Name
	case *ast.SelectorExpr:
		name = x.Sel.Name
	}
	return strings.EqualFold(name, "log") || strings.EqualFold(name, "logger")
}
