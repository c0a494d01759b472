//go:build unix

package server

import (
	"errors"
	"syscall"
)

// readsRaw says that readRaw can be used here.
const readsRaw = true

// readRaw reads from a socket that does not block. again says that there is
// nothing yet.
func readRaw(fd uintptr, p []byte) (n int, again bool) {
	for {
		n, err := syscall.Read(int(fd), p) //nolint:gosec // a descriptor is an int
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		return n, errors.Is(err, syscall.EAGAIN)
	}
}
