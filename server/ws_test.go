package server_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"sori/audio"
	"sori/protocol"
	"sori/server"
	"sori/session"
)

// withSession makes every connection's session behave as run says.
func withSession(run func(context.Context, *fakeSession) error) func(session.Options) server.Session {
	return func(session.Options) server.Session {
		f := newFakeSession()
		f.run = run
		return f
	}
}

func TestAConversation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{})
		c := r.connect(t)
		if _, ok := c.ask(`{"type":"session.configure"}`).(protocol.Ready); !ok {
			t.Error("configure was not answered with ready")
		}
		for _, n := range []int{0, 1, 640, 1023, 1024, 1025, 4096, 20_000, protocol.MaxAudioFrame - 1, protocol.MaxAudioFrame, 2} {
			c.binary(n)
			if _, e := c.event(); e != (protocol.Cleared{InputMS: int64(n)}) {
				t.Errorf("a frame of %d bytes came as %v", n, e)
			}
		}
		head, _ := func() (protocol.Head, protocol.Event) { c.text(`{"type":"ping","id":"a"}`); return c.event() }()
		if head.Seq != 13 {
			t.Errorf("the 13th event has number %d", head.Seq)
		}
		if n := r.Sessions(); n != 1 {
			t.Errorf("%d sessions", n)
		}
		if err := c.ws.Close(websocket.StatusNormalClosure, ""); err != nil {
			t.Errorf("goodbye: %v", err)
		}
		synctest.Wait()
		if n := r.Sessions(); n != 0 {
			t.Errorf("%d sessions after the goodbye", n)
		}
	})
}

func TestAudioGoesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{NewSession: withSession(func(ctx context.Context, f *fakeSession) error {
			a := audio.NewFrame(3200)
			a.Data[7] = 9
			f.out <- session.Output{Audio: a}
			return f.obey(ctx)
		})})
		c := r.connect(t)
		c.text(`{"type":"session.configure"}`)
		kind, data, err := c.ws.Read(t.Context())
		if err != nil || kind != websocket.MessageBinary || len(data) != 3200 || data[7] != 9 {
			t.Errorf("got %v with %d bytes, %v", kind, len(data), err)
		}
	})
}

func TestBadMessagesAreAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := start(t, server.Config{}).connect(t)
		for name, tc := range map[string]struct{ in, code string }{
			"broken":    {`{"type":`, protocol.ErrBadJSON},
			"empty":     {``, protocol.ErrBadJSON},
			"deep":      {strings.Repeat(`{"a":`, 10_000), protocol.ErrBadJSON},
			"not UTF-8": {"{\"type\":\"text\",\"text\":\"\xc3(\"}", protocol.ErrBadJSON},
			"unknown":   {`{"type":"fly"}`, protocol.ErrUnknownType},
			"range":     {`{"type":"session.configure","input":{"rate":1}}`, protocol.ErrBadMessage},
			"long":      {`{"type":"ping","x":"` + strings.Repeat("x", protocol.MaxTextFrame) + `"}`, protocol.ErrFrameTooLarge},
		} {
			e, ok := c.ask(tc.in).(protocol.Problem)
			if !ok || e.Code != tc.code || e.Message == "" {
				t.Errorf("%s: got %+v", name, e)
			}
		}
		for _, n := range []int{protocol.MaxAudioFrame + 1, 1<<20 - 1, 1 << 20} {
			c.binary(n)
			if _, e := c.event(); e.(protocol.Problem).Code != protocol.ErrFrameTooLarge { //nolint:forcetypeassert // a test
				t.Errorf("%d bytes: got %v", n, e)
			}
		}
		if e := c.ask(`{"type":"ping","id":"still here"}`); e != (protocol.Pong{ID: "still here"}) {
			t.Errorf("after it all: %v", e)
		}
	})
}

func TestFragmentsAreOneMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		got := make(chan int, 2)
		r := start(t, server.Config{NewSession: withSession(func(ctx context.Context, f *fakeSession) error {
			defer close(f.out)
			for {
				select {
				case in := <-f.in:
					got <- len(in.Audio.Data)
					in.Audio.Free()
				case <-ctx.Done():
					return nil
				}
			}
		})})
		raw := r.raw(t)
		write(t, raw, frame(false, 2, make([]byte, 1000)))
		write(t, raw, frame(false, 0, make([]byte, 2000)))
		write(t, raw, frame(true, 0, nil))
		write(t, raw, frame(true, 2, make([]byte, 10)))
		if a, b := <-got, <-got; a != 3000 || b != 10 {
			t.Errorf("got messages of %d and %d bytes", a, b)
		}
	})
}

func TestTooLargeEndsTheConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, server.Config{})
		c := r.connect(t)
		go c.ws.Write(t.Context(), websocket.MessageBinary, make([]byte, 2<<20)) //nolint:errcheck // it is cut
		if code, _ := c.closed(); code != protocol.CloseTooBig {
			t.Errorf("closed with %d", code)
		}
		synctest.Wait()
		if n := r.Sessions(); n != 0 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestBadMessagesInARowEndTheConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := start(t, server.Config{MaxBadMessages: 5}).connect(t)
		for range 4 {
			c.ask(`nonsense`)
		}
		c.ask(`{"type":"ping"}`) // starts the count anew
		for range 4 {
			c.ask(`nonsense`)
		}
		c.text(`nonsense`)
		code, events := c.closed()
		if code != protocol.CloseBadProtocol {
			t.Errorf("closed with %d", code)
		}
		if len(events) != 2 { // the last problem, and the session's end
			t.Errorf("before it came %v", events)
		}
	})
}

func TestAClientThatNeverReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan time.Duration, 1)
		flood := withSession(func(ctx context.Context, f *fakeSession) error {
			defer close(f.out)
			began := time.Now()
			for ctx.Err() == nil {
				f.say(protocol.Pong{})
			}
			ended <- time.Since(began)
			return nil
		})
		r := start(t, server.Config{NewSession: flood, WriteTimeout: 5 * time.Second, ResumeWait: -1})
		write(t, r.raw(t), frame(true, 1, []byte(`{"type":"session.configure"}`)))
		if took := <-ended; took != 5*time.Second {
			t.Errorf("given up after %v", took)
		}
		synctest.Wait()
		if n := r.Sessions(); n != 0 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestASessionThatFoundItsReaderSlow(t *testing.T) {
	t.Parallel()
	for want, err := range map[protocol.CloseCode]error{
		protocol.CloseSlowReader: session.ErrSlowReader,
		protocol.CloseInternal:   errors.New("broken"),
		protocol.CloseNormal:     nil,
	} {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, server.Config{NewSession: withSession(func(_ context.Context, f *fakeSession) error {
				f.say(protocol.Pong{})
				close(f.out)
				return err
			})})
			c := r.connect(t)
			c.text(`{"type":"session.configure"}`)
			if code, events := c.closed(); code != want || len(events) != 1 {
				t.Errorf("%v: closed with %d after %v", err, code, events)
			}
		})
	}
}

func TestAPanicCostsOneSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		r := start(t, server.Config{NewSession: func(session.Options) server.Session {
			f := newFakeSession()
			if n.Add(1) == 2 {
				f.run = func(context.Context, *fakeSession) error { panic("a bug") }
			}
			return f
		}})
		well := r.connect(t)
		well.ask(`{"type":"ping"}`) // its session is made after the handshake
		ill := r.connect(t)
		ill.text(`{"type":"ping"}`)
		if code, _ := ill.closed(); code != protocol.CloseInternal {
			t.Errorf("closed with %d", code)
		}
		if e := well.ask(`{"type":"ping"}`); e != (protocol.Pong{}) {
			t.Errorf("the other session says %v", e)
		}
	})
}
