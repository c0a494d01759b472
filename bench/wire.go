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
	"strings"
	"time"
)

// Opcodes of WebSocket frames.
const (
	opText   = 0x1
	opBinary = 0x2
	opClose  = 0x8
	opPing   = 0x9
	opPong   = 0xA
)

// maskKey is the one with which all frames are masked: what counts is that the
// server has to unmask them.
const maskKey = 0x5AC3960F

// maxFrame bounds a frame from a server, in bytes.
const maxFrame = 1 << 20

// appendFrame appends a masked frame, as clients send it.
func appendFrame(dst []byte, opcode byte, payload []byte) []byte {
	dst = append(dst, 0x80|opcode)
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, 0x80|byte(n))
	case n <= 0xFFFF:
		dst = binary.BigEndian.AppendUint16(append(dst, 0x80|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 0x80|127), uint64(n))
	}
	dst = binary.BigEndian.AppendUint32(dst, maskKey)
	var mask [4]byte
	binary.BigEndian.PutUint32(mask[:], maskKey)
	for i, b := range payload {
		dst = append(dst, b^mask[i&3])
	}
	return dst
}

// header reads the head of a frame of either side: its opcode, the length of its
// payload and its mask, 0 for none.
func header(r *bufio.Reader) (opcode byte, length int, mask uint32, err error) {
	head, err := r.Peek(2)
	if err != nil {
		return 0, 0, 0, err
	}
	opcode, masked := head[0]&0x0F, head[1]&0x80 != 0
	size, extra := uint64(head[1]&0x7F), 0
	switch size {
	case 126:
		extra = 2
	case 127:
		extra = 8
	}
	all := 2 + extra
	if masked {
		all += 4
	}
	if head, err = r.Peek(all); err != nil {
		return 0, 0, 0, err
	}
	switch extra {
	case 2:
		size = uint64(binary.BigEndian.Uint16(head[2:]))
	case 8:
		size = binary.BigEndian.Uint64(head[2:])
	}
	if size > maxFrame {
		return 0, 0, 0, fmt.Errorf("a frame of %d bytes came", size)
	}
	if masked {
		mask = binary.BigEndian.Uint32(head[all-4:])
	}
	_, err = r.Discard(all)
	return opcode, int(size), mask, err
}

// errRefused says that the server answered, and took no session.
var errRefused = errors.New("the server refuses sessions")

// connect opens a WebSocket connection. The error says what to do.
func (b *bench) connect(ctx context.Context, host, path string) (net.Conn, *bufio.Reader, error) {
	dialer := net.Dialer{Timeout: b.Patience}
	conn, err := dialer.DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, nil, fmt.Errorf("nobody answers at %s: %w; is the server running?", host, err)
	}
	r, err := b.shake(conn, host, path)
	if err != nil {
		_ = conn.Close() // it is given up
		return nil, nil, err
	}
	return conn, r, nil
}

func (b *bench) shake(conn net.Conn, host, path string) (*bufio.Reader, error) {
	if err := conn.SetDeadline(time.Now().Add(b.Patience)); err != nil {
		return nil, err
	}
	var ask strings.Builder
	fmt.Fprintf(&ask, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n", path, host)
	if b.Key != "" {
		fmt.Fprintf(&ask, "Authorization: Bearer %s\r\n", b.Key)
	}
	ask.WriteString("\r\n")
	if _, err := io.WriteString(conn, ask.String()); err != nil {
		return nil, fmt.Errorf("the handshake with %s broke: %w", host, err)
	}
	r := bufio.NewReaderSize(conn, 2<<10)
	resp, err := http.ReadResponse(r, nil)
	switch {
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		return nil, fmt.Errorf("%s takes more than %s for a handshake: it is too busy, or no sori", host, b.Patience)
	case err != nil:
		return nil, fmt.Errorf("%s gives no answer that is HTTP: %w", host, err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 2<<10)) // what it says, as far as it comes
		_ = resp.Body.Close()
		return nil, fmt.Errorf("%w: HTTP %d, %s", errRefused, resp.StatusCode, strings.TrimSpace(string(body)))
	}
	return r, conn.SetDeadline(time.Time{})
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}
