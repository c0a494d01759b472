package ort

import (
	"errors"
	"fmt"
	"os"
)

// Runtime is the loaded library. It lives as long as the process: the library
// can't be unloaded safely. All methods may be called from many goroutines.
type Runtime struct {
	api     *api
	env     uintptr
	alloc   uintptr // the CPU allocator
	version string
}

// Open loads the shared library at a path.
func Open(library string) (*Runtime, error) {
	// The loader would search its own folders for a name without a slash, and
	// its message about a missing file is long.
	if _, err := os.Stat(library); err != nil {
		return nil, fmt.Errorf("onnxruntime: %w", err)
	}
	getBase, err := openLibrary(library)
	if err != nil {
		return nil, err
	}
	a, version, err := loadAPI(getBase)
	if err != nil {
		return nil, err
	}
	var p args
	defer p.done()
	out, addr := p.out(2)
	const word = 8
	err = errors.Join(
		a.call("making the environment", fnCreateEnv, logFatal, p.text("sori"), addr),
		a.call("finding the allocator", fnDefaultAllocator, addr+word))
	if err != nil {
		return nil, err
	}
	if err := a.call("turning telemetry off", fnDisableTelemetry, out[0]); err != nil {
		return nil, err
	}
	return &Runtime{api: a, env: out[0], alloc: out[1], version: version}, nil
}

// Version is the library's version, such as "1.28.2".
func (r *Runtime) Version() string { return r.version }

// block gives n zeroed words of C memory and their address.
func (r *Runtime) block(n int) (words []uintptr, addr uintptr, err error) {
	var p args
	defer p.done()
	out, at := p.out(1)
	if err := r.api.call("getting memory", fnAllocatorAlloc, r.alloc, uintptr(n)*8, at); err != nil {
		return nil, 0, err
	}
	if out[0] == 0 {
		return nil, 0, errors.New("onnxruntime: out of memory")
	}
	words = slice[uintptr](out[0], n)
	clear(words)
	return words, out[0], nil
}

// free gives C memory back.
func (r *Runtime) free(addr uintptr) {
	if addr != 0 {
		_ = r.api.call("freeing memory", fnAllocatorFree, r.alloc, addr) // fails for a nil allocator only
	}
}
