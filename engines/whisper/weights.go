package whisper

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

// Numbers of CTranslate2's file format.
const (
	formatVersion = 6 // written since 2022
	typeFloat32   = 0
	typeFloat16   = 4

	maxTensors = 5_000
	maxRank    = 4
	maxBytes   = 2 << 30 // of one tensor; more fits no graph
)

// tensor is one of the model's weights.
type tensor struct {
	dims []int64
	half bool   // its elements are 16-bit floats, else 32-bit ones
	data []byte // little-endian
}

// weights are the model's tensors by name.
type weights map[string]tensor

// readWeights reads model.bin.
func readWeights(file string) (weights, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	d := &decoder{r: bufio.NewReaderSize(f, 1<<20), left: st.Size()}
	w, err := d.weights()
	if err != nil {
		return nil, fmt.Errorf("%s is no Whisper model as CTranslate2 keeps it: %w", file, err)
	}
	return w, nil
}

// decoder reads the format. The first error stays.
type decoder struct {
	r    io.Reader
	left int64 // bytes that the file still has
	err  error
}

var errFormat = errors.New("unexpected content")

func (d *decoder) bytes(n int64) []byte {
	if d.err == nil && (n < 0 || n > d.left) {
		d.err = io.ErrUnexpectedEOF
	}
	if d.err != nil {
		return nil
	}
	b := make([]byte, n)
	_, d.err = io.ReadFull(d.r, b)
	d.left -= n
	return b
}

func (d *decoder) number(size int64) int64 {
	b := d.bytes(size)
	if d.err != nil {
		return 0
	}
	var word [8]byte
	copy(word[:], b)
	return int64(binary.LittleEndian.Uint64(word[:]))
}

// text reads a C string with its length before it.
func (d *decoder) text() string {
	b := d.bytes(d.number(2))
	if len(b) == 0 {
		return ""
	}
	return string(b[:len(b)-1])
}

func (d *decoder) weights() (weights, error) {
	if v := d.number(4); d.err == nil && v != formatVersion {
		return nil, fmt.Errorf("%w: format %d, want %d", errFormat, v, formatVersion)
	}
	spec := d.text()
	d.number(4) // the revision of the kind of model
	if d.err == nil && spec != "WhisperSpec" {
		return nil, fmt.Errorf("%w: it holds a %.40q", errFormat, spec)
	}
	n := d.number(4)
	if n > maxTensors {
		return nil, fmt.Errorf("%w: %d tensors", errFormat, n)
	}
	w := make(weights, n)
	for range n {
		name, t := d.tensor()
		if d.err != nil {
			return nil, d.err
		}
		if t.data != nil {
			w[name] = t
		}
	}
	return w, d.err
}

// tensor reads one; its data is nil where its type is of no use here.
func (d *decoder) tensor() (name string, t tensor) {
	name = d.text()
	rank := d.number(1)
	if rank > maxRank {
		d.err = errFormat
	}
	elements := int64(1)
	for range min(rank, maxRank) {
		dim := d.number(4)
		t.dims = append(t.dims, dim)
		if dim > maxBytes || elements > maxBytes {
			d.err = errFormat
			return name, t
		}
		elements *= dim
	}
	kind, size := d.number(1), d.number(4)
	if size > maxBytes {
		d.err = errFormat
	}
	data := d.bytes(size)
	switch {
	case d.err != nil || rank == 0: // single numbers are settings
		return name, t
	case kind == typeFloat16 && size == 2*elements:
		t.half = true
	case kind == typeFloat32 && size == 4*elements:
	default:
		return name, t
	}
	t.data = data
	return name, t
}

// get gives the tensor with the shape, -1 for any length.
func (w weights) get(name string, shape ...int64) (tensor, error) {
	t, ok := w[name]
	if !ok {
		return tensor{}, fmt.Errorf("the weights have no %s", name)
	}
	fits := len(t.dims) == len(shape)
	for i := range shape {
		fits = fits && (shape[i] < 0 || shape[i] == t.dims[i])
	}
	if !fits {
		return tensor{}, fmt.Errorf("the weights have %s as %v, want %v", name, t.dims, shape)
	}
	return t, nil
}

// floats gives the elements as 32-bit floats, as bytes.
func (t tensor) floats() []byte {
	if !t.half {
		return t.data
	}
	b := make([]byte, 0, 2*len(t.data))
	for i := 0; i+1 < len(t.data); i += 2 {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(half(binary.LittleEndian.Uint16(t.data[i:]))))
	}
	return b
}

// half reads a 16-bit float.
func half(h uint16) float32 {
	const (
		fraction = 0x3ff
		bits     = 10
		bias     = 15
	)
	value := float64(h & fraction)
	switch e := int(h >> bits & 0x1f); e {
	case 0:
		value = math.Ldexp(value, 1-bias-bits)
	case 0x1f:
		value = math.Inf(1)
		if h&fraction != 0 {
			value = math.NaN()
		}
	default:
		value = math.Ldexp(value+fraction+1, e-bias-bits)
	}
	if h>>15 == 1 {
		value = -value
	}
	return float32(value)
}
