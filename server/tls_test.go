package server_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sori/protocol"
	"sori/server"
)

// pair is a certificate of the server's, made once.
var pair = sync.OnceValue(func() tls.Certificate { //nolint:gochecknoglobals // see above
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sori.test"}, DNSNames: []string{"sori.test"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0), // whatever a bubble's clock shows
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
})

// private makes a server's connections private.
func private(cfg server.Config) server.Config {
	cfg.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair()}, NextProtos: []string{"http/1.1"}}
	return cfg
}

// trusting is what a client of it needs.
func trusting() *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(pair().Leaf)
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, ServerName: "sori.test"}
}

// shaken opens a connection and shakes hands, and sends what a client says.
func (r *running) shaken(t *testing.T, says string) *tls.Conn {
	t.Helper()
	conn := tls.Client(r.dialled(t, ""), trusting())
	if err := conn.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	write(t, conn, []byte(says))
	return conn
}

// cutter lets so many writes through, and none after that.
type cutter struct {
	net.Conn
	writes int
}

func (c *cutter) Write(p []byte) (int, error) {
	if c.writes--; c.writes < 0 {
		return 0, errors.New("the client has stopped")
	}
	return c.Conn.Write(p)
}

// hello is how a client begins to shake hands.
func hello(t *testing.T) []byte {
	t.Helper()
	client, peer := net.Pipe()
	defer client.Close()
	go func() {
		_ = tls.Client(client, trusting()).HandshakeContext(t.Context())
	}()
	b := make([]byte, 4<<10)
	n, err := peer.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	_ = peer.Close()
	return b[:n]
}

// Who is slow or silent is cut off with TLS as without, at every step of its
// handshake and behind it.
func TestSlowAndSilentClientsOfTLSAreCut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		does  func(t *testing.T, r *running) time.Duration // and says when it was cut
		after time.Duration
	}{
		"nothing at all": {func(t *testing.T, r *running) time.Duration {
			return silence(r.dialled(t, ""))
		}, 10 * time.Second},
		"half of a ClientHello": {func(t *testing.T, r *running) time.Duration {
			return silence(r.dialled(t, string(hello(t)[:100])))
		}, 10 * time.Second},
		"a ClientHello byte by byte": {func(t *testing.T, r *running) time.Duration {
			conn := r.dialled(t, "")
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			began := time.Now()
			for _, b := range hello(t) {
				if _, err := conn.Write([]byte{b}); err != nil {
					break
				}
				time.Sleep(time.Second)
			}
			return time.Since(began)
		}, 10 * time.Second},
		"a record of 16 KB that does not come": {func(t *testing.T, r *running) time.Duration {
			return silence(r.dialled(t, "\x16\x03\x01\x40\x00\x01"))
		}, 10 * time.Second},
		"a handshake that stops in the middle": {func(t *testing.T, r *running) time.Duration {
			conn := r.dialled(t, "")
			_ = tls.Client(&cutter{conn, 1}, trusting()).HandshakeContext(t.Context()) // it stops behind the ClientHello
			return silence(conn)
		}, 10 * time.Second},
		"a handshake whose answer is not read": {func(t *testing.T, r *running) time.Duration {
			conn := r.dialled(t, string(hello(t)))
			time.Sleep(11 * time.Second)
			began := time.Now()
			return 11*time.Second - time.Second + silence(conn) + time.Since(began)
		}, 10 * time.Second},
		"nothing behind the handshake": {func(t *testing.T, r *running) time.Duration {
			return silence(r.shaken(t, ""))
		}, 10 * time.Second},
		"a slow header behind the handshake": {func(t *testing.T, r *running) time.Duration {
			return dripped(r.shaken(t, "GET /healthz HTTP/1.1\r\nX-Slow: "))
		}, 10 * time.Second},
		"a slow question": {func(t *testing.T, r *running) time.Duration {
			return dripped(r.shaken(t, "POST /v1/chat/completions HTTP/1.1\r\nHost: sori.test\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{"))
		}, 60 * time.Second},
		"a WebSocket that answers no ping": {func(t *testing.T, r *running) time.Duration {
			conn := r.shaken(t, handshake)
			readHead(t, conn)
			write(t, conn, frame(true, 1, []byte(`{"type":"session.configure"}`)))
			return silence(conn)
		}, 35 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := &engineFakes{}
				r := start(t, private(server.Config{Engines: f.engines()}))
				if took := c.does(t, r); took < c.after-time.Second || took > c.after+3*time.Second {
					t.Errorf("cut after %v, want %v", took, c.after)
				}
			})
		})
	}
}

