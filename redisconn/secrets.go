package redisconn

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// The parameters of an address that are sori's own.
const (
	passwordFile         = "password_file"
	passwordEnv          = "password_env"
	sentinelPasswordFile = "sentinel_password_file"
	sentinelPasswordEnv  = "sentinel_password_env"
	caFile               = "ca_file"
	certFile             = "cert_file"
	keyFile              = "key_file"
	serverName           = "server_name"
	skipVerify           = "skip_verify"
	replicas             = "replicas"
)

// parameters are an address' own ones by name.
type parameters map[string]string

// ownParameters takes sori's own parameters out of "host/db?x=y".
func ownParameters(rest string) (without string, own parameters, err error) {
	path, query, has := strings.Cut(rest, "?")
	if !has {
		return rest, nil, nil
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", nil, errors.New("what stands behind its ? is no list of name=value")
	}
	own = parameters{}
	for _, name := range []string{passwordFile, passwordEnv, sentinelPasswordFile, sentinelPasswordEnv, caFile, certFile, keyFile, serverName, skipVerify, replicas} {
		if v := values.Get(name); v != "" {
			own[name] = v
		}
		values.Del(name)
	}
	if left := values.Encode(); left != "" {
		path += "?" + left
	}
	return path, own, nil
}

// wantNoTLS refuses what would protect nothing.
func (p parameters) wantNoTLS() error {
	for _, name := range []string{caFile, certFile, keyFile, serverName, skipVerify} {
		if p[name] != "" {
			return fmt.Errorf("%s is for TLS: write rediss:// in place of redis://", name)
		}
	}
	return nil
}

// secrets is what the own parameters lead to.
type secrets struct {
	password         func() (string, error) // nil: what stands in the address
	sentinelPassword string
	ca               *x509.CertPool
	certificates     []tls.Certificate
	serverName       string
	skipVerify       bool
}

// maxReplicas bounds what an address may ask for.
const maxReplicas = 10

// replicas is how many replicas have to have a write; 0 where the address says
// nothing.
func (p parameters) replicas() (int, error) {
	if p[replicas] == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(p[replicas])
	if err != nil || n < 0 || n > maxReplicas {
		return 0, fmt.Errorf("%s is a number from 0 to %d, not %q", replicas, maxReplicas, p[replicas])
	}
	return n, nil
}

// read follows the parameters, so that what is not there shows at once.
func (p parameters) read(getenv func(string) string) (s secrets, err error) {
	s.serverName = p[serverName]
	switch v := p[skipVerify]; v {
	case "", "false", "0":
	case "true", "1":
		s.skipVerify = true
	default:
		return s, fmt.Errorf("%s is true or false, not %q", skipVerify, v)
	}
	if s.password, err = p.secret(passwordFile, passwordEnv, getenv); err != nil {
		return s, err
	}
	sentinel, err := p.secret(sentinelPasswordFile, sentinelPasswordEnv, getenv)
	if err != nil {
		return s, err
	}
	if sentinel != nil {
		if s.sentinelPassword, err = sentinel(); err != nil {
			return s, err
		}
	}
	if file := p[caFile]; file != "" {
		text, err := os.ReadFile(file) //nolint:gosec // the file that the operator named
		if err != nil {
			return s, fmt.Errorf("%s: %w", caFile, err)
		}
		s.ca = x509.NewCertPool()
		if !s.ca.AppendCertsFromPEM(text) {
			return s, fmt.Errorf("%s: %s holds no certificate in PEM form", caFile, file)
		}
	}
	if (p[certFile] == "") != (p[keyFile] == "") {
		return s, fmt.Errorf("%s and %s go together", certFile, keyFile)
	}
	if p[certFile] != "" {
		pair, err := tls.LoadX509KeyPair(p[certFile], p[keyFile])
		if err != nil {
			return s, fmt.Errorf("%s and %s: %w", certFile, keyFile, err)
		}
		s.certificates = []tls.Certificate{pair}
	}
	return s, nil
}

// secret gives what reads a secret, nil where the address names none. A file is
// read each time: it may be renewed while sori runs.
func (p parameters) secret(file, env string, getenv func(string) string) (func() (string, error), error) {
	switch {
	case p[file] != "" && p[env] != "":
		return nil, fmt.Errorf("%s and %s are both there: choose one", file, env)
	case p[file] != "":
		get := func() (string, error) {
			text, err := os.ReadFile(p[file])
			if err != nil {
				return "", fmt.Errorf("%s: %w", file, err)
			}
			return strings.TrimRight(string(text), "\r\n"), nil
		}
		_, err := get()
		return get, err
	case p[env] != "":
		if getenv == nil || getenv(p[env]) == "" {
			return nil, fmt.Errorf("%s: the environment has no %s", env, p[env])
		}
		value := getenv(p[env])
		return func() (string, error) { return value, nil }, nil
	}
	return nil, nil //nolint:nilnil // there is none
}

// credentials gives what go-redis asks at each connect.
func (s secrets) credentials(user, password string) func(context.Context) (string, string, error) {
	return func(context.Context) (string, string, error) {
		p, err := s.password()
		if err != nil {
			return user, password, err
		}
		return user, p, nil
	}
}

// tls completes the configuration that go-redis made of the address, nil for
// none. Without a name each node is checked against the host that is dialled:
// go-redis would hold all nodes of a Cluster to the name of the first.
func (s secrets) tls(c *tls.Config) *tls.Config {
	if c == nil {
		return nil
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, RootCAs: s.ca, Certificates: s.certificates, ServerName: s.serverName,
		InsecureSkipVerify: s.skipVerify, //nolint:gosec // what the operator asked for, to try things out
	}
}
