package audio

import (
	"errors"
	"io"
	"io/fs"
	"sync"
)

// ErrReleased says that a clip was read after its owner had released it, which
// is a bug in the caller.
var ErrReleased = errors.New("audio: the clip was released")

// clipReader reads a clip as a WAV file. Close may come from another goroutine
// while Read or WriteTo runs, as HTTP transports do.
type clipReader struct {
	header [HeaderBytes]byte // static

	mu     sync.Mutex
	clip   *Clip // guarded by mu; nil once closed
	at     int   // guarded by mu: position in the file, in bytes
	closed bool  // guarded by mu
	why    error // guarded by mu: what a read after the end of life fails with
}

// Read copies the next bytes of the file.
func (r *clipReader) Read(p []byte) (n int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, r.err()
	}
	if len(p) == 0 {
		return 0, nil
	}
	for n < len(p) {
		part := r.next()
		if len(part) == 0 {
			break
		}
		took := copy(p[n:], part)
		n += took
		r.at += took
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// WriteTo writes the rest of the file to w, slab by slab, without a copy.
func (r *clipReader) WriteTo(w io.Writer) (int64, error) {
	clip, err := r.hold()
	if err != nil {
		return 0, err
	}
	// This reference and not the reader's keeps the slab alive while a slow
	// writer has it, so that Close need not wait for the writer.
	defer clip.drop()
	var total int64
	for {
		part, err := r.peek()
		if err != nil || len(part) == 0 {
			return total, err
		}
		n, err := w.Write(part)
		total += int64(n)
		r.advance(n)
		switch {
		case err != nil:
			return total, err
		case n < len(part):
			return total, io.ErrShortWrite
		}
	}
}

// Close gives the reader's hold on the clip back. Closing again does nothing.
func (r *clipReader) Close() error {
	r.mu.Lock()
	clip := r.clip
	r.clip, r.closed = nil, true
	r.mu.Unlock()
	if clip != nil {
		clip.drop()
	}
	return nil
}

func (r *clipReader) hold() (*Clip, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, r.err()
	}
	r.clip.refs.Add(1) // never from 0: the reader itself holds one
	return r.clip, nil
}

func (r *clipReader) peek() ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, r.err()
	}
	return r.next(), nil
}

func (r *clipReader) advance(n int) {
	r.mu.Lock()
	r.at += n
	r.mu.Unlock()
}

// next is what can be read at once from the position, empty at the end of the
// file. The caller holds mu, and the reader is open.
func (r *clipReader) next() []byte {
	if r.at < HeaderBytes {
		return r.header[r.at:]
	}
	at := r.at - HeaderBytes
	if at >= r.clip.size {
		return nil
	}
	return r.clip.piece(at)
}

func (r *clipReader) err() error {
	if r.why != nil {
		return r.why
	}
	return fs.ErrClosed
}
