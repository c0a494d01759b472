package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"sori/auth"
)

const (
	issuer   = "https://id.example.com"
	audience = "sori"
)

// good are the claims of a token that is taken.
func good() jwt.MapClaims {
	return jwt.MapClaims{"iss": issuer, "aud": audience, "sub": "kim", "exp": time.Now().Add(time.Hour).Unix()}
}

func with(name string, value any) jwt.MapClaims {
	c := good()
	if value == nil {
		delete(c, name)
	} else {
		c[name] = value
	}
	return c
}

func sign(t *testing.T, method jwt.SigningMethod, key any, c jwt.MapClaims, kid string) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	if kid != "" {
		token.Header["kid"] = kid
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func verifier(t *testing.T, o auth.JWTOptions) *auth.JWT {
	t.Helper()
	o.Issuer, o.Audience = issuer, audience
	v, err := auth.NewJWT(o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func expect(t *testing.T, v *auth.JWT, what, text string, want error) {
	t.Helper()
	p, err := v.Verify(t.Context(), text)
	switch {
	case want == nil && (err != nil || p.User != "kim" || p.Kind != auth.KindJWT):
		t.Errorf("%s is not taken: %+v, %v", what, p, err)
	case want != nil && !errors.Is(err, want):
		t.Errorf("%s: %+v, %v; want %v", what, p, err, want)
	}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	secret := []byte(strings.Repeat("s", 32))
	v := verifier(t, auth.JWTOptions{Secret: secret, Leeway: 10 * time.Second})
	for name, tt := range map[string]struct {
		claims jwt.MapClaims
		want   error
	}{
		"good":                       {good(), nil},
		"several audiences":          {with("aud", []string{"other", audience}), nil},
		"expired within the leeway":  {with("exp", time.Now().Add(-5*time.Second).Unix()), nil},
		"expired":                    {with("exp", time.Now().Add(-11*time.Second).Unix()), auth.ErrExpired},
		"without an end":             {with("exp", nil), auth.ErrInvalid},
		"an end that is no number":   {with("exp", "tomorrow"), auth.ErrInvalid},
		"not yet":                    {with("nbf", time.Now().Add(time.Minute).Unix()), auth.ErrInvalid},
		"issued in the future":       {with("iat", time.Now().Add(time.Minute).Unix()), auth.ErrInvalid},
		"another issuer":             {with("iss", issuer+"/"), auth.ErrInvalid},
		"no issuer":                  {with("iss", nil), auth.ErrInvalid},
		"another audience":           {with("aud", "other"), auth.ErrInvalid},
		"no audience":                {with("aud", nil), auth.ErrInvalid},
		"no subject":                 {with("sub", nil), auth.ErrInvalid},
		"an empty subject":           {with("sub", ""), auth.ErrInvalid},
		"a long subject":             {with("sub", strings.Repeat("x", 129)), auth.ErrInvalid},
		"a subject with a line feed": {with("sub", "kim\n"), auth.ErrInvalid},
	} {
		expect(t, v, name, sign(t, jwt.SigningMethodHS256, secret, tt.claims, ""), tt.want)
	}
	for scope, want := range map[string]bool{"sori:admin": true, "openid sori:admin email": true, "sori:administrator": false, "": false} {
		p, err := v.Verify(t.Context(), sign(t, jwt.SigningMethodHS256, secret, with("scope", scope), ""))
		if err != nil || p.Admin != want {
			t.Errorf("scope %q: %+v, %v", scope, p, err)
		}
	}
	if p, err := v.Verify(t.Context(), sign(t, jwt.SigningMethodHS256, secret, with("scp", []string{"sori:admin"}), "")); err != nil || !p.Admin {
		t.Errorf("a list of scopes: %+v, %v", p, err)
	}
}

func pemOf(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// pairs are keys that are made once: RSA takes its time.
var pairs = sync.OnceValues(func() (*rsa.PrivateKey, *ecdsa.PrivateKey) { //nolint:gochecknoglobals // see above
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	e, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return r, e
})

// A token may not choose how it is checked.
func TestMethodsAreNotMixedUp(t *testing.T) {
	t.Parallel()
	r, e := pairs()
	secret := []byte(strings.Repeat("s", 32))
	rsaPEM, ecPEM := pemOf(t, &r.PublicKey), pemOf(t, &e.PublicKey)
	hs, rs, es := verifier(t, auth.JWTOptions{Secret: secret}), verifier(t, auth.JWTOptions{PublicKey: rsaPEM}), verifier(t, auth.JWTOptions{PublicKey: ecPEM})

	signed := map[string]string{
		"HS256":                  sign(t, jwt.SigningMethodHS256, secret, good(), ""),
		"HS512":                  sign(t, jwt.SigningMethodHS512, secret, good(), ""),
		"RS256":                  sign(t, jwt.SigningMethodRS256, r, good(), ""),
		"RS384":                  sign(t, jwt.SigningMethodRS384, r, good(), ""),
		"PS256":                  sign(t, jwt.SigningMethodPS256, r, good(), ""),
		"ES256":                  sign(t, jwt.SigningMethodES256, e, good(), ""),
		"none":                   sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good(), ""),
		"HS256 with the RSA key": sign(t, jwt.SigningMethodHS256, rsaPEM, good(), ""),
		"HS256 with the EC key":  sign(t, jwt.SigningMethodHS256, ecPEM, good(), ""),
	}
	for _, none := range []string{"NONE", "None", "nOnE"} {
		header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"` + none + `","typ":"JWT"}`))
		signed[none] = header + "." + strings.Split(signed["none"], ".")[1] + "."
	}
	for name, v := range map[string]*auth.JWT{"HS256": hs, "RS256": rs, "ES256": es} {
		for method, text := range signed {
			var want error
			if method != name {
				want = auth.ErrInvalid
			}
			expect(t, v, method+" where "+name+" is asked for", text, want)
		}
		parts := strings.Split(signed[name], ".")
		forged := base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"` + issuer + `","aud":"sori","sub":"kim","scope":"sori:admin","exp":9999999999}`))
		for what, text := range map[string]string{
			"other claims under the signature": parts[0] + "." + forged + "." + parts[2],
			"without its signature":            parts[0] + "." + parts[1] + ".",
			"with half of it":                  parts[0] + "." + parts[1] + "." + parts[2][:len(parts[2])/2],
			"two parts":                        parts[0] + "." + parts[1],
			"rubbish":                          "a.b.c",
			"nothing":                          "..",
		} {
			expect(t, v, name+" "+what, text, auth.ErrInvalid)
		}
	}
}

