//go:build (!linux && !darwin) || (!amd64 && !arm64)

package llama

import (
	"errors"
	"runtime"
)

func dlopen(string) (uintptr, error) {
	return 0, errors.New("language models do not run on " + runtime.GOOS + "/" + runtime.GOARCH)
}

func dlsym(uintptr, string) (uintptr, error) { return dlopen("") }
