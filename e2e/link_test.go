//go:build e2e

package e2e_test

import (
	"net"
	"sync"
	"testing"
	"time"
)

// link is a stretch of network that a test can spoil: what connects to its
// address reaches its target, as long as the test lets it.
type link struct {
	t  testing.TB
	ln net.Listener
	wg sync.WaitGroup

	mu      sync.Mutex
	targets []string // tried in turn, as a plain load balancer does
	turn    int
	conns   map[net.Conn]struct{} // both ends of each connection
	latency time.Duration         // before each piece of data goes on
	stuck   chan struct{}         // not nil: nothing goes on until it is closed
	refused bool                  // new connections are closed at once
	closed  bool
}

// newLink makes a link to HOST:PORT. With several targets each connection goes to
// the next one that takes it.
func newLink(t testing.TB, targets ...string) *link {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // the test's own listener
	if err != nil {
		t.Fatal(err)
	}
	l := &link{t: t, ln: ln, targets: targets, conns: make(map[net.Conn]struct{})}
	l.wg.Go(l.accept)
	t.Cleanup(l.close)
	return l
}

func (l *link) addr() string { return l.ln.Addr().String() }

func (l *link) accept() {
	for {
		from, err := l.ln.Accept()
		if err != nil {
			return
		}
		l.wg.Go(func() { l.carry(from) })
	}
}

func (l *link) carry(from net.Conn) {
	defer from.Close()
	l.mu.Lock()
	refused := l.refused
	l.mu.Unlock()
	if refused {
		return
	}
	to := l.dial()
	if to == nil {
		return
	}
	defer to.Close()
	if !l.hold(from, to) {
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { l.pump(to, from) })
	l.pump(from, to)
	wg.Wait()
	l.mu.Lock()
	delete(l.conns, from)
	delete(l.conns, to)
	l.mu.Unlock()
}

// dial tries each target once.
func (l *link) dial() net.Conn {
	l.mu.Lock()
	l.turn++
	from, targets := l.turn, l.targets
	l.mu.Unlock()
	dialer := net.Dialer{Timeout: 5 * time.Second}
	for i := range targets {
		to, err := dialer.DialContext(l.t.Context(), "tcp", targets[(from+i)%len(targets)])
		if err == nil {
			return to
		}
	}
	return nil
}

func (l *link) hold(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range conns {
		l.conns[c] = struct{}{}
	}
	return !l.closed
}

// pump carries one direction. The end of one closes the other, too.
func (l *link) pump(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			l.mu.Lock()
			latency, stuck := l.latency, l.stuck
			l.mu.Unlock()
			if stuck != nil {
				<-stuck
			}
			if latency > 0 {
				time.Sleep(latency) // the length of the way
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// cut breaks every connection, as a phone does that changes its network.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
}

// slow makes everything later by d.
func (l *link) slow(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latency = d
}

// blackhole swallows everything, without a word to either end, until it is
// lifted: then what was under way goes on.
func (l *link) blackhole(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case on && l.stuck == nil:
		l.stuck = make(chan struct{})
	case !on && l.stuck != nil:
		close(l.stuck)
		l.stuck = nil
	}
}

// refuse closes new connections at once.
func (l *link) refuse(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused = on
}

// lead sends new connections elsewhere.
func (l *link) lead(targets ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.targets = targets
}

func (l *link) close() {
	_ = l.ln.Close()
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.blackhole(false)
	l.cut()
	l.wg.Wait()
}
