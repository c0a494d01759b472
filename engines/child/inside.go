package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
)

// ErrParent is the cause of a context that ended with the parent.
var ErrParent = errors.New("child: the parent process ended")

// Listener takes the socket that the parent handed down as a file descriptor.
func Listener(fd int) (net.Listener, error) {
	f := os.NewFile(uintptr(fd), "listener")
	if f == nil {
		return nil, fmt.Errorf("child: there is no file descriptor %d", fd)
	}
	l, err := net.FileListener(f)
	if err = errors.Join(err, f.Close()); err != nil {
		if l != nil {
			err = errors.Join(err, l.Close())
		}
		return nil, fmt.Errorf("child: file descriptor %d is no socket that listens: %w", fd, err)
	}
	// The path is the parent's: the next process needs it too.
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	return l, nil
}

// WithParent gives a context that ends, with ErrParent as its cause, when stdin
// does: the parent holds its other end. The goroutine that reads lives as long
// as stdin.
func WithParent(ctx context.Context, stdin io.Reader) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithCancelCause(ctx)
	go func() {
		// Nothing is ever written; however the reading ends, the parent is gone.
		_, _ = io.Copy(io.Discard, stdin)
		stop(ErrParent)
	}()
	return ctx, func() { stop(context.Canceled) }
}
