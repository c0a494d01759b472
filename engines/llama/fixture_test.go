package llama_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// A fixture is a tiny model of the llama architecture with random weights: it
// talks nonsense, and everything around it is real.
type fixture struct {
	template string // "" for none
	context  int    // tokens
	seed     uint64
}

const chatML = `{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}`

// Sizes of the fixture.
const (
	fxWidth  = 32
	fxHidden = 64
	fxLayers = 2
	fxHeads  = 2
)

// Types in a GGUF header, and kinds of tokens.
const (
	ggufUint32 = 4
	ggufInt32  = 5
	ggufFloat  = 6
	ggufText   = 8
	ggufArray  = 9

	kindNormal  = 1
	kindUnknown = 2
	kindControl = 3
	kindByte    = 6
)

// vocabulary gives the tokens and their kinds: control tokens, all bytes, and
// short pieces of letters.
func (fixture) vocabulary() (tokens []string, kinds []int32) {
	add := func(kind int32, names ...string) {
		for _, n := range names {
			tokens, kinds = append(tokens, n), append(kinds, kind)
		}
	}
	add(kindUnknown, "<unk>")
	add(kindControl, "<s>", "</s>", "<|im_start|>", "<|im_end|>")
	for b := range 256 {
		add(kindByte, fmt.Sprintf("<0x%02X>", b))
	}
	for a := 'a'; a <= 'z'; a++ {
		add(kindNormal, string(a), "▁"+string(a))
		for b := 'a'; b <= 'e'; b++ {
			add(kindNormal, string(a)+string(b))
		}
	}
	add(kindNormal, "▁", "안", "녕", "▁the", "user", "assistant", "system")
	return tokens, kinds
}

// bytes gives the file.
func (f fixture) bytes() []byte {
	if f.context == 0 {
		f.context = 512
	}
	tokens, kinds := f.vocabulary()
	var values int
	var head, info, data bytes.Buffer
	le := binary.LittleEndian
	put := func(w *bytes.Buffer, v any) { _ = binary.Write(w, le, v) }
	text := func(w *bytes.Buffer, s string) { put(w, uint64(len(s))); w.WriteString(s) }
	key := func(name string, typ uint32) { values++; text(&head, name); put(&head, typ) }
	number := func(name string, v int) { key(name, ggufUint32); put(&head, uint32(v)) }
	list := func(name string, of uint32, n int) { key(name, ggufArray); put(&head, of); put(&head, uint64(n)) }
	word := func(name, v string) { key(name, ggufText); text(&head, v) }

	word("general.architecture", "llama")
	word("general.name", "tiny-random")
	number("llama.context_length", f.context)
	number("llama.embedding_length", fxWidth)
	number("llama.block_count", fxLayers)
	number("llama.feed_forward_length", fxHidden)
	number("llama.attention.head_count", fxHeads)
	number("llama.attention.head_count_kv", fxHeads)
	number("llama.rope.dimension_count", fxWidth/fxHeads)
	number("llama.vocab_size", len(tokens))
	key("llama.attention.layer_norm_rms_epsilon", ggufFloat)
	put(&head, float32(1e-5))
	word("tokenizer.ggml.model", "llama")
	list("tokenizer.ggml.tokens", ggufText, len(tokens))
	for _, t := range tokens {
		text(&head, t)
	}
	list("tokenizer.ggml.scores", ggufFloat, len(tokens))
	for i := range tokens {
		put(&head, -float32(i))
	}
	list("tokenizer.ggml.token_type", ggufInt32, len(kinds))
	put(&head, kinds)
	number("tokenizer.ggml.bos_token_id", 1)
	number("tokenizer.ggml.eos_token_id", 4)
	if f.template != "" {
		word("tokenizer.chat_template", f.template)
	}

	rnd := rand.New(rand.NewPCG(f.seed, 7))
	count := 0
	tensor := func(name string, ones bool, dims ...int) {
		count++
		text(&info, name)
		put(&info, uint32(len(dims)))
		n := 1
		for _, d := range dims {
			put(&info, uint64(d))
			n *= d
		}
		put(&info, uint32(0)) // float32
		put(&info, uint64(data.Len()))
		for range n {
			v := float32(1)
			if !ones {
				v = float32(rnd.NormFloat64() * 0.3)
			}
			put(&data, v)
		}
		data.Write(make([]byte, -data.Len()&31))
	}
	tensor("token_embd.weight", false, fxWidth, len(tokens))
	tensor("output_norm.weight", true, fxWidth)
	tensor("output.weight", false, fxWidth, len(tokens))
	for i := range fxLayers {
		block := fmt.Sprintf("blk.%d.", i)
		tensor(block+"attn_norm.weight", true, fxWidth)
		tensor(block+"ffn_norm.weight", true, fxWidth)
		for _, part := range []string{"q", "k", "v", "output"} {
			tensor(block+"attn_"+part+".weight", false, fxWidth, fxWidth)
		}
		tensor(block+"ffn_gate.weight", false, fxWidth, fxHidden)
		tensor(block+"ffn_up.weight", false, fxWidth, fxHidden)
		tensor(block+"ffn_down.weight", false, fxHidden, fxWidth)
	}

	var file bytes.Buffer
	file.WriteString("GGUF")
	put(&file, uint32(3))
	put(&file, uint64(count))
	put(&file, uint64(values))
	file.Write(head.Bytes())
	file.Write(info.Bytes())
	file.Write(make([]byte, -file.Len()&31))
	file.Write(data.Bytes())
	return file.Bytes()
}

// write puts the model into a file of the test's.
func (f fixture) write(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "tiny.gguf")
	if err := os.WriteFile(path, f.bytes(), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}
