package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// serveTLS serves "hello" with the certificate, and gives a client that trusts
// the file.
func serveTLS(t *testing.T, tr *transport, dataDir string) (url string, c *certificate) {
	t.Helper()
	plain, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	private, c, err := tr.config(plain.Addr(), dataDir)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(tls.NewListener(plain, private)) }()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	return "https://localhost:" + plain.Addr().String()[strings.LastIndexByte(plain.Addr().String(), ':')+1:], c
}

func getTLS(ctx context.Context, url, trust string, newest uint16) (*tls.ConnectionState, error) {
	roots := x509.NewCertPool()
	if text, err := os.ReadFile(trust); err == nil {
		roots.AppendCertsFromPEM(text)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MaxVersion: newest, MinVersion: tls.VersionTLS10}} //nolint:gosec // the server is to refuse it
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.TLS, err
}

func TestSelfSigned(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	url, c := serveTLS(t, &transport{TLSSelfSigned: true}, dir)
	trust := filepath.Join(dir, "tls", "cert.pem")
	state, err := getTLS(t.Context(), url, trust, tls.VersionTLS13)
	if err != nil || state.Version != tls.VersionTLS13 || state.NegotiatedProtocol == "h2" {
		t.Fatalf("%+v, %v", state, err)
	}
	if len(c.fingerprint()) != 32*3-1 {
		t.Errorf("fingerprint %q", c.fingerprint())
	}
	if _, err := getTLS(t.Context(), url, trust, tls.VersionTLS12); err != nil {
		t.Errorf("TLS 1.2: %v", err)
	}
	if _, err := getTLS(t.Context(), url, trust, tls.VersionTLS11); err == nil {
		t.Error("TLS 1.1 was taken")
	}
	if _, err := getTLS(t.Context(), url, "", tls.VersionTLS13); err == nil {
		t.Error("a client that does not trust it connected")
	}
	if info, err := os.Stat(filepath.Join(dir, "tls", "key.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key: %v, %v", info.Mode(), err)
	}
	if state.PeerCertificates[0].IsCA {
		t.Error("the certificate is an authority's")
	}
}

func TestASelfSignedCertificateIsKept(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Now()
	read := func(names []string, at time.Time) string {
		file, _, err := selfSigned(dir, names, at)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	first := read([]string{"localhost"}, now)
	if read([]string{"localhost"}, now.Add(300*24*time.Hour)) != first {
		t.Error("it was made again")
	}
	if read([]string{"localhost", "10.0.0.7"}, now) == first {
		t.Error("it is not good for a new name")
	}
	if second := read([]string{"localhost"}, now.Add(340*24*time.Hour)); second == first {
		t.Error("it is not made again before its end")
	}
}

// A certificate that was renewed is served without a restart.
func TestANewCertificateIsServed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key, err := selfSigned(dir, []string{"localhost"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	tr := &transport{TLSCert: cert, TLSKey: key}
	if err := tr.check(); err != nil {
		t.Fatal(err)
	}
	_, c := serveTLS(t, tr, "")
	before := c.fingerprint()
	if err := makeSelfSigned(filepath.Join(dir, "tls"), cert, key, []string{"localhost", "sori.test"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.get(nil); err != nil || c.fingerprint() != before {
		t.Error("the files are looked at each time")
	}
	c.looked = time.Time{}
	if _, err := c.get(nil); err != nil || c.fingerprint() == before {
		t.Errorf("the old one is served, %v", err)
	}
	if err := os.WriteFile(cert, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.looked = time.Time{}
	if pair, err := c.get(nil); err != nil || pair == nil {
		t.Errorf("a half written file: %v", err)
	}
}

func TestTLSSettings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key, err := selfSigned(dir, []string{"localhost"}, time.Now().Add(-2*selfSignedFor))
	if err != nil {
		t.Fatal(err)
	}
	for want, tr := range map[string]transport{
		"belong together":   {TLSCert: cert},
		"leave":             {TLSCert: cert, TLSKey: key, TLSSelfSigned: true},
		"no such file":      {TLSCert: cert, TLSKey: dir + "/none"},
		"with --tls-key":    {TLSCert: key, TLSKey: cert},
		"certificate ended": {TLSCert: cert, TLSKey: key},
	} {
		if err := tr.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", tr, err, want)
		}
	}
}
