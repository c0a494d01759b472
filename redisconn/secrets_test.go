package redisconn_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sori/history/redisstore/redistest"
	"sori/redisconn"
)

// authority makes certificates.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.cert, a.key = a.issue(t, "ca", nil)
	return a
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

// issue writes NAME.pem and NAME.key, signed by the authority, or by itself when
// that has no certificate yet.
func (a *authority) issue(t *testing.T, name string, hosts []string) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: hosts,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		}
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		c.IsCA, c.KeyUsage, c.ExtKeyUsage = true, x509.KeyUsageCertSign, nil
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		name + ".pem": {Type: "CERTIFICATE", Bytes: der},
		name + ".key": {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(a.file(file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	issued, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return issued, key
}

func ping(t *testing.T, address string) error {
	t.Helper()
	c := open(t, address, redisconn.Options{Timeout: 5 * time.Second})
	return c.Do(t.Context(), func(ctx context.Context) error { return c.Client().Ping(ctx).Err() })
}

func TestTLS(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	a.issue(t, "redis", []string{"127.0.0.1", "redis.example"})
	a.issue(t, "sori", nil)
	stranger := newAuthority(t)
	server := redistest.Start(t)
	addr := server.StartTLS(t, a.file("redis.pem"), a.file("redis.key"), a.file("ca.pem"))

	own := "&cert_file=" + a.file("sori.pem") + "&key_file=" + a.file("sori.key")
	for query, hint := range map[string]string{
		"?ca_file=" + a.file("ca.pem") + own:                                "",
		"?ca_file=" + a.file("ca.pem") + "&server_name=redis.example" + own: "",
		"?skip_verify=true" + own:                                           "",
		"?x=" + own:                                                         "unexpected option",
		"?ca_file=" + a.file("ca.pem"):                                      "certificate required",
		"?ca_file=" + stranger.file("ca.pem") + own:                         "name those who vouch for it with ca_file",
		"?ca_file=" + a.file("ca.pem") + "&server_name=else.example" + own:  "not else.example",
	} {
		address := "rediss://" + addr + "/0" + query
		if hint == "unexpected option" {
			if _, err := redisconn.Open(address, redisconn.Options{}); err == nil {
				t.Errorf("%s was taken", query)
			}
			continue
		}
		err := ping(t, address)
		if (err == nil) != (hint == "") || (err != nil && !strings.Contains(err.Error(), hint)) {
			t.Errorf("%s: %v, want %q", query, err, hint)
		}
	}
}

// A password in a file may be renewed while sori runs.
func TestPasswordFile(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	file := filepath.Join(t.TempDir(), "password")
	write := func(s string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("first\n")
	server.Do(t, "CONFIG", "SET", "requirepass", "first")
	c := open(t, "redis://"+server.Addr()+"/0?password_file="+file, redisconn.Options{})
	do := func(args ...any) error {
		return c.Do(t.Context(), func(ctx context.Context) error { return c.Client().Do(ctx, args...).Err() })
	}
	if err := do("CONFIG", "SET", "requirepass", "second"); err != nil {
		t.Fatal(err)
	}
	write("second")
	if err := do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	err := do("PING")
	for err != nil && time.Now().Before(deadline) {
		err = do("PING") // the pool finds out that its connection is dead
	}
	if err != nil {
		t.Errorf("with the new password: %v", err)
	}
	if err := ping(t, "redis://:wrong@"+server.Addr()); err == nil || errors.Is(err, redisconn.ErrUnavailable) || !strings.Contains(err.Error(), "another user or password") {
		t.Errorf("with a wrong one: %v", err)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	c := open(t, "redis://127.0.0.1:1", redisconn.Options{Timeout: 100 * time.Millisecond})
	call := func(ctx context.Context) error { return c.Client().Ping(ctx).Err() }
	if err := c.Do(t.Context(), call); !errors.Is(err, redisconn.ErrUnavailable) || errors.Is(err, redisconn.ErrClosed) {
		t.Errorf("nobody there: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Do(gone, call); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Do(t.Context(), call); !errors.Is(err, redisconn.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}
