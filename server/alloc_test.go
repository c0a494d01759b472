package server_test

import (
	"context"
	"net"
	"testing"

	"sori/server"
)

// framesIn connects to a server whose session frees every frame, and gives a
// func that sends one frame of n bytes and waits until the session has it.
func framesIn(tb testing.TB, n int) func() {
	tb.Helper()
	got := make(chan struct{})
	r := start(tb, server.Config{NewSession: withSession(func(ctx context.Context, f *fakeSession) error {
		defer close(f.out)
		for {
			select {
			case in := <-f.in:
				in.Audio.Free()
				got <- struct{}{}
			case <-ctx.Done():
				return nil
			}
		}
	})})
	conn := r.raw(tb)
	data := frame(true, 2, make([]byte, n))
	return func() {
		send(tb, conn, data)
		<-got
	}
}

func send(tb testing.TB, conn net.Conn, data []byte) {
	tb.Helper()
	if _, err := conn.Write(data); err != nil {
		tb.Fatal(err)
	}
}

func TestAudioFramesCostNoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes pools lose what they hold")
	}
	for _, n := range []int{320, 640, 1920, 9600, 60_000} {
		one := framesIn(t, n)
		for range 100 {
			one()
		}
		if allocs := testing.AllocsPerRun(1000, one); allocs != 0 {
			t.Errorf("a frame of %d bytes costs %v allocations", n, allocs)
		}
	}
}

func BenchmarkFrameIn(b *testing.B) {
	for name, n := range map[string]int{"640": 640, "9600": 9600} {
		b.Run(name, func(b *testing.B) {
			one := framesIn(b, n)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				one()
			}
		})
	}
}
