package server

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"sori/audio"
)

// clientFrame is a frame as clients send it.
func clientFrame(first byte, payload []byte) []byte {
	f := []byte{first}
	switch n := len(payload); {
	case n < 126:
		f = append(f, 0x80|byte(n))
	case n < 1<<16:
		f = binary.BigEndian.AppendUint16(append(f, 0x80|126), uint16(n))
	default:
		f = binary.BigEndian.AppendUint64(append(f, 0x80|127), uint64(n))
	}
	key := [4]byte{0xDE, 0xAD, 0xBE, 0xEF}
	f = append(f, key[:]...)
	for i, b := range payload {
		f = append(f, b^key[i&3])
	}
	return f
}

// Read ahead, messages come out as they went in, and what is no whole message in
// one frame stays where it is, for the WebSocket library.
func TestMessagesAreTakenFromWhatWasReadAhead(t *testing.T) {
	t.Parallel()
	sound, text := bytes.Repeat([]byte{1, 2, 250}, 213), []byte(`{"type":"ping"}`)
	for _, tt := range []struct {
		name string
		data []byte
		ok   bool
		kind websocket.MessageType
		want []byte
	}{
		{"sound", clientFrame(0x82, sound), true, websocket.MessageBinary, sound},
		{"text", clientFrame(0x81, text), true, websocket.MessageText, text},
		{"nothing", clientFrame(0x82, nil), true, websocket.MessageBinary, nil},
		{"125 bytes", clientFrame(0x82, sound[:125]), true, websocket.MessageBinary, sound[:125]},
		{"126 bytes", clientFrame(0x82, sound[:126]), true, websocket.MessageBinary, sound[:126]},
		{"half a frame", clientFrame(0x82, sound)[:300], false, 0, nil},
		{"half a header", clientFrame(0x82, sound)[:5], false, 0, nil},
		{"half a key", clientFrame(0x82, sound)[:7], false, 0, nil},
		{"a part of a message", clientFrame(0x02, sound), false, 0, nil},
		{"the rest of a message", clientFrame(0x80, sound), false, 0, nil},
		{"an extension", clientFrame(0xC2, sound), false, 0, nil},
		{"a ping", clientFrame(0x89, text), false, 0, nil},
		{"a close", clientFrame(0x88, nil), false, 0, nil},
		{"no mask", []byte{0x82, 2, 1, 2, 3, 4, 5, 6}, false, 0, nil},
		{"a length written too long", append([]byte{0x82, 0x80 | 126, 0, 2, 0, 0, 0, 0}, 1, 2), false, 0, nil},
		{"a length in 64 bits", append([]byte{0x82, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}, 1), false, 0, nil},
	} {
		c := &deadlineConn{sending: make(chan struct{}, 1), ahead: ahead{data: append(bytes.Clone(tt.data), 0x8A), rooms: &sync.Pool{}, reader: bufio.NewReader(nil)}}
		kind, frame, ok := c.message()
		if ok != tt.ok || kind != tt.kind {
			t.Errorf("%s: kind %d, %v", tt.name, kind, ok)
			continue
		}
		left := len(tt.data) + 1
		if ok {
			if !bytes.Equal(frame.Data, tt.want) {
				t.Errorf("%s: other bytes came out", tt.name)
			}
			left = 1
		}
		if len(c.data) != left {
			t.Errorf("%s: %d bytes left, want %d", tt.name, len(c.data), left)
		}
	}
}

// The WebSocket library gets the connection whatever the reader does just then.
func TestYieldWakesWhoWaits(t *testing.T) {
	t.Parallel()
	client, c := wired(t)
	over := make(chan bool)
	for range 2 { // the second time nobody waits, and nobody may
		go func() {
			_, _, ok := next(c)
			over <- ok
		}()
		time.Sleep(time.Millisecond) // it may wait by now, or not: both have to do
		c.yield()
		if <-over {
			t.Fatal("a message came from nowhere")
		}
	}
	if _, err := client.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 8)); n != 1 || err != nil { // without the deadline that woke the reader
		t.Errorf("the library read %d bytes, %v", n, err)
	}
}

// A message that comes in pieces is waited for, and what only began when the
// client left is the library's to judge.
func TestPiecesOfMessagesAreWaitedFor(t *testing.T) {
	t.Parallel()
	sound := bytes.Repeat([]byte{1, 2, 250}, 700)
	whole := clientFrame(0x82, sound)
	for _, cut := range []int{1, 2, 3, 4, 7, 8, 9, 640, len(whole) - 1} {
		client, c := wired(t)
		gone := make(chan error, 1)
		go func() {
			defer close(gone)
			rest := append(bytes.Clone(whole[cut:]), whole[:cut]...)
			for _, b := range [][]byte{whole[:cut], rest} {
				if _, err := client.Write(b); err != nil {
					gone <- err
					return
				}
				time.Sleep(2 * time.Millisecond) // they may come as one all the same: both have to do
			}
			gone <- client.Close()
		}()
		kind, frame, ok := next(c)
		if !ok || kind != websocket.MessageBinary || !bytes.Equal(frame.Data, sound) {
			t.Fatalf("cut at %d: kind %d, %v", cut, kind, ok)
		}
		frame.Free()
		if _, _, ok := next(c); ok {
			t.Fatalf("cut at %d: half a message was taken for one", cut)
		}
		if err := <-gone; err != nil {
			t.Fatal(err)
		}
		b := make([]byte, len(whole))
		n, _ := c.Read(b)
		if !bytes.Equal(b[:n], whole[:cut]) {
			t.Errorf("cut at %d: the library got %d bytes", cut, n)
		}
	}
}

