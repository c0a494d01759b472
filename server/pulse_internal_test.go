package server

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sori/audio"
)

// wired gives both ends of a connection, the server's as a reader has it.
func wired(t *testing.T) (client net.Conn, c *deadlineConn) {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err = (&net.Dialer{}).DialContext(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		conn.Close()
	})
	c = &deadlineConn{sending: make(chan struct{}, 1), Conn: conn, observer: unobserved{}, timeout: time.Second}
	c.look(conn, &sync.Pool{})
	c.reader = bufio.NewReaderSize(c, bufferBytes)
	return client, c
}

// errEnough ends deliver.
var errEnough = errors.New("one message is enough")

// next gives one message that came as a whole; ok is false when the WebSocket
// library has to read.
func next(c *deadlineConn) (kind websocket.MessageType, frame *audio.Frame, ok bool) {
	err := c.deliver(func(k websocket.MessageType, f *audio.Frame) error {
		kind, frame = k, f
		return errEnough
	})
	return kind, frame, errors.Is(err, errEnough)
}

// Pings and pongs that stand between messages cost the reader nothing, and what
// follows them comes out whole.
func TestSignsOfLifeAreTakenFromWhatWasReadAhead(t *testing.T) {
	t.Parallel()
	client, c := wired(t)
	if err := c.ping(c.pings.sent.Add(1)); err != nil {
		t.Fatal(err)
	}
	ping := make([]byte, 2+pingBytes)
	if _, err := io.ReadFull(client, ping); err != nil || ping[0] != framePing || ping[1] != pingBytes {
		t.Fatalf("the ping is % x, %v", ping, err)
	}
	sound := bytes.Repeat([]byte{1, 2, 250}, 100)
	said := append(clientFrame(framePong, ping[2:]), clientFrame(framePing, []byte("are you there"))...)
	if _, err := client.Write(append(said, clientFrame(frameBinary, sound)...)); err != nil {
		t.Fatal(err)
	}
	if kind, frame, ok := next(c); !ok || kind != websocket.MessageBinary || !bytes.Equal(frame.Data, sound) {
		t.Errorf("after them came %d, %v", kind, ok)
	}
	if c.pings.answered.Load() != 1 {
		t.Error("the pong was not taken")
	}
	pong := make([]byte, 2+13)
	if _, err := io.ReadFull(client, pong); err != nil || !bytes.Equal(pong, append([]byte{framePong, 13}, "are you there"...)) {
		t.Errorf("the pong is % x, %v", pong, err)
	}
}

// What is no whole sign of life is left for the WebSocket library.
func TestHalfASignOfLifeIsLeft(t *testing.T) {
	t.Parallel()
	long := clientFrame(framePing, make([]byte, 126))
	unmasked := []byte{framePing, 2, 1, 2, 0, 0, 0}
	for name, data := range map[string][]byte{
		"nothing": nil, "half a head": clientFrame(framePong, []byte("x"))[:5], "half of it": clientFrame(framePing, []byte("hello"))[:8],
		"too long": long, "no mask": unmasked, "a part": clientFrame(0x09, []byte("x")), "a close": clientFrame(0x88, nil), "sound": clientFrame(frameBinary, []byte("xxxx")),
	} {
		c := &deadlineConn{sending: make(chan struct{}, 1), ahead: ahead{data: data, rooms: &sync.Pool{}}}
		if c.sign() || len(c.data) != len(data) {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestAPulse(t *testing.T) {
	t.Parallel()
	cfg := &Config{PingEvery: 20 * time.Second, PongTimeout: 15 * time.Second}
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	p, of := pulse{pinged: at(0)}, &pings{}
	answer := func(n byte) { of.pong(t.Context(), []byte{0, 0, 0, 0, 0, 0, 0, n}) }
	for i, step := range []struct {
		at      int
		before  func()
		pushing bool
		want    verdict
	}{
		{at: 19, want: pulseNothing},
		{at: 20, want: pulseAsk},
		{at: 21, want: pulseNothing},
		{at: 22, before: func() { answer(2); of.pong(t.Context(), []byte("1")) }, want: pulseNothing}, // answers to nothing
		{at: 23, before: func() { answer(1) }, want: pulseThere},
		{at: 24, want: pulseNothing},
		{at: 40, want: pulseAsk},
		{at: 54, want: pulseNothing},
		{at: 55, pushing: true, want: pulseNothing}, // it may lie behind a frame
		{at: 60, want: pulseAsk},
		{at: 61, before: func() { answer(2) }, want: pulseNothing}, // too late
		{at: 75, want: pulseGone},
	} {
		if step.before != nil {
			step.before()
		}
		if got := p.feel(at(step.at), cfg, of, step.pushing); got != step.want {
			t.Errorf("step %d, second %d: %d, want %d", i, step.at, got, step.want)
		}
	}
}
