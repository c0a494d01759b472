// Package enginetest plays engines for the tests of their clients: good ones,
// and those that fail in every way that engines do. It runs over a network in
// memory, so that tests of time limits can use the fake clock of
// testing/synctest and take no time.
package enginetest

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Network is one HTTP server behind connections in memory.
type Network struct {
	dialled atomic.Int32
	conns   chan net.Conn // in: the server's ends
	closed  chan struct{}
	once    sync.Once
}

// Serve serves h until the test ends.
func Serve(t *testing.T, h http.Handler) *Network {
	t.Helper()
	n := &Network{conns: make(chan net.Conn), closed: make(chan struct{})}
	var wg sync.WaitGroup
	counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wg.Add(1) // the server does not wait for those who took their connection
		defer wg.Done()
		h.ServeHTTP(w, r)
	})
	s := &http.Server{Handler: counted, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), ReadHeaderTimeout: time.Minute}
	wg.Go(func() {
		if err := s.Serve(n); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("the engine's server: %v", err)
		}
	})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the engine's server: %v", err)
		}
		wg.Wait()
	})
	return n
}

// Dial opens a connection to the server, whatever the address.
func (n *Network) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case n.conns <- server:
		n.dialled.Add(1)
		return client, nil
	case <-n.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Dialled is how many connections were opened so far.
func (n *Network) Dialled() int { return int(n.dialled.Load()) }

// Accept is for the server.
func (n *Network) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

// Close is for the server.
func (n *Network) Close() error {
	n.once.Do(func() { close(n.closed) })
	return nil
}

// Addr is for the server.
func (n *Network) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unix"} }
