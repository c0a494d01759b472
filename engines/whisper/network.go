package whisper

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

const (
	headSize = 64 // of all sizes of Whisper
	epsilon  = 1e-5
)

// size is what the weights say of themselves.
type size struct {
	width    int64 // of each step
	hidden   int64
	steps    int64 // of 20 ms, that the encoder can hear
	tokens   int64 // that there are
	longest  int64 // tokens of a text, the prompt included
	enc, dec int   // layers
}

func (s size) heads() int64 { return s.width / headSize }

// measure finds out which Whisper it is.
func measure(w weights) (size, error) {
	var s size
	t, err := w.get("decoder/embeddings/weight", -1, -1)
	if err != nil {
		return s, err
	}
	s.tokens, s.width = t.dims[0], t.dims[1]
	at, err1 := w.get("encoder/position_encodings/encodings", -1, s.width)
	to, err2 := w.get("decoder/position_encodings/encodings", -1, s.width)
	ff, err3 := w.get("encoder/layer_0/ffn/linear_0/weight", -1, s.width)
	if err := errors.Join(err1, err2, err3); err != nil {
		return s, err
	}
	s.steps, s.longest, s.hidden = at.dims[0], to.dims[0], ff.dims[0]
	has := func(side string, layer int) bool {
		_, ok := w[fmt.Sprintf("%s/layer_%d/self_attention/linear_0/weight", side, layer)]
		return ok
	}
	for has("encoder", s.enc) {
		s.enc++
	}
	for has("decoder", s.dec) {
		s.dec++
	}
	if s.enc == 0 || s.dec == 0 || s.width%headSize != 0 || s.width == 0 {
		return s, errFormat
	}
	return s, nil
}

// builder makes a graph of the weights. The first error stays.
type builder struct {
	graph

	w   weights
	s   size
	err error
}

// newBuilder leaves room for all weights whose names begin with prefix.
func newBuilder(w weights, s size, prefix string) *builder {
	room := int64(4 << 20) // for all else
	for name, t := range w {
		if strings.HasPrefix(name, prefix) {
			room += int64(len(t.data))
		}
	}
	return &builder{graph: newGraph(room), w: w, s: s}
}

// get takes a tensor out of the weights: each is used once, and what is in a
// graph need not be held twice.
func (b *builder) get(name string, shape ...int64) tensor {
	t, err := b.w.get(name, shape...)
	delete(b.w, name)
	if err != nil && b.err == nil {
		b.err = err
	}
	return t
}

// weight adds a matrix. It stays as small as it is on the disk until the
// library opens the graph.
func (b *builder) weight(name string, shape ...int64) string {
	t := b.get(name, shape...)
	if !t.half {
		return b.constant(elemFloat, t.data, t.dims...)
	}
	return b.cast(b.constant(elemHalf, t.data, t.dims...))
}

func (b *builder) cast(value string) string {
	return b.node("Cast", []string{value}, attr{"to", elemFloat})
}

func (b *builder) vector(name string, n int64) string {
	return b.constant(elemFloat, b.get(name, n).floats(), n)
}

// linear is a layer of n outputs for each row of x, which has m.
func (b *builder) linear(x, name string, n, m int64) string {
	return b.node("Gemm", []string{x, b.weight(name+"/weight", n, m), b.vector(name+"/bias", n)}, attr{"transB", 1})
}

func (b *builder) norm(x, name string) string {
	return b.node("LayerNormalization", []string{x, b.vector(name+"/layer_norm/gamma", b.s.width), b.vector(name+"/layer_norm/beta", b.s.width)},
		attr{"axis", -1}, attr{"epsilon", float32(epsilon)})
}

func (b *builder) add(x, y string) string { return b.node("Add", []string{x, y}) }

// split cuts the columns of x into n equal parts.
func (b *builder) split(x string, n int) []string {
	return b.nodes("Split", []string{x}, n, attr{"axis", 1}, attr{"num_outputs", n})
}

