package bench

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestFramesAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 125, 126, 640, 65535, 65536} {
		payload := bytes.Repeat([]byte{1, 2, 3, 250}, size/4+1)[:size]
		frame := appendFrame(nil, opBinary, payload)
		r := bufio.NewReader(bytes.NewReader(frame))
		opcode, n, mask, err := header(r)
		if err != nil || opcode != opBinary || n != size {
			t.Fatalf("%d bytes: header says %d, %d, %v", size, opcode, n, err)
		}
		got, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		unmask(got, mask)
		if !bytes.Equal(got, payload) {
			t.Errorf("%d bytes came back changed", size)
		}
	}
	if _, _, _, err := header(bufio.NewReader(bytes.NewReader(binary.BigEndian.AppendUint64([]byte{0x82, 127}, maxFrame+1)))); err == nil {
		t.Error("a frame larger than any is taken")
	}
}

func TestStampsComeBack(t *testing.T) {
	t.Parallel()
	want := stamps{1, 2, 3, 4, 5, 60}
	pcm := make([]byte, 640)
	want.write(pcm)
	got, ok := readStamps(pcm)
	if !ok || got != want || got.path() != 57 {
		t.Errorf("stamps %v, %v, path %d", got, ok, got.path())
	}
	if _, ok := readStamps(tone(640)); ok {
		t.Error("there are stamps in a plain tone")
	}
}

// What a server does at the handshake decides what the user is told.
func TestConnectSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	full := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "sessions_full", http.StatusServiceUnavailable)
	}))
	defer full.Close()
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	gone, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	for _, tt := range []struct{ name, host, says string }{
		{"refuses", full.Listener.Addr().String(), "HTTP 503, sessions_full"},
		{"slow", silent.Addr().String(), "takes more than 50ms for a handshake"},
		{"missing", gone.Addr().String(), "is the server running?"},
	} {
		b := &bench{Options: Options{Patience: 50 * time.Millisecond}}
		_, err := b.open(t.Context(), tt.host, "/ws", 3, plainSettings)
		if err == nil || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), "of 3") {
			t.Errorf("%s: %v, want %q and the number of the session", tt.name, err, tt.says)
		}
	}
}

func TestTooFewFilesSaysWhatToRaise(t *testing.T) {
	t.Parallel()
	limit, err := files()
	if err != nil {
		t.Fatal(err)
	}
	if err := enoughFiles(limit - spare); err != nil {
		t.Error(err)
	}
	err = enoughFiles(limit)
	if err == nil || !strings.Contains(err.Error(), "ulimit -n") || !strings.Contains(err.Error(), "--sessions") {
		t.Errorf("%v: does not say what to raise", err)
	}
}
