//go:build (!linux && !darwin) || (!amd64 && !arm64)

package espeak

import (
	"errors"
	"runtime"
)

func dlopen(string) (uintptr, error) {
	return 0, errors.New("espeak-ng is not loaded on " + runtime.GOOS + "/" + runtime.GOARCH)
}

func dlsym(uintptr, string) (uintptr, error) { return dlopen("") }
