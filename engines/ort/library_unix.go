//go:build (linux || darwin) && (amd64 || arm64)

package ort

import (
	"fmt"

	"github.com/ebitengine/purego"
)

// openLibrary loads the library, for the life of the process, and gives the
// address of its entry.
func openLibrary(path string) (getBase uintptr, err error) {
	lib, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return 0, fmt.Errorf("onnxruntime: the library can't be loaded: %w", err)
	}
	getBase, err = purego.Dlsym(lib, "OrtGetApiBase")
	if err != nil {
		return 0, fmt.Errorf("onnxruntime: %s is another library: %w", path, err)
	}
	return getBase, nil
}

// invoke calls a C function with whole-number and pointer arguments.
func invoke(fn uintptr, a ...uintptr) uintptr {
	r, _, _ := purego.SyscallN(fn, a...)
	return r
}
