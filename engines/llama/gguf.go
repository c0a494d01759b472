package llama

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// Header is what a GGUF file says about itself before its weights.
type Header struct {
	Name         string // of the model, "" when the file has none
	Architecture string // such as "llama" or "gemma3"
	Size         int64  // of the file, in bytes
	// Needs is how many bytes the file has at least when it is whole: up to where
	// its last weights begin.
	Needs int64
	// Template says whether the file has a chat template. Without one it holds
	// a model that continues texts and answers nobody.
	Template bool
}

// Bounds on a header, far above what any model has.
const (
	maxTensors = 1 << 20
	maxValues  = 1 << 16
	maxString  = 16 << 20
	maxItems   = 1 << 22
	maxDims    = 8
	maxOffset  = 1 << 50
)

// alignment is how the weights lie in a file that says nothing of it, in bytes.
const alignment = 32

var errHeader = errors.New("its header is broken")

// ReadHeader reads the header of a GGUF file. A file that is none, or is cut
// off, is an error that says so.
func ReadHeader(path string) (Header, error) {
	f, err := os.Open(path)
	if err != nil {
		return Header{}, fmt.Errorf("llama: the model: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return Header{}, fmt.Errorf("llama: the model: %w", err)
	}
	if !st.Mode().IsRegular() {
		return Header{}, fmt.Errorf("llama: %s is no file", path)
	}
	r := headerReader{r: bufio.NewReaderSize(f, 1<<16)}
	h := r.header()
	h.Size = st.Size()
	switch {
	case r.err == nil && h.Size <= h.Needs:
		return Header{}, fmt.Errorf("llama: %s is cut off: it has %d bytes, and its weights reach beyond %d; fetch it again", path, h.Size, h.Needs)
	case r.err == nil:
		return h, nil
	case r.notGGUF:
		return Header{}, fmt.Errorf("llama: %s is no GGUF file: %w", path, r.err)
	case errors.Is(r.err, io.EOF), errors.Is(r.err, io.ErrUnexpectedEOF):
		return Header{}, fmt.Errorf("llama: %s is cut off within its header (%d bytes); fetch it again", path, st.Size())
	}
	return Header{}, fmt.Errorf("llama: %s is no valid GGUF file: %w", path, r.err)
}

// headerReader reads values until one fails; what comes after is zero.
type headerReader struct {
	r       *bufio.Reader
	at      int64 // bytes that were read
	err     error
	notGGUF bool
}

func (r *headerReader) header() Header {
	var h Header
	var magic [4]byte
	r.read(magic[:])
	if r.err != nil || string(magic[:]) != "GGUF" {
		r.notGGUF = true
		r.err = fmt.Errorf("it begins with %q", magic[:])
		return h
	}
	if v := r.uint(4); r.err == nil && (v < 2 || v > 3) {
		r.err = fmt.Errorf("it has the version %d, sori knows 2 and 3", v)
	}
	tensors, values := r.uint(8), r.uint(8)
	if r.err == nil && (tensors == 0 || tensors > maxTensors || values > maxValues) {
		r.err = errHeader
	}
	align := uint64(alignment)
	for range values {
		key := r.text()
		typ := r.uint(4)
		if r.err != nil {
			return h
		}
		switch {
		case key == "general.architecture" && typ == typeString:
			h.Architecture = r.text()
		case key == "general.name" && typ == typeString:
			h.Name = r.text()
		case key == "tokenizer.chat_template" && typ == typeString:
			h.Template = r.text() != ""
		case key == "general.alignment" && typ == typeUint32:
			align = max(r.uint(4), 1)
		default:
			r.skip(typ, 0)
		}
	}
	last := r.lastWeights(tensors)
	h.Needs = (r.at+int64(align)-1)/int64(align)*int64(align) + int64(last)
	return h
}

// lastWeights reads the list of tensors, and says how far behind the header the
// last of them begins.
func (r *headerReader) lastWeights(tensors uint64) (last uint64) {
	for range tensors {
		r.discard(r.length(maxString)) // its name
		dims := r.uint(4)
		if r.err == nil && dims > maxDims {
			r.err = errHeader
		}
		r.discard(dims*8 + 4) // and its type
		offset := r.uint(8)
		if r.err == nil && offset > maxOffset {
			r.err = errHeader
		}
		if r.err != nil {
			return 0
		}
		last = max(last, offset)
	}
	return last
}

// read fills b.
func (r *headerReader) read(b []byte) {
	if r.err == nil {
		var n int
		n, r.err = io.ReadFull(r.r, b)
		r.at += int64(n)
	}
}

// Types of values in a header.
const (
	typeUint32 = 4
	typeString = 8
	typeArray  = 9
)

// width gives the size of a plain type's value, 0 for the others.
func width(typ uint64) int {
	switch typ {
	case 0, 1, 7: // 8-bit numbers, bool
		return 1
	case 2, 3:
		return 2
	case 4, 5, 6: // 32-bit numbers
		return 4
	case 10, 11, 12:
		return 8
	}
	return 0
}

// skip passes over a value.
func (r *headerReader) skip(typ uint64, depth int) {
	if r.err != nil {
		return
	}
	switch w := width(typ); {
	case w > 0:
		r.discard(uint64(w))
	case typ == typeString:
		r.discard(r.length(maxString))
	case typ == typeArray && depth < 4:
		of, n := r.uint(4), r.length(maxItems)
		if w := width(of); w > 0 {
			r.discard(n * uint64(w))
			return
		}
		for range n {
			if r.skip(of, depth+1); r.err != nil {
				return
			}
		}
	default:
		r.err = errHeader
	}
}

func (r *headerReader) discard(n uint64) {
	if r.err == nil {
		var done int64
		done, r.err = io.CopyN(io.Discard, r.r, int64(n))
		r.at += done
	}
}

func (r *headerReader) length(limit uint64) uint64 {
	n := r.uint(8)
	if r.err == nil && n > limit {
		r.err = errHeader
	}
	if r.err != nil {
		return 0
	}
	return n
}

// uint reads an unsigned number of 4 or 8 bytes.
func (r *headerReader) uint(bytes int) uint64 {
	var b [8]byte
	if r.read(b[:bytes]); r.err != nil {
		return 0
	}
	return binary.LittleEndian.Uint64(b[:])
}

func (r *headerReader) text() string {
	n := r.length(maxString)
	if r.err != nil {
		return ""
	}
	// It grows as it is read: the length of a broken file is no reason to
	// take that much memory.
	b, err := io.ReadAll(io.LimitReader(r.r, int64(n)))
	r.at += int64(len(b))
	if err == nil && uint64(len(b)) < n {
		err = io.ErrUnexpectedEOF
	}
	r.err = err
	return string(b)
}