// byHead turns rows of all heads into heads: order says where row (0), head (1)
// and a head's numbers (2) go.
func (b *builder) byHead(x string, order ...int64) string {
	x = b.node("Reshape", []string{x, b.ints(-1, b.s.heads(), headSize)})
	return b.node("Transpose", []string{x}, attr{"perm", order})
}

func (b *builder) asQueries(x string) string {
	scaled := b.node("Mul", []string{x, b.scalar(float32(1 / math.Sqrt(headSize)))})
	return b.byHead(scaled, 1, 0, 2)
}

func (b *builder) asKeys(x string) string   { return b.byHead(x, 1, 2, 0) } // [heads, headSize, rows]
func (b *builder) asValues(x string) string { return b.byHead(x, 1, 0, 2) }

// attend looks with queries at keys and takes of values. mask is added to how
// well they fit; "" for none.
func (b *builder) attend(queries, keys, values, mask string) string {
	fit := b.node("MatMul", []string{queries, keys})
	if mask != "" {
		fit = b.add(fit, mask)
	}
	seen := b.node("MatMul", []string{b.node("Softmax", []string{fit}, attr{"axis", -1}), values})
	seen = b.node("Transpose", []string{seen}, attr{"perm", []int64{1, 0, 2}})
	return b.node("Reshape", []string{seen, b.ints(-1, b.s.width)})
}

// think is the part of a layer that looks at each row alone.
func (b *builder) think(x, layer string) string {
	h := b.linear(b.norm(x, layer+"/ffn"), layer+"/ffn/linear_0", b.s.hidden, b.s.width)
	return b.add(x, b.linear(b.node("Gelu", []string{h}), layer+"/ffn/linear_1", b.s.width, b.s.hidden))
}

// encoder makes of sound what the decoder attends to: keys and values for each
// of its layers.
func encoder(w weights, s size) ([]byte, error) {
	b := newBuilder(w, s, "encoder/")
	x := b.listen(b.input("audio", elemFloat, "one", "mono", "samples"))
	for i := range s.enc {
		layer := fmt.Sprintf("encoder/layer_%d", i)
		qkv := b.split(b.linear(b.norm(x, layer+"/self_attention"), layer+"/self_attention/linear_0", 3*s.width, s.width), 3)
		seen := b.attend(b.asQueries(qkv[0]), b.asKeys(qkv[1]), b.asValues(qkv[2]), "")
		x = b.add(x, b.linear(seen, layer+"/self_attention/linear_1", s.width, s.width))
		x = b.think(x, layer)
	}
	x = b.norm(x, "encoder")
	for i := range s.dec {
		kv := b.split(b.linear(x, fmt.Sprintf("decoder/layer_%d/attention/linear_1", i), 2*s.width, s.width), 2)
		b.output(fmt.Sprintf("heard_keys_%d", i), b.asKeys(kv[0]), "heads", "size", "steps")
		b.output(fmt.Sprintf("heard_values_%d", i), b.asValues(kv[1]), "heads", "steps", "size")
	}
	return b.model(), b.err
}