// A client that does not read is given up, and may come back to its session.
func TestASlowReaderOverTLSMayComeBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, private(server.Config{WriteTimeout: 5 * time.Second}))
		conn := r.shaken(t, handshake)
		readHead(t, conn)
		write(t, conn, frame(true, 1, []byte(`{"type":"session.configure"}`)))
		time.Sleep(6 * time.Second)
		if n := r.Sessions(); n != 1 {
			t.Errorf("%d sessions", n)
		}
		_, _ = io.Copy(io.Discard, conn) // it is closed
	})
}

// A goodbye of TLS takes its time where nobody reads. Those who are not dropped do
// not wait for it.
func TestManyClientsOfTLSAreDroppedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, private(server.Config{FirstTimeout: time.Hour, PingEvery: 20 * time.Second, PongTimeout: 15 * time.Second}))
		for range 10 {
			conn := r.shaken(t, handshake)
			readHead(t, conn)
			go func() { // takes the ping, and then nothing
				_, _ = conn.Read(make([]byte, 100))
			}()
		}
		time.Sleep(37 * time.Second)
		synctest.Wait()
		if n := r.Sessions(); n != 0 {
			t.Errorf("%d of them are still there", n)
		}
	})
}

func TestWhoSpeaksTLSOtherwise(t *testing.T) {
	t.Parallel()
	answers := func(t *testing.T, cfg *tls.Config, says string) (string, error) {
		t.Helper()
		var answer []byte
		var err error
		synctest.Test(t, func(t *testing.T) {
			r := start(t, private(server.Config{}))
			conn := r.dialled(t, "")
			if cfg != nil {
				conn = tls.Client(conn, cfg)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
			if _, err = io.WriteString(conn, says); err == nil {
				answer, err = io.ReadAll(conn)
			}
		})
		return string(answer), err
	}
	question := "GET /healthz HTTP/1.1\r\nHost: sori.test\r\nConnection: close\r\n\r\n"
	if got, err := answers(t, trusting(), question); err != nil || !strings.Contains(got, " 200 ") {
		t.Fatalf("who speaks it well: %q, %v", got, err)
	}
	if got, _ := answers(t, nil, question); !strings.HasPrefix(got, "HTTP/1.0 400 ") || !strings.Contains(got, "HTTPS") {
		t.Errorf("who speaks plain HTTP: %q", got)
	}
	for name, change := range map[string]func(*tls.Config){
		"TLS 1.0":      func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 },
		"TLS 1.1":      func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
		"HTTP/2 alone": func(c *tls.Config) { c.NextProtos = []string{"h2"} },
		"weak ciphers": func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_RC4_128_SHA}
		},
	} {
		cfg := trusting()
		change(cfg)
		if got, err := answers(t, cfg, question); err == nil || got != "" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for name, says := range map[string]string{
		"rubbish":                "\x00\x01\x02\x03\x04\x05\x06\x07",
		"SSLv2":                  "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10",
		"a record of 64 KB":      "\x16\x03\x01\xff\xff" + strings.Repeat("A", 1000),
		"an alert":               "\x15\x03\x01\x00\x02\x02\x28",
		"data before handshakes": "\x17\x03\x03\x00\x05hello",
	} {
		if got, _ := answers(t, nil, says); strings.Contains(got, "HTTP/") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// A client that closes its half has said goodbye to the connection, not to its
// session.
func TestAConnectionOfTLSThatIsHalfClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, private(server.Config{ResumeWait: time.Minute}))
		conn := r.shaken(t, handshake)
		readHead(t, conn)
		write(t, conn, frame(true, 1, []byte(`{"type":"session.configure"}`)))
		if _, err := conn.Read(make([]byte, 4<<10)); err != nil { // it is ready
			t.Fatal(err)
		}
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, _ = io.Copy(io.Discard, conn) // until it is closed
		if took := time.Since(began); took > time.Second {
			t.Errorf("the connection was held for %v", took)
		}
		if n := r.Sessions(); n != 1 {
			t.Errorf("%d sessions wait for their clients", n)
		}
		time.Sleep(2 * time.Minute)
		if n := r.Sessions(); n != 0 {
			t.Errorf("%d sessions wait for ever", n)
		}
	})
}

