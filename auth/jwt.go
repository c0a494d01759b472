package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
)

// DefaultAdminScope is the scope of a JSON Web Token that makes its subject an
// admin.
const DefaultAdminScope = "sori:admin"

const (
	minSecret  = 32   // bytes of an HS256 secret: as many as its hash has
	minRSA     = 2048 // bits
	maxRSA     = 8192 // bits: beyond it each signature takes its time
	maxSubject = 128  // bytes, as the protocol has it for a user
)

// JWTOptions say which JSON Web Tokens are taken. Exactly one of Secret,
// PublicKey and JWKS is set, so that no token chooses how it is checked.
type JWTOptions struct {
	Secret    []byte // HS256, at least 32 bytes
	PublicKey []byte // RS256 or ES256, PEM
	JWKS      *JWKS  // RS256 and ES256

	Issuer     string        // what iss has to be
	Audience   string        // what has to be among aud
	Leeway     time.Duration // how far the clocks may differ; 0 is none
	AdminScope string        // "" is DefaultAdminScope
}

// JWT checks JSON Web Tokens. Their subject is the user.
type JWT struct {
	parser *jwt.Parser
	key    func(ctx context.Context) jwt.Keyfunc
	admin  string
}

var _ Verifier = (*JWT)(nil)

// NewJWT makes a verifier. Its errors say which option is wrong.
func NewJWT(o JWTOptions) (*JWT, error) {
	if o.Issuer == "" || o.Audience == "" {
		return nil, errors.New("auth: a JSON Web Token is only good with an issuer and an audience to hold it to: set both")
	}
	v := &JWT{admin: o.AdminScope}
	if v.admin == "" {
		v.admin = DefaultAdminScope
	}
	var methods []string
	switch {
	case len(o.Secret) > 0 && len(o.PublicKey) == 0 && o.JWKS == nil:
		if len(o.Secret) < minSecret {
			return nil, fmt.Errorf("auth: the secret for HS256 has %d bytes: it needs at least %d", len(o.Secret), minSecret)
		}
		methods, v.key = []string{"HS256"}, always(o.Secret)
	case len(o.PublicKey) > 0 && len(o.Secret) == 0 && o.JWKS == nil:
		key, method, err := publicKey(o.PublicKey)
		if err != nil {
			return nil, err
		}
		methods, v.key = []string{method}, always(key)
	case o.JWKS != nil && len(o.Secret) == 0 && len(o.PublicKey) == 0:
		methods, v.key = []string{"RS256", "ES256"}, o.JWKS.keyfunc
	default:
		return nil, errors.New("auth: JSON Web Tokens are checked with one of three: a secret, a public key, or a JWKS URL")
	}
	v.parser = jwt.NewParser(
		jwt.WithValidMethods(methods), jwt.WithIssuer(o.Issuer), jwt.WithAudience(o.Audience),
		jwt.WithLeeway(o.Leeway), jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithStrictDecoding(),
	)
	return v, nil
}

func always(key any) func(context.Context) jwt.Keyfunc {
	return func(context.Context) jwt.Keyfunc {
		return func(*jwt.Token) (any, error) { return key, nil }
	}
}

// publicKey reads a PEM file and says which method goes with its key.
func publicKey(text []byte) (key any, method string, err error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, "", errors.New("auth: the public key is no PEM file: it begins with -----BEGIN PUBLIC KEY-----")
	}
	if key, err = x509.ParsePKIXPublicKey(block.Bytes); err != nil {
		cert, certErr := x509.ParseCertificate(block.Bytes)
		if certErr != nil {
			return nil, "", fmt.Errorf("auth: the public key can't be read: %w", err)
		}
		key = cert.PublicKey
	}
	switch k := key.(type) {
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n < minRSA || n > maxRSA {
			return nil, "", fmt.Errorf("auth: the RSA key has %d bits: it needs at least %d, and at most %d", n, minRSA, maxRSA)
		}
		return k, "RS256", nil
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return nil, "", fmt.Errorf("auth: ES256 needs a key on P-256, this one is on %s", k.Curve.Params().Name)
		}
		return k, "ES256", nil
	default:
		return nil, "", fmt.Errorf("auth: the public key is a %T: RSA or ECDSA on P-256 is needed", key)
	}
}

// Verify gives the principal of a token.
func (v *JWT) Verify(ctx context.Context, text string) (Principal, error) {
	if strings.ContainsAny(text, "\r\n") { // base64 leaves them out
		return Principal{}, fmt.Errorf("%w: it has several lines", ErrInvalid)
	}
	var c claims
	token, err := v.parser.ParseWithClaims(text, &c, v.key(ctx))
	switch {
	case errors.Is(err, errNoKeys):
		return Principal{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case errors.Is(err, jwt.ErrTokenExpired):
		return Principal{}, ErrExpired
	case err != nil:
		return Principal{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	case extended(token):
		return Principal{}, fmt.Errorf("%w: it asks for an extension that is not known here", ErrInvalid)
	case !validSubject(c.Subject):
		return Principal{}, fmt.Errorf("%w: its subject can't be a user", ErrInvalid)
	}
	return Principal{
		Kind: KindJWT, User: c.Subject, Admin: slices.Contains(c.scopes, v.admin), Expires: c.ExpiresAt.Time, Until: c.ExpiresAt.Time,
	}, nil
}

// extended says whether a token is good only for who knows its extensions:
// RFC 7515, section 4.1.11. None is known here.
func extended(t *jwt.Token) bool {
	_, critical := t.Header["crit"]
	return critical
}

func validSubject(s string) bool {
	return s != "" && len(s) <= maxSubject && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
