package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// What a YAML file may be. A reader of YAML takes memory and time by the square of
// some of these, and without end for aliases of aliases.
const (
	maxYAML      = 1 << 20 // bytes
	maxMarks     = 10_000  // that make structure
	maxLineMarks = 1000    // … in one line
	maxOpen      = 200     // brackets that are open at once
	maxNodes     = 100_000 // once each alias has become what it stands for
	maxSnippet   = 200     // bytes of the longest line of a file that an error shows a piece of
)

// readBounded reads a file of at most so many bytes, whatever it is.
func readBounded(name string, most int64) ([]byte, error) {
	f, err := os.Open(name) //nolint:gosec // a file that the operator named
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	_ = f.Close() // it was only read
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("it has more than %d bytes", most)
	}
	return text, err
}

// decodeYAML reads one document of YAML into v.
func decodeYAML(text []byte, v any, how ...yaml.DecodeOption) (err error) {
	if err := checkMarks(text); err != nil {
		return err
	}
	defer func() { // of the library, which should not end the program
		if broken := recover(); broken != nil {
			err = errors.New("it is of a form that YAML does not have, or that is not read here")
		}
	}()
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return said(err, text)
	}
	if len(file.Docs) > 1 {
		return errors.New("there are several documents in it, with --- between them: it has to be one")
	}
	w := weigher{anchors: make(map[string]int)}
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if w.weigh(doc.Body) > maxNodes {
			return errors.New("it is too deep, or its aliases stand for too much")
		}
		if err := yaml.NewDecoder(bytes.NewReader(nil), how...).DecodeFromNode(doc.Body, v); err != nil {
			return said(err, text)
		}
	}
	return nil
}

// said gives an error of the library for people: with the place, where it fits on a
// screen.
func said(err error, text []byte) error {
	longest := 0
	for line := range bytes.Lines(text) {
		longest = max(longest, len(line))
	}
	s := yaml.FormatError(err, false, longest <= maxSnippet)
	if len(s) > 1000 {
		s = strings.ToValidUTF8(s[:1000], "") + "…"
	}
	return errors.New(s)
}

// checkMarks refuses what is no text, or more tangled than any file that people
// write.
func checkMarks(text []byte) error {
	strange := func(c rune) bool { return unicode.IsControl(c) && c != '\n' && c != '\r' && c != '\t' }
	if !utf8.Valid(text) || bytes.ContainsFunc(text, strange) {
		return errors.New("it is no text")
	}
	open, marks, inLine := 0, 0, 0
	for i, c := range text {
		switch c {
		case '\n':
			inLine = 0
			continue
		case '[', '{':
			open++
		case ']', '}':
			open--
			continue
		case '&', '*', '!':
		case ':', '-', '?': // where a space follows
			if i+1 < len(text) && text[i+1] != ' ' && text[i+1] != '\n' && text[i+1] != '\t' && text[i+1] != '\r' {
				continue
			}
		default:
			continue
		}
		marks++
		inLine++
		if open > maxOpen || inLine > maxLineMarks || marks > maxMarks {
			return errors.New("it is too tangled: nobody could read it")
		}
	}
	return nil
}

// weigher counts the nodes of a document as they are once each alias has become
// what it stands for.
type weigher struct {
	anchors map[string]int // how many nodes each stands for
	depth   int
}

// weigh gives the number of nodes, and no number far above maxNodes.
func (w *weigher) weigh(n ast.Node) (nodes int) {
	w.depth++
	defer func() { w.depth-- }()
	if w.depth > 4*maxOpen {
		return maxNodes + 1
	}
	nodes = 1
	add := func(of ...ast.Node) {
		for _, one := range of {
			if one != nil && nodes <= maxNodes {
				nodes += w.weigh(one)
			}
		}
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, value := range n.Values {
			add(value)
		}
	case *ast.MappingValueNode:
		add(n.Key, n.Value)
	case *ast.SequenceNode:
		add(n.Values...)
	case *ast.TagNode:
		add(n.Value)
	case *ast.AnchorNode:
		add(n.Value)
		w.anchors[n.Name.String()] = nodes
	case *ast.AliasNode:
		nodes += w.anchors[n.Value.String()]
	}
	return nodes
}
