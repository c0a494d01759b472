//go:build (linux || darwin) && (amd64 || arm64)

package llama

import "github.com/ebitengine/purego"

// dlopen loads a shared library. It is global, for llama.cpp's libraries find
// each other's functions so.
func dlopen(path string) (uintptr, error) {
	return purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
}

func dlsym(lib uintptr, name string) (uintptr, error) { return purego.Dlsym(lib, name) }
