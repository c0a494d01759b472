package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	selfSignedFor   = 365 * 24 * time.Hour
	selfSignedRenew = 30 * 24 * time.Hour // so long before its end a new one is made
)

// selfSigned gives the files of this machine's own certificate, which is made
// when there is none that is good for all names and for a while yet. It is no
// authority: who trusts it trusts this server and nothing else.
func selfSigned(dataDir string, names []string, now time.Time) (certFile, keyFile string, err error) {
	dir := filepath.Join(dataDir, "tls")
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if pair, err := loadPair(certFile, keyFile); err == nil && now.Add(selfSignedRenew).Before(pair.Leaf.NotAfter) && goodFor(pair.Leaf, names) {
		return certFile, keyFile, nil
	}
	if err := makeSelfSigned(dir, certFile, keyFile, names, now); err != nil {
		return "", "", fmt.Errorf("--tls-self-signed: %w", err)
	}
	return certFile, keyFile, nil
}

// goodFor says whether a certificate is good for all of the names.
func goodFor(c *x509.Certificate, names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return c.VerifyHostname(name) != nil })
}

func makeSelfSigned(dir, certFile, keyFile string, names []string, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	number := make([]byte, 16)
	rand.Read(number)                 //nolint:gosec // it never fails
	number[0] = number[0]&0x7f | 0x40 // positive, and of this length
	serial := new(big.Int).SetBytes(number)
	// Programs look a certificate up by its subject, so that no two have the same.
	subject := pkix.Name{CommonName: fmt.Sprintf("sori on %s, %x", names[0], serial.Bytes()[:4])}
	c := &x509.Certificate{
		SerialNumber: serial, Subject: subject,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(selfSignedFor),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return errors.Join(
		replacePEM(keyFile, "PRIVATE KEY", secret, 0o600),
		replacePEM(certFile, "CERTIFICATE", der, 0o644),
	)
}

// replacePEM writes a file that is whole or not there.
func replacePEM(name, kind string, data []byte, mode os.FileMode) error {
	next := name + ".new"
	if err := os.WriteFile(next, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), mode); err != nil {
		return err
	}
	return os.Rename(next, name)
}

// localNames are the names under which this machine may be reached at addr.
func localNames(addr net.Addr) []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	host, _, err := net.SplitHostPort(addr.String())
	ip := net.ParseIP(host)
	if err == nil && ip != nil && ip.IsLoopback() {
		return names
	}
	if name, err := os.Hostname(); err == nil && name != "" {
		names = append(names, strings.ToLower(name))
	}
	if ip != nil && !ip.IsUnspecified() {
		return append(names, ip.String())
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return names
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			names = append(names, n.IP.String())
		}
	}
	return names
}