// listen turns samples into one row for every 20 ms.
func (b *builder) listen(audio string) string {
	const (
		floor  = 1e-10 // of a band's energy
		range8 = 8     // powers of ten below the loudest that are heard
	)
	waves := b.node("Conv", []string{audio, b.constant(elemFloat, fourier(), 2*bins, 1, window)}, attr{"strides", []int64{hop}})
	energy := b.node("MatMul", []string{b.constant(elemFloat, melFilters(), bands, 2*bins), b.node("Mul", []string{waves, waves})})
	level := b.node("Log", []string{b.node("Max", []string{energy, b.scalar(floor)})})
	level = b.node("Mul", []string{level, b.scalar(float32(1 / math.Ln10))})
	quietest := b.node("Sub", []string{b.node("ReduceMax", []string{level}), b.scalar(range8)})
	level = b.add(b.node("Max", []string{level, quietest}), b.scalar(4))
	level = b.node("Mul", []string{level, b.scalar(0.25)})

	x := b.node("Conv", []string{level, b.weight("encoder/conv1/weight", b.s.width, bands, 3), b.vector("encoder/conv1/bias", b.s.width)}, attr{"pads", []int64{1, 1}})
	x = b.node("Gelu", []string{x})
	x = b.node("Conv", []string{x, b.weight("encoder/conv2/weight", b.s.width, b.s.width, 3), b.vector("encoder/conv2/bias", b.s.width)}, attr{"pads", []int64{1, 1}}, attr{"strides", []int64{2}})
	x = b.node("Gelu", []string{x})
	steps := b.node("Shape", []string{x}, attr{"start", 2}, attr{"end", 3})
	x = b.node("Transpose", []string{b.node("Squeeze", []string{x, b.ints(0)})}, attr{"perm", []int64{1, 0}})
	where := b.node("Slice", []string{b.weight("encoder/position_encodings/encodings", b.s.steps, b.s.width), b.ints(0), steps, b.ints(0)})
	return b.add(x, where)
}

// writer makes the graph that gives, for tokens and what came before them, how
// likely each token is the next one after the last.
func writer(w weights, s size) ([]byte, error) {
	b := newBuilder(w, s, "decoder/")
	tokens := b.input("tokens", elemInt64, "tokens")
	where := b.input("positions", elemInt64, "tokens")
	mask := b.input("mask", elemFloat, "tokens", "all")
	t := b.get("decoder/embeddings/weight", s.tokens, s.width)
	elem := int64(elemFloat)
	if t.half {
		elem = elemHalf
	}
	table := b.constant(elem, t.data, t.dims...)
	x := b.cast(b.node("Gather", []string{table, tokens}))
	x = b.add(x, b.node("Gather", []string{b.weight("decoder/position_encodings/encodings", s.longest, s.width), where}))
	for i := range s.dec {
		layer := fmt.Sprintf("decoder/layer_%d", i)
		qkv := b.split(b.linear(b.norm(x, layer+"/self_attention"), layer+"/self_attention/linear_0", 3*s.width, s.width), 3)
		keys := b.remember(fmt.Sprintf("keys_%d", i), b.asKeys(qkv[1]), 2, "heads", "size", "past")
		values := b.remember(fmt.Sprintf("values_%d", i), b.asValues(qkv[2]), 1, "heads", "past", "size")
		x = b.add(x, b.linear(b.attend(b.asQueries(qkv[0]), keys, values, mask), layer+"/self_attention/linear_1", s.width, s.width))
		q := b.linear(b.norm(x, layer+"/attention"), layer+"/attention/linear_0", s.width, s.width)
		heardKeys := b.input(fmt.Sprintf("heard_keys_%d", i), elemFloat, "heads", "size", "steps")
		heardValues := b.input(fmt.Sprintf("heard_values_%d", i), elemFloat, "heads", "steps", "size")
		x = b.add(x, b.linear(b.attend(b.asQueries(q), heardKeys, heardValues, ""), layer+"/attention/linear_2", s.width, s.width))
		x = b.think(x, layer)
	}
	last := b.node("Slice", []string{x, b.ints(-1), b.ints(math.MaxInt64), b.ints(0)})
	b.output("scores", b.node("Gemm", []string{b.norm(last, "decoder"), b.cast(table)}, attr{"transB", 1}), "one", "vocabulary")
	return b.model(), b.err
}

// remember puts what is new behind what was there and gives both, also to the
// next step.
func (b *builder) remember(name, value string, axis int, dims ...string) string {
	all := b.node("Concat", []string{b.input("past_"+name, elemFloat, dims...), value}, attr{"axis", axis})
	b.output("now_"+name, all, "heads", "rows", "columns")
	return all
}