// A frame that claims to be longer than any message may be is refused by its
// header: nobody waits for its bytes.
func TestAClaimIsRefusedByItsHeader(t *testing.T) {
	t.Parallel()
	const bits62 = "\x40\x00\x00\x00\x00\x00\x00\x00"
	large := func(first byte, length string) string { return string([]byte{first, 0x80 | 127}) + length }
	begun := string(frame(false, 2, make([]byte, 100)))
	for name, says := range map[string]string{
		"sound of 2^62 bytes":      large(0x82, bits62) + "\x01\x02\x03\x04",
		"text of 2^62 bytes":       large(0x81, bits62) + "\x01\x02\x03\x04",
		"before its mask came":     large(0x82, bits62),
		"2^64-1 bytes":             large(0x82, "\xff\xff\xff\xff\xff\xff\xff\xff"),
		"the rest of a message":    begun + large(0x80, bits62),
		"behind a whole message":   string(frame(true, 1, []byte(`{"type":"ping"}`))) + large(0x82, bits62),
		"behind a ping":            string(frame(true, 9, []byte("x"))) + large(0x82, bits62),
		"with bytes behind it":     large(0x82, bits62) + strings.Repeat("x", 50_000),
		"just over what there may": large(0x82, "\x00\x00\x00\x00\x7f\xff\xff\xff"),
	} {
		for path, at := range map[string]string{"/ws": handshake, "/v1/realtime": strings.Replace(handshake, "/ws", "/v1/realtime", 1)} {
			for _, over := range []string{"TCP", "TLS"} {
				t.Run(name+" at "+path+" over "+over, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						cfg := genuine(server.Config{})
						var conn net.Conn
						if over == "TLS" {
							conn = start(t, private(cfg)).shaken(t, at)
						} else {
							conn = start(t, cfg).dialled(t, at)
						}
						readHead(t, conn)
						began := time.Now()
						go func() { _, _ = conn.Write([]byte(says)) }()
						if code := closeCode(conn); code != protocol.CloseTooBig {
							t.Errorf("closed with %d, want %d", code, protocol.CloseTooBig)
						}
						if took := time.Since(began); took > time.Second {
							t.Errorf("after %v", took)
						}
					})
				})
			}
		}
	}
}

// closeCode reads frames until one closes the connection, and gives its code; -1
// where none came.
func closeCode(conn net.Conn) protocol.CloseCode {
	b := bufio.NewReader(conn)
	for {
		var head [2]byte
		if _, err := io.ReadFull(b, head[:]); err != nil {
			return -1
		}
		size := int(head[1])
		if size == 126 {
			var length [2]byte
			_, _ = io.ReadFull(b, length[:]) // the payload shows
			size = int(length[0])<<8 | int(length[1])
		}
		payload := make([]byte, size)
		if _, err := io.ReadFull(b, payload); err != nil {
			return -1
		}
		if head[0] == 0x88 && size >= 2 {
			return protocol.CloseCode(int(payload[0])<<8 | int(payload[1]))
		}
	}
}
