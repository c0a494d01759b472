package session_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sori/protocol"
	"sori/session"
)

// A session without anything to do gives its goroutine back, and goes on where it
// was when it is run again.
func TestIdleSessionRests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		s := session.New(session.Options{}, deps())
		var outs []session.Output
		var wg sync.WaitGroup
		wg.Go(func() {
			for o := range s.Events() {
				o.Audio.Free()
				outs = append(outs, o)
			}
		})
		push := func(in session.Input) {
			t.Helper()
			if err := s.Push(ctx, in); err != nil {
				t.Fatal(err)
			}
		}
		// rests runs the session until it rests; it is told again and again that the
		// client is quiet, as a server tells it.
		rests := func(after ...session.Input) {
			t.Helper()
			over := make(chan error, 1)
			wg.Go(func() { over <- s.Run(ctx) })
			for _, in := range after {
				push(in)
			}
			for range 200 {
				push(session.Input{Presence: session.Quiet})
				time.Sleep(100 * time.Millisecond)
				select {
				case err := <-over:
					if !errors.Is(err, session.ErrResting) || s.Waiting() {
						t.Fatalf("Run returned %v, waiting %v", err, s.Waiting())
					}
					return
				default:
				}
			}
			t.Fatal("it never rests")
		}
		rests() // before anything
		rests(session.Input{Message: protocol.Configure{}})
		synctest.Wait()
		if len(outs) != 1 {
			t.Fatalf("%d events after the configuration", len(outs))
		}
		rests(session.Input{Message: protocol.Text{Text: "hello"}}) // in the turn it does not
		synctest.Wait()
		done := 0
		for _, o := range outs {
			if _, ok := o.Event.(protocol.TurnDone); ok {
				done++
			}
		}
		if done != 1 {
			t.Errorf("%d turns were done", done)
		}
		end()
		if err := s.Run(ctx); err != nil {
			t.Errorf("the end: %v", err)
		}
		if err := s.Push(t.Context(), session.Input{Presence: session.Quiet}); !errors.Is(err, session.ErrEnded) {
			t.Errorf("after the end: %v", err)
		}
		wg.Wait()
	})
}
