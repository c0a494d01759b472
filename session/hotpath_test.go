package session_test

import (
	"context"
	"testing"

	"sori/audio"
	"sori/protocol"
	"sori/session"
)

// listening gives a running, configured session and a func that pushes one 20 ms
// frame and waits until the actor has taken it.
func listening(tb testing.TB) (push func()) {
	tb.Helper()
	ctx, end := context.WithCancel(tb.Context())
	s := session.New(session.Options{Inbox: 1}, deps())
	over := make(chan struct{})
	go func() {
		defer close(over)
		if err := s.Run(ctx); err != nil {
			tb.Error(err)
		}
	}()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for o := range s.Events() {
			o.Audio.Free()
		}
	}()
	tb.Cleanup(func() {
		end()
		<-over
		<-drained
	})
	if err := s.Push(ctx, session.Input{Message: protocol.Configure{}}); err != nil {
		tb.Fatal(err)
	}
	n := 0
	return func() {
		if n++; n%400 == 0 { // long before the utterance is full; slabs go back to their pool
			if err := s.Push(ctx, session.Input{Message: protocol.Clear{}}); err != nil {
				tb.Fatal(err)
			}
		}
		if err := s.Push(ctx, session.Input{Audio: audio.NewFrame(640)}); err != nil {
			tb.Fatal(err)
		}
	}
}

// A thousand sessions push 50,000 frames a second: what each allocates, the
// collector pays for in everybody's lateness.
func TestAudioFrameAllocatesNothing(t *testing.T) {
	push := listening(t)
	for range 2000 {
		push()
	}
	if n := testing.AllocsPerRun(2000, push); n >= 0.1 { // a clear is one event in 400 frames
		t.Errorf("%v allocations per frame, want 0", n)
	}
}

func BenchmarkPushFrame(b *testing.B) {
	push := listening(b)
	b.SetBytes(640)
	b.ReportAllocs()
	for b.Loop() {
		push()
	}
}
