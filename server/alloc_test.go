package server_test

import (
	"context"
	"net"
	"strconv"
	"testing"

	"sori/server"
)

// framesIn connects to a server whose session frees every frame, over TCP or over
// a connection that is no socket, and gives a func that sends one frame of n bytes
// and waits until the session has it.
func framesIn(tb testing.TB, n int, tcp bool) func() {
	tb.Helper()
	got := make(chan struct{})
	cfg := server.Config{NewSession: withSession(func(ctx context.Context, f *fakeSession) error {
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
	})}
	var conn net.Conn
	if tcp {
		_, addr := loopback(tb, cfg)
		var err error
		if conn, err = (&net.Dialer{}).DialContext(tb.Context(), "tcp", addr); err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { conn.Close() })
		shake(tb, conn)
	} else {
		conn = start(tb, cfg).raw(tb)
	}
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
	for _, tcp := range []bool{true, false} {
		for _, n := range []int{320, 640, 1920, 9600, 60_000} {
			one := framesIn(t, n, tcp)
			for range 100 {
				one()
			}
			if allocs := testing.AllocsPerRun(1000, one); allocs != 0 {
				t.Errorf("a frame of %d bytes costs %v allocations (over TCP: %v)", n, allocs, tcp)
			}
		}
	}
}

func BenchmarkFrameIn(b *testing.B) {
	for _, n := range []int{640, 9600} {
		for over, tcp := range map[string]bool{"tcp": true, "memory": false} {
			b.Run(strconv.Itoa(n)+"/"+over, func(b *testing.B) {
				one := framesIn(b, n, tcp)
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					one()
				}
			})
		}
	}
}
