package ort

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"
)

// ErrClosed is the error of a session or value that was closed.
var ErrClosed = errors.New("onnxruntime: closed")

// maxRank is more dimensions than any tensor has here.
const maxRank = 16

// Elem is the type of a tensor's elements.
type Elem interface{ float32 | int64 | bool }

// elemType gives the number by which the C API knows T.
func elemType[T Elem]() uintptr {
	var zero T
	switch any(zero).(type) {
	case float32:
		return 1
	case int64:
		return 7
	default:
		return 9
	}
}

// Value is a tensor in the library's own memory. Who gets one frees it. It may
// be read by several runs at once, and must not be freed while one uses it.
type Value struct {
	r *Runtime
	h uintptr
}

// NewValue makes a tensor that holds a copy of data. The shape's dimensions are
// positive and multiply to len(data).
func NewValue[T Elem](r *Runtime, data []T, shape ...int64) (*Value, error) {
	n := int64(1)
	for _, d := range shape {
		if d <= 0 || d > int64(len(data)) || n > int64(len(data)) {
			n = -1
			break
		}
		n *= d
	}
	if n != int64(len(data)) || len(shape) == 0 || len(shape) > maxRank {
		return nil, fmt.Errorf("onnxruntime: the shape %v does not fit %d values", shape, len(data))
	}
	var p args
	defer p.done()
	out, addr := p.out(1)
	dims := slices.Clone(shape)
	if err := r.api.call("making a tensor", fnCreateTensor, r.alloc, p.shape(dims), uintptr(len(dims)), elemType[T](), addr); err != nil {
		return nil, err
	}
	v := &Value{r: r, h: out[0]}
	view, err := Data[T](v)
	if err != nil {
		v.Free()
		return nil, err
	}
	copy(view, data)
	return v, nil
}

// Free gives the tensor's memory back. Views of it must not be used any more.
// Freeing twice, or a nil value, does nothing.
func (v *Value) Free() {
	if v != nil && v.h != 0 {
		v.r.api.release(fnReleaseValue, v.h)
		v.h = 0
	}
}

// Data views the tensor's memory, valid until Free. T must be the type of its
// elements.
func Data[T Elem](v *Value) ([]T, error) {
	if v == nil || v.h == 0 {
		return nil, ErrClosed
	}
	a := v.r.api
	var p args
	defer p.done()
	const data, info, typ, count, words = 0, 1, 2, 3, 4
	out, addr := p.out(words)
	if err := a.call("describing a tensor", fnTypeAndShape, v.h, addr+info*8); err != nil {
		return nil, err
	}
	defer a.release(fnReleaseShape, out[info])
	err := errors.Join(
		a.call("reading a tensor's type", fnTensorType, out[info], addr+typ*8),
		a.call("reading a tensor's size", fnElementCount, out[info], addr+count*8))
	if err != nil {
		return nil, err
	}
	// The type is a 32-bit enum at the beginning of its word.
	if got := uintptr(uint32(out[typ])); got != elemType[T]() {
		return nil, fmt.Errorf("onnxruntime: the tensor holds elements of type %d, not %d", got, elemType[T]())
	}
	if out[count] == 0 {
		return nil, nil
	}
	if err := a.call("reading a tensor", fnTensorData, v.h, addr+data*8); err != nil {
		return nil, err
	}
	return slice[T](out[data], int(out[count])), nil
}

// Shape gives the tensor's dimensions.
func (v *Value) Shape() ([]int64, error) {
	if v == nil || v.h == 0 {
		return nil, ErrClosed
	}
	a := v.r.api
	var p args
	defer p.done()
	out, addr := p.out(2)
	if err := a.call("describing a tensor", fnTypeAndShape, v.h, addr); err != nil {
		return nil, err
	}
	defer a.release(fnReleaseShape, out[0])
	if err := a.call("counting dimensions", fnDimensionsCount, out[0], addr+8); err != nil {
		return nil, err
	}
	n := int(out[1])
	if n == 0 {
		return nil, nil
	}
	if n > maxRank {
		return nil, fmt.Errorf("onnxruntime: a tensor of %d dimensions", n)
	}
	dims := make([]int64, n)
	if err := a.call("reading dimensions", fnDimensions, out[0], p.shape(dims), uintptr(n)); err != nil {
		return nil, err
	}
	return dims, nil
}

// slice views n elements of C memory.
func slice[T any](addr uintptr, n int) []T {
	return unsafe.Slice((*T)(memory(addr)), n)
}
