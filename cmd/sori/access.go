package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"sori/auth"
	"sori/client"
)

// access says who may come in, and from where.
type access struct {
	InsecureNoAuth bool          `setting:"" help:"Let everybody in who reaches the address, without a key, as an admin. Only where something else keeps strangers out."`
	JWTSecretFile  string        `placeholder:"FILE" setting:"" help:"Take JSON Web Tokens signed with HS256 and the secret in this file (or in the variable SORI_JWT_SECRET), at least 32 bytes."`
	JWTPublicKey   string        `placeholder:"FILE" setting:"" help:"Take JSON Web Tokens signed with RS256 or ES256, checked with the public key in this PEM file."`
	JWKSURL        string        `name:"jwks-url" placeholder:"URL" setting:"" help:"Take JSON Web Tokens signed with RS256 or ES256 and one of the keys at this address of an identity provider, which may change."`
	JWTIssuer      string        `placeholder:"NAME" setting:"" help:"What the issuer (iss) of a JSON Web Token has to be."`
	JWTAudience    string        `placeholder:"NAME" setting:"" help:"What has to be among the audience (aud) of a JSON Web Token."`
	JWTLeeway      time.Duration `default:"30s" placeholder:"TIME" setting:"" help:"How far the clock of the identity provider may be off."`
	JWTAdminScope  string        `default:"sori:admin" placeholder:"SCOPE" setting:"" help:"The scope of a JSON Web Token that makes its subject an admin."`
	TrustedProxies []string      `placeholder:"ADDRESS" setting:"" help:"Proxies whose word on where a request comes from (X-Forwarded-For) is taken: addresses or networks such as 10.0.0.0/8, separated by commas. Default: none."`
}

// maxKeyFile bounds the file of a secret or a key, in bytes.
const maxKeyFile = 64 << 10

// variableJWT holds the secret of HS256 where no file does.
const variableJWT = "SORI_JWT_SECRET"

// jwtWanted says whether JSON Web Tokens are taken.
func (a *access) jwtWanted(getenv func(string) string) bool {
	return a.JWTSecretFile != "" || a.JWTPublicKey != "" || a.JWKSURL != "" || getenv(variableJWT) != ""
}

// check says what is wrong with the settings.
func (a *access) check(getenv func(string) string) error {
	for _, p := range a.TrustedProxies {
		if _, err := netip.ParseAddr(p); err == nil {
			continue
		}
		if _, err := netip.ParsePrefix(p); err != nil {
			return fmt.Errorf("--trusted-proxies: %q is no address and no network such as 10.0.0.0/8", p)
		}
	}
	switch wanted := a.jwtWanted(getenv); {
	case a.JWTLeeway < 0 || a.JWTLeeway > 5*time.Minute:
		return errors.New("--jwt-leeway has to be from 0s to 5m")
	case wanted && (a.JWTIssuer == "" || a.JWTAudience == ""):
		return errors.New("JSON Web Tokens need --jwt-issuer and --jwt-audience: without them a token for another service would be good here")
	case !wanted && (a.JWTIssuer != "" || a.JWTAudience != ""):
		return errors.New("--jwt-issuer and --jwt-audience need something to check tokens with: --jwks-url, --jwt-public-key or --jwt-secret-file")
	case wanted && a.InsecureNoAuth:
		return errors.New("--insecure-no-auth lets everybody in: leave out either it or the settings of JSON Web Tokens")
	}
	return nil
}

