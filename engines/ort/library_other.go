//go:build !((linux || darwin) && (amd64 || arm64))

package ort

import (
	"fmt"
	"runtime"
)

func openLibrary(string) (getBase uintptr, err error) {
	return 0, fmt.Errorf("onnxruntime: sori does not load it on %s/%s: use Linux or macOS on amd64 or arm64, or remote engines", runtime.GOOS, runtime.GOARCH)
}

// invoke is never reached here: without a library there is no function to call.
func invoke(uintptr, ...uintptr) uintptr { return 0 }