// A connection that a message is being handed over from can be left to the WebSocket
// library at any moment.
func TestYieldWhileAMessageIsHandedOver(t *testing.T) {
	t.Parallel()
	client, c := wired(t)
	two := append(clientFrame(0x82, []byte("one")), clientFrame(0x82, []byte("two"))...)
	if _, err := client.Write(two); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := c.deliver(func(_ websocket.MessageType, f *audio.Frame) error {
		got = append(got, string(f.Data))
		c.yield() // it does not wait for the reader, which is here
		return nil
	})
	if err != nil || len(got) != 1 || got[0] != "one" {
		t.Errorf("it handed over %q, %v", got, err)
	}
	if err := c.deliver(nil); err != nil {
		t.Errorf("after that: %v", err)
	}
	b := make([]byte, 64)
	if n, err := c.Read(b); err != nil || !bytes.Equal(b[:n], two[len(two)/2:]) {
		t.Errorf("the library read % x, %v", b[:n], err)
	}
}

// An end that came together with the last bytes is found when the reader is asked to
// look once more, whatever those were.
func TestAnEndBehindTheLastBytesIsFound(t *testing.T) {
	t.Parallel()
	whole := clientFrame(0x82, []byte("last"))
	for name, tt := range map[string]struct {
		said []byte
		want int // messages
	}{"a message": {whole, 1}, "half a message": {whole[:8], 0}, "a pong": {clientFrame(framePong, []byte("x")), 0}} {
		for range 20 {
			client, c := wired(t)
			if _, err := client.Write(tt.said); err != nil {
				t.Fatal(err)
			}
			client.Close()
			time.Sleep(time.Millisecond) // the system may have told of both by now, or not: both have to do
			got, over := 0, make(chan error, 1)
			go func() {
				over <- c.deliver(func(websocket.MessageType, *audio.Frame) error {
					c.lookAgain() // too early: the reader is busy
					got++
					return nil
				})
			}()
			for waits := true; waits; {
				select {
				case err := <-over:
					if err != nil || got != tt.want {
						t.Fatalf("%s: it ended with %v after %d messages", name, err, got)
					}
					waits = false
				case <-time.After(time.Millisecond):
					c.lookAgain()
				}
			}
			b := make([]byte, 64)
			for err := error(nil); err == nil; {
				_, err = c.Read(b) // until the end
			}
		}
	}
}

// Who is asked to look, and finds nothing, waits on.
func TestALookThatFindsNothing(t *testing.T) {
	t.Parallel()
	client, c := wired(t)
	got := make(chan string)
	over := make(chan error, 1)
	go func() {
		over <- c.deliver(func(_ websocket.MessageType, f *audio.Frame) error {
			got <- string(f.Data)
			return nil
		})
	}()
	for _, want := range []string{"one", "two", "three"} {
		for range 100 {
			c.lookAgain()
		}
		if _, err := client.Write(clientFrame(0x82, []byte(want))); err != nil {
			t.Fatal(err)
		}
		if s := <-got; s != want {
			t.Errorf("%q came as %q", want, s)
		}
	}
	c.yield()
	if err := <-over; err != nil {
		t.Error(err)
	}
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte{}, []byte("hello"), byte(0x82))
	f.Add(clientFrame(0x81, []byte("x")), []byte{}, byte(0x81))
	f.Fuzz(func(t *testing.T, junk, payload []byte, first byte) {
		c := &deadlineConn{sending: make(chan struct{}, 1), ahead: ahead{data: bytes.Clone(junk), rooms: &sync.Pool{}, reader: bufio.NewReader(nil)}}
		for before := len(junk); ; before = len(c.data) {
			partial := c.partial()
			_, frame, ok := c.message()
			if ok && partial {
				t.Fatalf("% x is a message, and part of one", junk)
			}
			if !ok {
				break
			}
			if before-len(c.data) < len(frame.Data)+6 {
				t.Fatalf("%d bytes gave a message of %d", before-len(c.data), len(frame.Data))
			}
			frame.Free()
		}
		c.data = clientFrame(first, payload)
		if _, frame, ok := c.message(); ok && !bytes.Equal(frame.Data, payload) {
			t.Fatalf("%q came out as %q", payload, frame.Data)
		}
	})
}

// Frames leave in one piece each, whatever pieces they come in.
func TestFramesLeaveWhole(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	defer here.Close()
	c := &deadlineConn{sending: make(chan struct{}, 1), Conn: here, timeout: time.Minute, observer: unobserved{}}
	w := bufio.NewWriterSize(c, bufferBytes)
	pieces := make(chan []byte)
	go func() {
		defer close(pieces)
		for buf := make([]byte, 1<<17); ; {
			n, err := there.Read(buf) // one call of Write at most
			if err != nil {
				return
			}
			pieces <- bytes.Clone(buf[:n])
		}
	}()
	for _, size := range []int{0, 1, 13, 14, 15, 16, 17, 100, 125, 126, 1280, 4800, 65535, 65536} {
		head := []byte{0x82, byte(size)}
		switch {
		case size > 65535:
			head = binary.BigEndian.AppendUint64([]byte{0x82, 127}, uint64(size))
		case size > 125:
			head = binary.BigEndian.AppendUint16([]byte{0x82, 126}, uint16(size))
		}
		payload := bytes.Repeat([]byte{7}, size)
		sent := make(chan error, 1)
		go func() {
			for _, b := range head { // as the library does
				_ = w.WriteByte(b) // Flush tells
			}
			_, _ = w.Write(payload)
			sent <- w.Flush()
		}()
		got := <-pieces
		if !bytes.Equal(got, append(head, payload...)) {
			t.Errorf("a frame of %d bytes left as %d", size, len(got))
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
	}
	there.Close()
	<-pieces
}