// verifier gives what checks JSON Web Tokens, nil where none are taken.
func (p *parts) verifier(ctx context.Context) (auth.Verifier, error) {
	if !p.jwtWanted(p.getenv) {
		return nil, nil //nolint:nilnil // none are taken
	}
	o := auth.JWTOptions{Issuer: p.JWTIssuer, Audience: p.JWTAudience, Leeway: p.JWTLeeway, AdminScope: p.JWTAdminScope, Secret: []byte(p.getenv(variableJWT))}
	var err error
	if p.JWTSecretFile != "" {
		if o.Secret, err = readSecret(p.JWTSecretFile); err != nil {
			return nil, fmt.Errorf("--jwt-secret-file: %w", err)
		}
	}
	if p.JWTPublicKey != "" {
		if o.PublicKey, err = readBounded(p.JWTPublicKey, maxKeyFile); err != nil {
			return nil, fmt.Errorf("--jwt-public-key: %w", err)
		}
	}
	if p.JWKSURL != "" {
		if p.jwks, err = auth.OpenJWKS(ctx, auth.JWKSOptions{URL: p.JWKSURL, Log: p.log}); err != nil {
			return nil, err
		}
		o.JWKS = p.jwks
	}
	return auth.NewJWT(o)
}

// readSecret reads a secret from a file; a newline at its end is no part of it.
func readSecret(path string) ([]byte, error) {
	text, err := readBounded(path, maxKeyFile)
	if err != nil {
		return nil, err
	}
	for len(text) > 0 && (text[len(text)-1] == '\n' || text[len(text)-1] == '\r') {
		text = text[:len(text)-1]
	}
	return text, nil
}

// admit decides who may come in at the address. Without a key sori serves its own
// machine, and starts for nobody else.
func (p *parts) admit(ctx context.Context, at net.Addr) error {
	if p.InsecureNoAuth {
		p.guard, p.doors = auth.NewGuard(auth.GuardOptions{Store: p.doorkeys, Insecure: true}), "open to EVERYBODY who reaches the address (--insecure-no-auth)"
		if !onLoopback(at) {
			p.log.WarnContext(ctx, "no authentication: everybody who reaches the address is an admin", "addr", at.String())
		}
		return nil
	}
	jwt, err := p.verifier(ctx)
	if err != nil {
		return err
	}
	keys, err := auth.Keys{Store: p.doorkeys}.List(ctx)
	if err != nil {
		// Perhaps there are keys: strangers don't come in without one.
		p.log.WarnContext(ctx, "the keys can't be read now: callers from other machines need one", "error", err)
	}
	p.erasers = append(p.erasers, func(ctx context.Context, user string) error { return p.guard.ForgetUser(ctx, user) })
	asks := len(keys) > 0 || jwt != nil || err != nil && !onLoopback(at)
	p.guard = auth.NewGuard(auth.GuardOptions{Store: p.doorkeys, JWT: jwt, Open: !asks})
	switch {
	case asks:
		p.doors = describeDoors(keys, jwt != nil)
		return nil
	case onLoopback(at):
		p.doors = "open to this machine; `sori keys make` closes it"
		return nil
	default:
		return fmt.Errorf("%s can be reached from other machines, and there is no key that would keep strangers out: "+
			"make one with `sori keys make NAME --any-user`, or listen on 127.0.0.1, or say --insecure-no-auth if something else keeps them out", at)
	}
}

func describeDoors(keys []auth.Key, jwt bool) string {
	good := 0
	for i := range keys {
		if keys[i].State(time.Now()) == "good" {
			good++
		}
	}
	doors := fmt.Sprintf("%d API keys", good)
	if good == 1 {
		doors = "1 API key"
	}
	if jwt {
		doors += ", and JSON Web Tokens"
	}
	return doors
}

// onLoopback says whether only this machine reaches the address.
func onLoopback(at net.Addr) bool {
	tcp, ok := at.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// variableKey holds the key that the client commands show to a server: on the
// command line every user of the machine could read it.
const variableKey = "SORI_KEY"

// showKey gives the header that shows the key, nil without one.
func showKey(c *console) http.Header {
	key := c.getenv(variableKey)
	if key == "" {
		return nil
	}
	return http.Header{"Authorization": {"Bearer " + key}}
}

// dialOptions are how the client commands connect.
func dialOptions(c *console) client.Options {
	return client.Options{Header: showKey(c), Resume: time.Minute}
}