func TestOptionsOfTokens(t *testing.T) {
	t.Parallel()
	r, _ := pairs()
	small, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // it is refused
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret := []byte(strings.Repeat("s", 32))
	for want, o := range map[string]auth.JWTOptions{
		"one of three":  {Issuer: issuer, Audience: audience},
		"one of three:": {Issuer: issuer, Audience: audience, Secret: secret, PublicKey: pemOf(t, &r.PublicKey)},
		"issuer":        {Audience: audience, Secret: secret},
		"an audience":   {Issuer: issuer, Secret: secret},
		"at least 32":   {Issuer: issuer, Audience: audience, Secret: secret[:31]},
		"no PEM file":   {Issuer: issuer, Audience: audience, PublicKey: []byte("hello")},
		"1024 bits":     {Issuer: issuer, Audience: audience, PublicKey: pemOf(t, &small.PublicKey)},
		"P-256":         {Issuer: issuer, Audience: audience, PublicKey: pemOf(t, &p384.PublicKey)},
	} {
		if _, err := auth.NewJWT(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	for _, address := range []string{"", "x", "http://id.example.com/keys", "ftp://127.0.0.1/keys"} {
		if _, err := auth.OpenJWKS(t.Context(), auth.JWKSOptions{URL: address}); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
}

// provider is an identity provider whose keys change.
type provider struct {
	keys  atomic.Pointer[[]map[string]string]
	asked atomic.Int64
	down  atomic.Bool
}

func (p *provider) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	p.asked.Add(1)
	if p.down.Load() {
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"keys": *p.keys.Load()})
}

func (p *provider) set(keys ...map[string]string) { p.keys.Store(&keys) }

func coordinate(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func rsaJWK(kid string, k *rsa.PublicKey) map[string]string {
	return map[string]string{"kty": "RSA", "kid": kid, "use": "sig", "n": coordinate(k.N.Bytes()), "e": "AQAB"}
}

func ecJWK(t *testing.T, kid string, k *ecdsa.PublicKey) map[string]string {
	t.Helper()
	point, err := k.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"kty": "EC", "crv": "P-256", "kid": kid, "alg": "ES256", "x": coordinate(point[1:33]), "y": coordinate(point[33:])}
}

func TestKeysOfAProviderChange(t *testing.T) {
	t.Parallel()
	r, e := pairs()
	secret := []byte(strings.Repeat("s", 32))
	idp := &provider{}
	idp.set(rsaJWK("one", &r.PublicKey), map[string]string{"kty": "oct", "kid": "shared", "k": coordinate(secret)})
	srv := httptest.NewServer(idp)
	t.Cleanup(func() {
		srv.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections() //nolint:forcetypeassert // it is one
	})
	keys, err := auth.OpenJWKS(t.Context(), auth.JWKSOptions{URL: srv.URL, Refresh: time.Hour, Unknown: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	v := verifier(t, auth.JWTOptions{JWKS: keys})

	first := sign(t, jwt.SigningMethodRS256, r, good(), "one")
	second := sign(t, jwt.SigningMethodES256, e, good(), "two")
	expect(t, v, "a token of the first key", first, nil)
	expect(t, v, "a symmetric key of the provider", sign(t, jwt.SigningMethodHS256, secret, good(), "shared"), auth.ErrInvalid)
	expect(t, v, "the public key as a secret", sign(t, jwt.SigningMethodHS256, r.N.Bytes(), good(), "one"), auth.ErrInvalid)
	expect(t, v, "a key that is not there", second, auth.ErrInvalid)
	expect(t, v, "the other key under the first's name", sign(t, jwt.SigningMethodES256, e, good(), "one"), auth.ErrInvalid)

	idp.set(ecJWK(t, "two", &e.PublicKey))
	time.Sleep(60 * time.Millisecond)
	expect(t, v, "a token of the new key", second, nil)
	expect(t, v, "a token of the old key", first, auth.ErrInvalid)

	idp.down.Store(true)
	expect(t, v, "a known key while the provider is down", second, nil)
}

// Whoever sends tokens with made-up keys makes no storm of requests.
func TestUnknownKeysAreLookedForOnceInAWhile(t *testing.T) {
	t.Parallel()
	r, _ := pairs()
	idp := &provider{}
	idp.set(rsaJWK("one", &r.PublicKey))
	srv := httptest.NewServer(idp)
	t.Cleanup(srv.Close)
	keys, err := auth.OpenJWKS(t.Context(), auth.JWKSOptions{URL: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	v := verifier(t, auth.JWTOptions{JWKS: keys})
	for range 50 {
		expect(t, v, "an unknown key", sign(t, jwt.SigningMethodRS256, r, good(), "three"), auth.ErrInvalid)
	}
	if n := idp.asked.Load(); n > 2 {
		t.Errorf("the provider was asked %d times", n)
	}
}

func TestAProviderThatIsDownAtTheStart(t *testing.T) {
	t.Parallel()
	_, e := pairs()
	idp := &provider{}
	idp.down.Store(true)
	idp.set(ecJWK(t, "two", &e.PublicKey))
	srv := httptest.NewServer(idp)
	t.Cleanup(srv.Close)
	keys, err := auth.OpenJWKS(t.Context(), auth.JWKSOptions{URL: srv.URL, Unknown: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	v := verifier(t, auth.JWTOptions{JWKS: keys})
	text := sign(t, jwt.SigningMethodES256, e, good(), "two")
	expect(t, v, "a token that nobody can check", text, auth.ErrUnavailable)
	idp.down.Store(false)
	time.Sleep(20 * time.Millisecond)
	expect(t, v, "a token when the provider is back", text, nil)
}
