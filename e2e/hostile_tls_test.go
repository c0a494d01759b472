//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	be "encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// rubbishTLS is something that no client of TLS should do, and what is in the
// answer to it; "": there is none.
type rubbishTLS struct {
	does   func(t *testing.T) string
	answer string
}

// rubbishOverTLS has what is done to a port with TLS.
func rubbishOverTLS(t *testing.T, d *door) map[string]rubbishTLS {
	t.Helper()
	question := request("GET", "/healthz", "", "")
	over := func(change func(*tls.Config)) func(*testing.T) string {
		return func(t *testing.T) string {
			t.Helper()
			cfg := d.private()
			change(cfg)
			status, _ := d.ask(t, cfg, question)
			return strings.Repeat(fmt.Sprint(status), min(status, 1)) // nothing for none
		}
	}
	plain := func(says string) func(*testing.T) string {
		return func(t *testing.T) string {
			t.Helper()
			conn := dialPlain(t, d)
			_, _ = io.WriteString(conn, says)    // it may be refused in the middle
			_ = conn.(*net.TCPConn).CloseWrite() //nolint:forcetypeassert // it is one
			b, _ := io.ReadAll(io.LimitReader(conn, 1<<20))
			if len(b) > 0 && b[0] == 0x15 { // an alert
				return ""
			}
			return string(b)
		}
	}
	return map[string]rubbishTLS{
		"as it should be":         {over(func(*tls.Config) {}), "200"},
		"plain HTTP":              {plain(question), "HTTP/1.0 400 "},
		"TLS 1.0":                 {over(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 }), ""},
		"TLS 1.1":                 {over(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }), ""},
		"HTTP/2 alone":            {over(func(c *tls.Config) { c.NextProtos = []string{"h2"} }), ""},
		"another server's name":   {over(func(c *tls.Config) { c.ServerName, c.InsecureSkipVerify = "evil.example", true }), "200"}, // the client's to check
		"rubbish":                 {plain("\x00\x01\x02\x03\x04\x05\x06\x07"), ""},
		"SSLv2":                   {plain("\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10"), ""},
		"a record of 64 KB":       {plain("\x16\x03\x01\xff\xff" + strings.Repeat("A", 70_000)), ""},
		"data before a handshake": {plain("\x17\x03\x03\x00\x05hello"), ""},
		"a header of 100 KB": {func(t *testing.T) string {
			t.Helper()
			status, _ := d.ask(t, d.private(), "GET / HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("a", 100_000)+"\r\n\r\n")
			return fmt.Sprint(status)
		}, "431"},
		"half closed behind a question": {func(t *testing.T) string {
			t.Helper()
			dialer := &tls.Dialer{Config: d.private()}
			conn, err := dialer.DialContext(t.Context(), "tcp", d.addr)
			if err != nil {
				return err.Error()
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, question)
			_ = conn.(*tls.Conn).CloseWrite() //nolint:forcetypeassert // it is one
			_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
			b, _ := io.ReadAll(conn)
			return string(b)
		}, "HTTP/1.1 200 "},
		"renegotiation":              {func(t *testing.T) string { t.Helper(); return d.renegotiated(t, 1, question) }, "tls: unexpected message"},
		"a flood of renegotiation":   {func(t *testing.T) string { t.Helper(); return d.renegotiated(t, 100, question) }, "tls: "},
		"2^62 bytes at /ws":          {func(t *testing.T) string { t.Helper(); return d.claimed(t, "/ws") }, "1009"},
		"2^62 bytes at /v1/realtime": {func(t *testing.T) string { t.Helper(); return d.claimed(t, "/v1/realtime") }, "1009"},
		"200 handshakes that wait": {func(t *testing.T) string {
			t.Helper()
			for range 200 {
				_, _ = io.WriteString(dialPlain(t, d), "\x16\x03\x01\x02\x00\x01") // and no more, while others come in
			}
			status, _ := d.ask(t, d.private(), question)
			return fmt.Sprint(status)
		}, "200"},
	}
}

func dialPlain(t *testing.T, d *door) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", d.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// tap keeps the first of what goes through a connection.
type tap struct {
	net.Conn
	mu        sync.Mutex
	sent, got bytes.Buffer
}

func (c *tap) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.sent.Write(p)
	c.mu.Unlock()
	return c.Conn.Write(p)
}

func (c *tap) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	c.got.Write(p[:n])
	c.mu.Unlock()
	return n, err
}

// renegotiated shakes hands by TLS 1.2, begins so many more handshakes inside, asks
// its question, and gives the answer and how it ended. No library of Go's does that: the records are
// made by hand.
func (d *door) renegotiated(t *testing.T, times int, question string) string {
	t.Helper()
	wire := &tap{Conn: dialPlain(t, d)}
	var keys bytes.Buffer
	cfg := d.private()
	cfg.MaxVersion, cfg.KeyLogWriter = tls.VersionTLS12, &keys
	cfg.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
	conn := tls.Client(wire, cfg)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		t.Fatal(err)
	}
	wire.mu.Lock()
	sent, got := bytes.Clone(wire.sent.Bytes()), bytes.Clone(wire.got.Bytes())
	wire.mu.Unlock()
	hello := sent[5 : 5+int(be.BigEndian.Uint16(sent[3:]))] // the message in the first record
	line := strings.Fields(keys.String())                   // CLIENT_RANDOM, that, the master secret
	if len(line) != 3 {
		t.Fatalf("the keys are %q", line)
	}
	clientRandom, _ := hex.DecodeString(line[1])
	master, _ := hex.DecodeString(line[2])
	serverRandom := got[11:43]
	block := expand(master, "key expansion", append(append([]byte(nil), serverRandom...), clientRandom...), 40)
	aead := gcm(t, block[:16])
	salt := block[32:36]
	seq := uint64(1) // 0 was the end of the handshake
	seal := func(kind byte, text []byte) []byte {
		nonce := be.BigEndian.AppendUint64(bytes.Clone(salt), seq)
		head := append(be.BigEndian.AppendUint64(nil, seq), kind, 3, 3, byte(len(text)>>8), byte(len(text)))
		body := append(bytes.Clone(nonce[4:]), aead.Seal(nil, nonce, text, head)...)
		seq++
		return append([]byte{kind, 3, 3, byte(len(body) >> 8), byte(len(body))}, body...)
	}
	for range times {
		_, _ = wire.Write(seal(22, hello)) // it may be refused in the middle
	}
	_, _ = wire.Write(seal(23, []byte(question)))
	answer, err := io.ReadAll(conn)
	return fmt.Sprint(string(answer), err)
}

// expand makes keys of a secret: the function of TLS 1.2.
func expand(secret []byte, label string, seed []byte, n int) []byte {
	sum := func(text ...[]byte) []byte {
		h := hmac.New(sha256.New, secret)
		for _, part := range text {
			h.Write(part)
		}
		return h.Sum(nil)
	}
	seed = append([]byte(label), seed...)
	var out []byte
	for a := sum(seed); len(out) < n; a = sum(a) {
		out = append(out, sum(a, seed)...)
	}
	return out[:n]
}

func gcm(t *testing.T, key []byte) cipher.AEAD {
	t.Helper()
	b, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(b)
	if err != nil {
		t.Fatal(err)
	}
	return aead
}
