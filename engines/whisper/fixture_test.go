package whisper_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"sori/engines/models"
	"sori/engines/ort"
	"sori/engines/whisper"
)

// The fixture's size: a Whisper of random weights, one layer and 64 numbers wide.
const (
	fixtureWidth  = 64
	fixtureHidden = 128
	fixtureSteps  = 500 // 10 s
)

// openRuntime gives ONNX Runtime, or skips the test where it was not fetched; in
// CI that is a failure.
func openRuntime(tb testing.TB) (*ort.Runtime, models.Files) {
	tb.Helper()
	dir, err := models.Dir(os.Getenv)
	if err != nil {
		tb.Fatal(err)
	}
	bundles, err := models.Manifest(runtime.GOOS, runtime.GOARCH)
	if err == nil {
		err = models.Check(dir, bundles)
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatal(err)
		}
		tb.Skip(err)
	}
	fs, err := models.Locate(dir, bundles)
	if err != nil {
		tb.Fatal(err)
	}
	r, err := ort.Open(fs.Runtime)
	if err != nil {
		tb.Fatal(err)
	}
	return r, fs
}

// fixtureVocabulary has Whisper's marks behind a few words.
func fixtureVocabulary() []string {
	tokens := []string{"!", "Ġhello", "Ġworld", "ìķ", "Ī", "ëħķ"}
	for i := len(tokens); i < 40; i++ {
		tokens = append(tokens, fmt.Sprintf("Ġw%d", i))
	}
	return append(tokens, "<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|ko|>", "<|translate|>", "<|transcribe|>", "<|nospeech|>", "<|notimestamps|>", "<|0.00|>")
}

// ct2 writes weights as CTranslate2 does.
type ct2 struct {
	bytes.Buffer
	rng   *rand.Rand
	count uint32
}

func (c *ct2) number(v any) {
	_ = binary.Write(c, binary.LittleEndian, v) // a buffer takes all
}

func (c *ct2) text(s string) {
	c.number(uint16(len(s) + 1))
	c.WriteString(s + "\x00")
}

// add adds random 32-bit floats around base.
func (c *ct2) add(name string, base float64, dims ...uint32) {
	c.count++
	c.text(name)
	c.number(uint8(len(dims)))
	n := uint32(1)
	for _, d := range dims {
		c.number(d)
		n *= d
	}
	c.number(uint8(0))
	c.number(4 * n)
	for range n {
		c.number(float32(base + 0.2*c.rng.NormFloat64()))
	}
}

func (c *ct2) norm(name string) {
	c.add(name+"/layer_norm/gamma", 1, fixtureWidth)
	c.add(name+"/layer_norm/beta", 0, fixtureWidth)
}

func (c *ct2) linear(name string, n, m uint32) {
	c.add(name+"/weight", 0, n, m)
	c.add(name+"/bias", 0, n)
}

// fixtureWeights gives model.bin. without names a tensor that it lacks.
func fixtureWeights(without string) []byte {
	const w = fixtureWidth
	c := &ct2{rng: rand.New(rand.NewPCG(1, 2))}
	c.add("decoder/embeddings/weight", 0, uint32(len(fixtureVocabulary())), w)
	c.add("decoder/position_encodings/encodings", 0, 64, w)
	c.add("encoder/position_encodings/encodings", 0, fixtureSteps, w)
	c.add("encoder/conv1/weight", 0, w, 80, 3)
	c.add("encoder/conv1/bias", 0, w)
	c.add("encoder/conv2/weight", 0, w, w, 3)
	c.add("encoder/conv2/bias", 0, w)
	for _, side := range []string{"encoder", "decoder"} {
		c.norm(side)
		layer := side + "/layer_0"
		c.norm(layer + "/self_attention")
		c.linear(layer+"/self_attention/linear_0", 3*w, w)
		c.linear(layer+"/self_attention/linear_1", w, w)
		c.norm(layer + "/ffn")
		c.linear(layer+"/ffn/linear_0", fixtureHidden, w)
		c.linear(layer+"/ffn/linear_1", w, fixtureHidden)
	}
	c.norm("decoder/layer_0/attention")
	c.linear("decoder/layer_0/attention/linear_0", w, w)
	c.linear("decoder/layer_0/attention/linear_1", 2*w, w)
	if without != "linear_2" {
		c.linear("decoder/layer_0/attention/linear_2", w, w)
	}
	head := &ct2{}
	head.number(uint32(6))
	head.text("WhisperSpec")
	head.number(uint32(3))
	head.number(c.count)
	return append(head.Bytes(), c.Bytes()...)
}

// fixture writes a model.
func fixture(tb testing.TB) whisper.Files {
	tb.Helper()
	return write(tb, map[string][]byte{
		"model.bin":      fixtureWeights(""),
		"config.json":    []byte(`{"suppress_ids": [0, 99999], "suppress_ids_begin": [1]}`),
		"vocabulary.txt": []byte(strings.Join(fixtureVocabulary(), "\n") + "\n"),
	})
}

func write(tb testing.TB, files map[string][]byte) whisper.Files {
	tb.Helper()
	dir := tb.TempDir()
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	return whisper.Files{Weights: at("model.bin"), Config: at("config.json"), Vocabulary: at("vocabulary.txt")}
}
