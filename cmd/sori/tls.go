package main

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// transport is how connections are kept private.
type transport struct {
	TLSCert       string `name:"tls-cert" placeholder:"FILE" setting:"" help:"Serve https and wss with the certificate in this PEM file, the chain behind it. It is read again when it changes."`
	TLSKey        string `name:"tls-key" placeholder:"FILE" setting:"" help:"The certificate's key, a PEM file."`
	TLSSelfSigned bool   `name:"tls-self-signed" setting:"" help:"Serve https and wss with a certificate that sori makes for this machine and keeps in the data folder. For development."`
}

// on says whether connections are private.
func (t *transport) on() bool { return t.TLSCert != "" || t.TLSSelfSigned }

// check says what is wrong with the settings.
func (t *transport) check() error {
	switch {
	case t.TLSSelfSigned && (t.TLSCert != "" || t.TLSKey != ""):
		return errors.New("--tls-self-signed makes a certificate: leave --tls-cert and --tls-key out, or it")
	case (t.TLSCert == "") != (t.TLSKey == ""):
		return errors.New("--tls-cert and --tls-key belong together: give both")
	case t.TLSCert == "":
		return nil
	}
	_, err := loadPair(t.TLSCert, t.TLSKey)
	return err
}

// config gives what connections to the address are kept private with, and for
// people what the certificate is. dataDir is where a self-signed one is kept.
func (t *transport) config(at net.Addr, dataDir string) (*tls.Config, *certificate, error) {
	certFile, keyFile := t.TLSCert, t.TLSKey
	if t.TLSSelfSigned {
		var err error
		if certFile, keyFile, err = selfSigned(dataDir, localNames(at), time.Now()); err != nil {
			return nil, nil, err
		}
	}
	c := &certificate{certFile: certFile, keyFile: keyFile}
	if err := c.load(); err != nil {
		return nil, nil, err
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: c.get,
		NextProtos:     []string{"http/1.1"}, // a WebSocket's handshake is HTTP/1.1
	}, c, nil
}

// certificateLook is how often the files of a certificate are looked at.
const certificateLook = 10 * time.Second

// certificate is the server's, read again when its files change, as programs
// that renew certificates expect. Any number of goroutines may use it.
type certificate struct {
	certFile, keyFile string

	mu     sync.Mutex
	pair   *tls.Certificate
	stamp  string    // of the files when they were read
	looked time.Time // when they were looked at
}

// get is for [tls.Config]. A new pair that can't be read leaves the old one.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) >= certificateLook {
		c.looked = now
		if c.stamps() != c.stamp {
			_ = c.read() // half of it may be written: the next look shows
		}
	}
	return c.pair, nil
}

func (c *certificate) load() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looked = time.Now()
	return c.read()
}

func (c *certificate) read() error {
	stamp := c.stamps()
	pair, err := loadPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	c.pair, c.stamp = pair, stamp
	return nil
}

// stamps tells the files from changed ones.
func (c *certificate) stamps() string {
	var b strings.Builder
	for _, name := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			fmt.Fprintf(&b, "%d %d;", info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}

// fingerprint is the SHA-256 of the certificate, as browsers show it.
func (c *certificate) fingerprint() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := sha256.Sum256(c.pair.Certificate[0])
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return strings.Join(parts, ":")
}

// loadPair reads a certificate and its key, and says in words what is wrong.
func loadPair(certFile, keyFile string) (*tls.Certificate, error) {
	for flag, name := range map[string]string{"--tls-cert": certFile, "--tls-key": keyFile} {
		if _, err := os.Stat(name); err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert %s with --tls-key %s: %w", certFile, keyFile, err)
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return nil, fmt.Errorf("--tls-cert %s: %w", certFile, err)
		}
	}
	if time.Now().After(pair.Leaf.NotAfter) {
		return nil, fmt.Errorf("--tls-cert %s: the certificate ended at %s; renew it", certFile, pair.Leaf.NotAfter.Format(time.RFC3339))
	}
	return &pair, nil
}
