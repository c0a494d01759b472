package piper_test

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// A fixture is a voice whose model makes 256 samples of a phoneme's number: real
// files, nonsense to hear.
type fixture struct {
	ops    []string // from phonemes to sound, such as "Sin"
	input  string   // the name of the first input, "input" by default
	config map[string]any
}

// message is a Protocol Buffers message in the making.
type message []byte

func (m *message) number(field int, v uint64) {
	*m = binary.AppendUvarint(*m, uint64(field)<<3)
	*m = binary.AppendUvarint(*m, v)
}

func (m *message) bytes(field int, b []byte) {
	*m = binary.AppendUvarint(*m, uint64(field)<<3|2)
	*m = binary.AppendUvarint(*m, uint64(len(b)))
	*m = append(*m, b...)
}

func (m *message) text(field int, s string) { m.bytes(field, []byte(s)) }

// ONNX's numbers for types.
const (
	onnxFloat = 1
	onnxInt64 = 7
)

func node(op string, in []string, out string) message {
	var n message
	for _, name := range in {
		n.text(1, name)
	}
	n.text(2, out)
	n.text(4, op)
	if op == "Cast" {
		var a message
		a.text(1, "to")
		a.number(3, onnxFloat)
		a.number(20, 2) // an integer
		n.bytes(5, a)
	}
	return n
}

func shape(name string, dims ...int64) message {
	var t message
	t.number(1, uint64(len(dims)))
	t.number(2, onnxInt64)
	t.text(8, name)
	var raw []byte
	for _, d := range dims {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(d))
	}
	t.bytes(9, raw)
	return t
}

func value(name string, elem uint64, dims ...string) message {
	var s message
	for _, d := range dims {
		var dim message
		dim.text(2, d)
		s.bytes(1, dim)
	}
	var tensor, typ, v message
	tensor.number(1, elem)
	tensor.bytes(2, s)
	typ.bytes(1, tensor)
	v.text(1, name)
	v.bytes(2, typ)
	return v
}

// model gives the ONNX file.
func (f fixture) model() []byte {
	if f.input == "" {
		f.input = "input"
	}
	if f.ops == nil {
		f.ops = []string{"Sin"}
	}
	var g message
	g.bytes(1, node("Cast", []string{f.input}, "v"))
	at := "v"
	for _, op := range f.ops {
		g.bytes(1, node(op, []string{at}, at+"v"))
		at += "v"
	}
	g.bytes(1, node("Reshape", []string{at, "s1"}, "r1"))
	g.bytes(1, node("Expand", []string{"r1", "s2"}, "e"))
	g.bytes(1, node("Reshape", []string{"e", "s3"}, "output"))
	g.text(2, "fixture")
	g.bytes(5, shape("s1", 1, 1, -1, 1))
	g.bytes(5, shape("s2", 1, 1, 1, 256))
	g.bytes(5, shape("s3", 1, 1, 1, -1))
	g.bytes(11, value(f.input, onnxInt64, "batch", "phonemes"))
	g.bytes(11, value("input_lengths", onnxInt64, "batch"))
	g.bytes(11, value("scales", onnxFloat, "three"))
	g.bytes(12, value("output", onnxFloat, "batch", "one", "two", "time"))
	var opset, m message
	opset.text(1, "")
	opset.number(2, 13)
	m.number(1, 8)
	m.bytes(7, g)
	m.bytes(8, opset)
	return m
}

// settings gives the configuration, with the fixture's changes; nil takes a
// field out.
func (f fixture) settings() map[string]any {
	ids := map[string][]int64{"_": {0}, "^": {1}, "$": {2}, " ": {3}, ",": {4}, ".": {5}, "!": {6}, "?": {7}}
	for r := 'a'; r <= 'z'; r++ {
		ids[string(r)] = []int64{int64(r)}
	}
	c := map[string]any{
		"audio":          map[string]any{"sample_rate": 22050},
		"espeak":         map[string]any{"voice": "en-us"},
		"inference":      map[string]any{"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8},
		"phoneme_type":   "espeak",
		"phoneme_id_map": ids,
		"num_speakers":   1,
		"language":       map[string]any{"family": "en", "code": "en_US"},
		"dataset":        "fixture",
	}
	for k, v := range f.config {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	return c
}

// write puts the voice into a folder of the test's and gives the model's path.
func (f fixture) write(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "en_US-fixture-low.onnx")
	text, err := json.Marshal(f.settings())
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path+".json", text, 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, f.model(), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}
