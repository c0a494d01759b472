package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/coder/websocket"
)

// The floors: servers that do nothing but read.
const (
	floorTCP   = "tcp"   // plain TCP: a goroutine a connection, Read, unmask
	floorCoder = "coder" // coder/websocket behind net/http: Reader and one buffer
)

// Floor serves one of the floors on addr until ctx ends: kind is "tcp" or
// "coder". It says on out where it listens. Text frames are sent back.
func Floor(ctx context.Context, kind, addr string, out io.Writer) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	handler := map[string]http.HandlerFunc{floorTCP: plain, floorCoder: bare}[kind]
	if handler == nil {
		return fmt.Errorf("there is no floor %q", kind)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ws", handler)
	mux.HandleFunc("GET /metrics", tellMemory)
	mux.HandleFunc("POST /debug/free-memory", func(http.ResponseWriter, *http.Request) { debug.FreeOSMemory() })
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	return serve(ctx, ln, mux, out)
}

// tellMemory tells of the process's memory as a sori does.
func tellMemory(w http.ResponseWriter, _ *http.Request) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Fprintf(w, "go_memstats_mallocs_total %d\ngo_memstats_heap_alloc_bytes %d\ngo_memstats_stack_inuse_bytes %d\ngo_goroutines %d\n", m.Mallocs, m.HeapAlloc, m.StackInuse, runtime.NumGoroutine())
}

// serve answers on ln until ctx ends.
func serve(ctx context.Context, ln net.Listener, h http.Handler, out io.Writer) error {
	web := &http.Server{Handler: h, ReadHeaderTimeout: 30 * time.Second}
	if c, ok := h.(interface {
		count(conn net.Conn, state http.ConnState)
	}); ok {
		web.ConnState = c.count
	}
	stop := context.AfterFunc(ctx, func() { _ = web.Close() }) // it has nothing to lose
	defer stop()
	fmt.Fprintf(out, "listening %s\n", ln.Addr())
	if err := web.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// bare is the plain way to use coder/websocket.
func bare(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // the handshake told why
	}
	defer ws.CloseNow()
	ws.SetReadLimit(maxFrame)
	buf := make([]byte, 4<<10)
	for {
		// A context that can be cancelled would cost allocations.
		kind, frame, err := ws.Reader(context.Background()) //nolint:contextcheck // as it says
		if err != nil {
			return
		}
		n := 0
		for err == nil && n < len(buf) {
			var m int
			m, err = frame.Read(buf[n:])
			n += m
		}
		if kind == websocket.MessageText {
			err = ws.Write(context.Background(), kind, buf[:n]) //nolint:contextcheck // as above
			if err != nil {
				return
			}
		}
		if err == nil {
			if _, err = io.Copy(io.Discard, frame); err != nil {
				return
			}
		}
	}
}

// plain reads frames from the socket with nothing between.
func plain(w http.ResponseWriter, _ *http.Request) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, err = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
	if err != nil || rw.Reader.Buffered() > 0 {
		return
	}
	reflect(conn)
}

// reflect is the loop: the limit of what a goroutine a connection can do.
func reflect(conn net.Conn) {
	r := bufio.NewReaderSize(conn, 4<<10)
	buf := make([]byte, 4<<10)
	for {
		opcode, n, mask, err := header(r)
		if err != nil || opcode == opClose {
			return
		}
		for n > 0 {
			part := buf[:min(n, len(buf))]
			if _, err := io.ReadFull(r, part); err != nil {
				return
			}
			unmask(part, mask)
			n -= len(part)
			if opcode == opText && n == 0 {
				if _, err := conn.Write(unmaskedFrame(part)); err != nil {
					return
				}
			}
		}
	}
}

// unmask works on eight bytes at once.
func unmask(b []byte, mask uint32) {
	var four [4]byte
	binary.BigEndian.PutUint32(four[:], mask)
	once := uint64(binary.LittleEndian.Uint32(four[:]))
	wide := once<<32 | once
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= four[i&3]
	}
}

// unmaskedFrame is a text frame as servers send it.
func unmaskedFrame(text []byte) []byte {
	if len(text) < 126 {
		return append([]byte{0x80 | opText, byte(len(text))}, text...)
	}
	return append(binary.BigEndian.AppendUint16([]byte{0x80 | opText, 126}, uint16(len(text))), text...)
}
