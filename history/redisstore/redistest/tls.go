package redistest

import (
	"strconv"
	"testing"
)

// StartTLS lets the server listen with TLS, too, for clients with a certificate
// of ca, and gives the address. The files are in PEM form.
func (s *Server) StartTLS(t testing.TB, cert, key, ca string) string {
	t.Helper()
	port := freePort(t)
	s.Stop(t)
	s.args = append(s.args, "--tls-port", strconv.Itoa(port), "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", ca)
	s.Start(t)
	return loopback(port)
}
