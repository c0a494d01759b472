package whisper

import (
	"encoding/binary"
	"fmt"
	"math"
)

// graph writes an ONNX model: just what the graphs here need of it. Its fields
// are numbered as in onnx.proto.
type graph struct {
	body []byte // GraphProto
	next int    // numbers values that have no name
}

// Types of elements.
const (
	elemFloat = 1
	elemInt64 = 7
	elemHalf  = 10
)

// Fields of onnx.proto's messages.
const (
	modelIR, modelGraph, modelOpset                             = 1, 7, 8
	opsetVersion                                                = 2
	graphNode, graphName, graphWeights, graphInput, graphOutput = 1, 2, 5, 11, 12
	nodeInput, nodeOutput, nodeOp, nodeAttr                     = 1, 2, 4, 5
	attrName, attrFloat, attrInt, attrInts, attrType            = 1, 2, 3, 8, 20
	attrIsFloat, attrIsInt, attrIsInts                          = 1, 2, 7
	tensorDims, tensorType, tensorName, tensorRaw               = 1, 2, 8, 9
	infoName, infoType, typeTensor, tensorElem, tensorShape     = 1, 2, 1, 1, 2
	shapeDim, dimValue, dimParam                                = 1, 1, 2

	irVersion = 9  // of ONNX 1.15
	opset     = 20 // the first with Gelu
)

func appendVarint(b []byte, field int, v int64) []byte {
	b = binary.AppendUvarint(b, uint64(field)<<3)
	return binary.AppendUvarint(b, uint64(v))
}

func appendBytes[T string | []byte](b []byte, field int, v T) []byte {
	b = binary.AppendUvarint(b, uint64(field)<<3|2)
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

// attr is a named setting of a node: int64, float32 or []int64.
type attr struct {
	name  string
	value any
}

func (a attr) encode() []byte {
	b := appendBytes(nil, attrName, a.name)
	switch v := a.value.(type) {
	case int:
		b = appendVarint(b, attrInt, int64(v))
		b = appendVarint(b, attrType, attrIsInt)
	case float32:
		b = binary.AppendUvarint(b, attrFloat<<3|5)
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		b = appendVarint(b, attrType, attrIsFloat)
	case []int64:
		for _, i := range v {
			b = appendVarint(b, attrInts, i)
		}
		b = appendVarint(b, attrType, attrIsInts)
	}
	return b
}

// node adds an operation with one output and gives that one's name.
func (g *graph) node(op string, inputs []string, attrs ...attr) string {
	return g.nodes(op, inputs, 1, attrs...)[0]
}

// nodes adds an operation with n outputs and gives their names.
func (g *graph) nodes(op string, inputs []string, n int, attrs ...attr) []string {
	var b []byte
	for _, in := range inputs {
		b = appendBytes(b, nodeInput, in)
	}
	outputs := make([]string, n)
	for i := range outputs {
		outputs[i] = g.fresh()
		b = appendBytes(b, nodeOutput, outputs[i])
	}
	b = appendBytes(b, nodeOp, op)
	for _, a := range attrs {
		b = appendBytes(b, nodeAttr, a.encode())
	}
	g.body = appendBytes(g.body, graphNode, b)
	return outputs
}

func (g *graph) fresh() string {
	g.next++
	return fmt.Sprintf("v%d", g.next)
}

// output gives a value, of floats, the name by which it leaves the graph.
func (g *graph) output(name, value string, dims ...string) {
	b := appendBytes(nil, nodeInput, value)
	b = appendBytes(b, nodeOutput, name)
	b = appendBytes(b, nodeOp, "Identity")
	g.body = appendBytes(g.body, graphNode, b)
	g.body = appendBytes(g.body, graphOutput, valueInfo(name, elemFloat, dims))
}

// input adds an input; dims are names for what varies.
func (g *graph) input(name string, elem int64, dims ...string) string {
	g.body = appendBytes(g.body, graphInput, valueInfo(name, elem, dims))
	return name
}

func valueInfo(name string, elem int64, dims []string) []byte {
	var shape []byte
	for _, d := range dims {
		shape = appendBytes(shape, shapeDim, appendBytes(nil, dimParam, d))
	}
	t := appendVarint(nil, tensorElem, elem)
	t = appendBytes(t, tensorShape, shape)
	b := appendBytes(nil, infoName, name)
	return appendBytes(b, infoType, appendBytes(nil, typeTensor, t))
}

// constant adds a tensor.
func (g *graph) constant(elem int64, data []byte, dims ...int64) string {
	name := g.fresh()
	var b []byte
	for _, d := range dims {
		b = appendVarint(b, tensorDims, d)
	}
	b = appendVarint(b, tensorType, elem)
	b = appendBytes(b, tensorName, name)
	b = appendBytes(b, tensorRaw, data)
	g.body = appendBytes(g.body, graphWeights, b)
	return name
}

func (g *graph) scalar(v float32) string {
	return g.constant(elemFloat, binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
}

func (g *graph) ints(vs ...int64) string {
	var b []byte
	for _, v := range vs {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return g.constant(elemInt64, b, int64(len(vs)))
}

// headRoom is what a model has before its graph, at most.
const headRoom = 64

// newGraph makes an empty graph with room for size bytes.
func newGraph(size int64) graph { return graph{body: make([]byte, headRoom, headRoom+size)} }

// model gives the whole model. The graph is large and is not copied: what comes
// before it is put into the room that was left there.
func (g *graph) model() []byte {
	g.body = appendBytes(g.body, graphName, "whisper")
	head := appendVarint(nil, modelIR, irVersion)
	head = appendBytes(head, modelOpset, appendVarint(nil, opsetVersion, opset))
	head = binary.AppendUvarint(head, modelGraph<<3|2)
	head = binary.AppendUvarint(head, uint64(len(g.body)-headRoom))
	from := headRoom - len(head)
	copy(g.body[from:], head)
	return g.body[from:]
}
