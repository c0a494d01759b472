package server_test

import (
	"context"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sori/protocol"
	"sori/server"
	"sori/session"
)

// sleeper is a session that rests when it is told to, and counts how often.
type sleeper struct {
	*fakeSession
	rested atomic.Int32
}

func (s *sleeper) Push(ctx context.Context, in session.Input) error {
	if in.Presence != session.Quiet {
		return s.fakeSession.Push(ctx, in)
	}
	select {
	case s.in <- in:
	default:
	}
	return nil
}

func (s *sleeper) Run(ctx context.Context) error {
	for {
		select {
		case in := <-s.in:
			if in.Presence == session.Quiet {
				s.rested.Add(1)
				return session.ErrResting
			}
			s.answer(in)
		case <-ctx.Done():
			close(s.out)
			close(s.done)
			return nil
		}
	}
}

// Idle sessions hold the goroutine that reads, and no other; each wakes at the
// next message, when its client leaves, and when the server stops.
func TestIdleSessionsGiveTheirGoroutinesBack(t *testing.T) {
	t.Parallel()
	made := make(chan *sleeper, 8)
	_, addr := loopback(t, server.Config{
		RestAfter: time.Millisecond, ResumeWait: time.Second,
		NewSession: func(session.Options) server.Session {
			s := &sleeper{fakeSession: newFakeSession()}
			made <- s
			return s
		},
	})
	var all []*client
	for range 4 {
		ws, _, err := websocket.Dial(t.Context(), "ws://"+addr+"/ws", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = ws.CloseNow() })
		c := &client{t, ws}
		if e := c.ask(`{"type":"session.configure"}`); e == nil {
			t.Fatal("no session")
		}
		all = append(all, c)
	}
	sessions := []*sleeper{<-made, <-made, <-made, <-made}
	for round := range 2 {
		for _, s := range sessions {
			for deadline := time.Now().Add(20 * time.Second); s.rested.Load() < int32(round+1); time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("round %d: a session never rests", round)
				}
			}
		}
		for deadline := time.Now().Add(20 * time.Second); strings.Contains(stacks(), "(*sleeper).Run("); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("round %d: a session at rest holds goroutines", round)
			}
		}
		for _, c := range all {
			if e, ok := c.ask(`{"type":"ping","id":"are you there"}`).(protocol.Pong); !ok || e.ID != "are you there" {
				t.Errorf("round %d: a session that was woken says %+v", round, e)
			}
		}
	}
	// The last ones rest again while they leave: by goodbye, without a word, and
	// with the server.
	_ = all[0].ws.Close(websocket.StatusNormalClosure, "")
	_ = all[1].ws.CloseNow()
}

// stacks gives the stacks of all goroutines.
func stacks() string {
	buf := make([]byte, 4<<20)
	return string(buf[:runtime.Stack(buf, true)])
}
