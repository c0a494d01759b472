package server_test

import (
	"context"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"sori/history"
	"sori/protocol"
	"sori/server"
	"sori/session"
)

// fakeSession is a session whose behaviour a test can change. Without a change
// it answers configure with ready, ping with pong, a text with a turn that is
// done, audio with cleared (input_ms is its length in bytes), and a problem with
// itself. At the end it says that a turn was cancelled.
type fakeSession struct {
	id   string
	in   chan session.Input
	out  chan session.Output
	done chan struct{}
	seq  uint64 // owned by Run
	key  string

	presence chan session.Input                              // nil: what becomes of the client is not noted
	run      func(ctx context.Context, f *fakeSession) error // nil: obey
}

func newFakeSession() *fakeSession {
	return &fakeSession{
		id:   strconv.Itoa(int(fakeIDs.Add(1))),
		in:   make(chan session.Input, 4),
		out:  make(chan session.Output),
		done: make(chan struct{}),
	}
}

var fakeIDs atomic.Int64 //nolint:gochecknoglobals // names sessions apart in logs of tests

func (f *fakeSession) ID() string                    { return f.id }
func (f *fakeSession) Events() <-chan session.Output { return f.out }

func (f *fakeSession) Waiting() bool { return len(f.in) > 0 }

func (f *fakeSession) Push(ctx context.Context, in session.Input) error {
	if in.Presence != 0 {
		if f.presence != nil && in.Presence != session.Quiet {
			f.presence <- in
		}
		return nil
	}
	select {
	case f.in <- in:
		return nil
	case <-f.done:
		in.Audio.Free()
		return session.ErrEnded
	case <-ctx.Done():
		in.Audio.Free()
		return ctx.Err()
	}
}

func (f *fakeSession) Run(ctx context.Context) error {
	defer close(f.done)
	if f.run != nil {
		return f.run(ctx, f)
	}
	return f.obey(ctx)
}

func (f *fakeSession) obey(ctx context.Context) error {
	defer close(f.out)
	for {
		select {
		case <-ctx.Done():
			for len(f.in) > 0 {
				f.answer(<-f.in)
			}
			f.say(protocol.TurnCancelled{Reason: protocol.CancelledByEnd})
			return nil
		case in := <-f.in:
			f.answer(in)
		}
	}
}

func (f *fakeSession) answer(in session.Input) {
	if in.Audio != nil {
		n := len(in.Audio.Data)
		in.Audio.Free()
		f.say(protocol.Cleared{InputMS: int64(n)})
		return
	}
	if in.Problem != nil {
		f.say(*in.Problem)
		return
	}
	switch m := in.Message.(type) {
	case protocol.Configure:
		f.say(protocol.Ready{Session: f.id, Resume: protocol.Resumption{Key: f.key}})
	case protocol.Ping:
		f.say(protocol.Pong(m))
	case protocol.Text:
		f.say(protocol.TurnDone{Record: history.Turn{ATOTText: m.Text}})
	}
}

func (f *fakeSession) say(e protocol.Event) {
	f.seq++
	f.out <- session.Output{Head: protocol.Head{Seq: f.seq}, Event: e}
}

// memory is a listener whose connections are pipes in memory, so that time can
// stand still around them.
type memory struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newMemory() *memory { return &memory{conns: make(chan net.Conn), done: make(chan struct{})} }

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error {
	m.once.Do(func() { close(m.done) })
	return nil
}

func (m *memory) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (m *memory) dial(context.Context, string, string) (net.Conn, error) {
	client, served := net.Pipe()
	select {
	case m.conns <- served:
		return client, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}

// running is a server under test.
type running struct {
	*server.Server
	memory *memory
	stop   context.CancelCauseFunc
	ended  chan error
}

// start serves cfg in memory until the test is over. What cfg leaves open is
// fake.
func start(t testing.TB, cfg server.Config) *running {
	t.Helper()
	if cfg.NewSession == nil {
		cfg.NewSession = func(o session.Options) server.Session {
			f := newFakeSession()
			f.key = o.ResumeKey
			return f
		}
	}
	if cfg.Store == nil {
		cfg.Store = &fakeStore{}
	}
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	r := &running{Server: s, memory: newMemory(), stop: cancel, ended: make(chan error, 1)}
	over := make(chan struct{})
	go func() {
		defer close(over)
		r.ended <- s.Serve(ctx, r.memory)
	}()
	t.Cleanup(func() {
		cancel(nil)
		<-over
	})
	return r
}
