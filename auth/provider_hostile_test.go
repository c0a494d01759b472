package auth_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"sori/auth"
)

// journal collects what is logged.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// provided gives a verifier of the tokens of a provider, and what it logs.
func provided(t *testing.T, idp http.Handler, o auth.JWKSOptions) (*auth.JWT, *journal) {
	t.Helper()
	srv := httptest.NewServer(idp)
	t.Cleanup(func() {
		srv.CloseClientConnections() // also those of an answer that does not end
		srv.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections() //nolint:forcetypeassert // it is one
	})
	log := &journal{}
	o.URL, o.Log = srv.URL, slog.New(slog.NewTextHandler(log, nil))
	keys, err := auth.OpenJWKS(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	return verifier(t, auth.JWTOptions{JWKS: keys}), log
}

// jwks answers with the same set of keys at all times.
func jwks(keys ...map[string]any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": keys})
	})
}

// but gives a key with other members; nil removes one.
func but(key map[string]string, other map[string]any) map[string]any {
	k := make(map[string]any)
	for name, value := range key {
		k[name] = value
	}
	maps.Copy(k, other)
	maps.DeleteFunc(k, func(_ string, v any) bool { return v == nil })
	return k
}

// A key that is weak, strange or meant for something else is left out and named
// in the log. The others of the provider work.
func TestAStrangeKeyOfAProviderIsLeftOut(t *testing.T) {
	t.Parallel()
	r, e := pairs()
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // it is refused
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384Point, err := p384.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	huge := new(big.Int).Lsh(big.NewInt(1), 1_000_000)
	huge.SetBit(huge, 0, 1)
	weak := rsaJWK("odd", &r.PublicKey)
	point := ecJWK(t, "odd", &e.PublicKey)
	tiny := coordinate(append([]byte{0x80}, make([]byte, 63)...)) // 512 bits

	for name, c := range map[string]struct {
		key   map[string]any
		why   string
		works bool
	}{
		"as it should be":              {but(weak, nil), "", true},
		"with more around it":          {but(weak, map[string]any{"x5c": []string{"MIIB"}, "x5u": "https://evil.example", "x5t": "x", "n2": 7}), "", true},
		"RSA of 512 bits":              {but(weak, map[string]any{"n": tiny}), "512 bits", false},
		"RSA of 1024 bits":             {but(rsaJWK("odd", &small.PublicKey), nil), "1024 bits", false},
		"RSA of a million bits":        {but(weak, map[string]any{"n": coordinate(huge.Bytes())}), "1000001 bits", false},
		"zeros before a small modulus": {but(weak, map[string]any{"n": coordinate(append(make([]byte, 256), small.N.Bytes()...))}), "1024 bits", false},
		"an even modulus":              {but(weak, map[string]any{"n": coordinate(new(big.Int).Lsh(r.N, 1).Bytes())}), "none of an RSA key", false},
		"exponent 1":                   {but(weak, map[string]any{"e": coordinate([]byte{1})}), "none of an RSA key", false},
		"exponent 2":                   {but(weak, map[string]any{"e": coordinate([]byte{2})}), "none of an RSA key", false},
		"exponent 65536":               {but(weak, map[string]any{"e": coordinate([]byte{1, 0, 0})}), "none of an RSA key", false},
		"an exponent of 1,000 bits":    {but(weak, map[string]any{"e": coordinate(append(make([]byte, 1), r.N.Bytes()[:125]...))}), "none of an RSA key", false},
		"exponent that wraps around":   {but(weak, map[string]any{"e": coordinate([]byte{1, 0, 0, 0, 0, 0, 1, 0, 1})}), "none of an RSA key", false},
		"without an exponent":          {but(weak, map[string]any{"e": nil}), "can't be read", false},
		"a modulus that is no base64":  {but(weak, map[string]any{"n": "%%%%"}), "can't be read", false},
		"a modulus that is a number":   {but(weak, map[string]any{"n": 7}), "no key", false},
		"for encryption":               {but(weak, map[string]any{"use": "enc"}), "not for signatures", false},
		"for a use of its own":         {but(weak, map[string]any{"use": "party"}), "not for signatures", false},
		"for wrapping":                 {but(weak, map[string]any{"key_ops": []string{"wrapKey"}}), "not for signatures", false},
		"for PS256":                    {but(weak, map[string]any{"alg": "PS256"}), "only RSA for RS256", false},
		"an RSA key for ES256":         {but(weak, map[string]any{"alg": "ES256"}), "only RSA for RS256", false},
		"with its private part":        {but(weak, map[string]any{"d": coordinate(r.D.Bytes())}), "anybody can sign", false},
		"off its curve":                {but(point, map[string]any{"y": coordinate(make([]byte, 32))}), "not on its curve", false},
		"beyond its curve":             {but(point, map[string]any{"x": coordinate(bytes.Repeat([]byte{0xff}, 32))}), "not on its curve", false},
		"a coordinate of 1 KB":         {but(point, map[string]any{"x": coordinate(bytes.Repeat([]byte{0xff}, 1024))}), "can't be read", false},
		"on P-384":                     {but(point, map[string]any{"crv": "P-384", "x": coordinate(p384Point[1:49]), "y": coordinate(p384Point[49:])}), "P-256", false},
		"on a curve of 1999":           {but(point, map[string]any{"crv": "secp112r1"}), "P-256", false},
		"symmetric":                    {map[string]any{"kty": "oct", "kid": "odd", "k": coordinate(make([]byte, 32))}, "only RSA for RS256", false},
		"of Ed25519":                   {map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": "odd", "x": coordinate(make([]byte, 32))}, "only RSA for RS256", false},
		"of no kind":                   {map[string]any{"kid": "odd"}, "only RSA for RS256", false},
		"with a name of 10 KB":         {but(weak, map[string]any{"kid": strings.Repeat("k", 10_000)}), "name is too long", false},
		"with a name that is a number": {but(weak, map[string]any{"kid": 7}), "no key", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fine := but(rsaJWK("good", &other.PublicKey), nil)
			for _, set := range [][]map[string]any{{c.key, fine}, {fine, c.key}} {
				began := time.Now()
				v, log := provided(t, jwks(set...), auth.JWKSOptions{Unknown: time.Hour})
				expect(t, v, "a token of the good key", sign(t, jwt.SigningMethodRS256, other, good(), "good"), nil)
				want := auth.ErrInvalid
				if c.works {
					want = nil
				}
				expect(t, v, "a token of the strange one", sign(t, jwt.SigningMethodRS256, r, good(), "odd"), want)
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("it took %v", took)
				}
				if said := log.String(); c.why == "" && said != "" || !strings.Contains(said, c.why) {
					t.Errorf("it does not say %q: %s", c.why, said)
				}
			}
		})
	}
}

func TestHostileProviders(t *testing.T) {
	t.Parallel()
	r, e := pairs()
	text := sign(t, jwt.SigningMethodRS256, r, good(), "one")
	set, err := json.Marshal(map[string]any{"keys": []any{rsaJWK("one", &r.PublicKey)}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		says   string
	}{
		"a body without end": {func(w http.ResponseWriter, r *http.Request) {
			_, err := io.WriteString(w, `{"keys":[`)
			for err == nil && r.Context().Err() == nil {
				_, err = io.WriteString(w, strings.Repeat(" ", 64<<10))
			}
		}, "more than 1048576 bytes"},
		"a set that drips": {func(w http.ResponseWriter, r *http.Request) {
			for _, b := range set {
				_, _ = w.Write([]byte{b})
				_ = http.NewResponseController(w).Flush()
				select {
				case <-time.After(50 * time.Millisecond):
				case <-r.Context().Done():
					return
				}
			}
		}, "deadline exceeded"},
		"a web page": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "<!doctype html><title>Sign in</title>")
		}, "no JSON object with keys"},
		"nothing":        {func(http.ResponseWriter, *http.Request) {}, "no JSON object with keys"},
		"no keys in it":  {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) }, "no JSON object with keys"},
		"keys of a text": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"keys":"one"}`) }, "no JSON object with keys"},
		"a million brackets": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"keys":`+strings.Repeat("[", 1_000_000))
		}, "no JSON object with keys"},
		"an answer that is not OK": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write(set)
		}, "404"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				t.Error("the redirect was followed")
			}
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}, "leads elsewhere"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			v, log := provided(t, http.HandlerFunc(c.answer), auth.JWKSOptions{Unknown: time.Hour})
			expect(t, v, "a token that nobody can check", text, auth.ErrUnavailable)
			if took := time.Since(began); took > 8*time.Second {
				t.Errorf("it took %v", took)
			}
			if !strings.Contains(log.String(), c.says) {
				t.Errorf("it does not say %q: %s", c.says, log)
			}
		})
	}
	t.Run("50,000 keys", func(t *testing.T) {
		t.Parallel()
		many := make([]map[string]any, 3000) // 50,000 of them are over the limit of the answer's size
		for i := range many {
			many[i] = but(ecJWK(t, fmt.Sprint(i), &e.PublicKey), nil)
		}
		many = append(many, but(rsaJWK("one", &r.PublicKey), nil))
		v, log := provided(t, jwks(many...), auth.JWKSOptions{Unknown: time.Hour})
		expect(t, v, "a token of the first", sign(t, jwt.SigningMethodES256, e, good(), "0"), nil)
		expect(t, v, "a token of the last", text, auth.ErrInvalid)
		if !strings.Contains(log.String(), "there are too many") || !strings.Contains(log.String(), "and 2891 more") || len(log.String()) > 2000 {
			t.Errorf("it says %s", log)
		}
		many = append(many, many...)
		many = append(many, many...)
		v, log = provided(t, jwks(many...), auth.JWKSOptions{Unknown: time.Hour})
		expect(t, v, "a token of the first of too many", text, auth.ErrUnavailable)
		if !strings.Contains(log.String(), "more than 1048576 bytes") {
			t.Errorf("it says %s", log)
		}
	})
	t.Run("two keys of one name", func(t *testing.T) {
		t.Parallel()
		other, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		v, _ := provided(t, jwks(but(rsaJWK("one", &other.PublicKey), nil), but(ecJWK(t, "one", &e.PublicKey), nil), but(rsaJWK("one", &r.PublicKey), nil)), auth.JWKSOptions{})
		expect(t, v, "a token of the first", sign(t, jwt.SigningMethodRS256, other, good(), "one"), nil)
		expect(t, v, "a token of the second", sign(t, jwt.SigningMethodES256, e, good(), "one"), nil)
		expect(t, v, "a token of the third", text, nil)
	})
}

// What a provider does after it was well once.
func TestAProviderChangesForTheWorse(t *testing.T) {
	t.Parallel()
	r, e := pairs()
	first, second := sign(t, jwt.SigningMethodRS256, r, good(), "one"), sign(t, jwt.SigningMethodES256, e, good(), "two")
	t.Run("it answers once and never again", func(t *testing.T) {
		t.Parallel()
		idp := &provider{}
		idp.set(rsaJWK("one", &r.PublicKey))
		v, log := provided(t, idp, auth.JWKSOptions{Refresh: 20 * time.Millisecond})
		idp.down.Store(true)
		for asked := idp.asked.Load(); idp.asked.Load() < asked+3; {
			time.Sleep(5 * time.Millisecond) // polled: it was asked again, in vain
		}
		expect(t, v, "a good token", first, nil)
		if !strings.Contains(log.String(), "503") {
			t.Errorf("nobody is told: %s", log)
		}
	})
	t.Run("a key is gone", func(t *testing.T) {
		t.Parallel()
		idp := &provider{}
		idp.set(rsaJWK("one", &r.PublicKey), ecJWK(t, "two", &e.PublicKey))
		v, _ := provided(t, idp, auth.JWKSOptions{Refresh: 20 * time.Millisecond, Unknown: time.Hour})
		expect(t, v, "a token of the first key", first, nil)
		idp.set(ecJWK(t, "two", &e.PublicKey))
		for asked := idp.asked.Load(); idp.asked.Load() < asked+2; {
			time.Sleep(5 * time.Millisecond) // polled: one fetch is over
		}
		expect(t, v, "a token of the key that is gone", first, auth.ErrInvalid)
		expect(t, v, "one that names no key", sign(t, jwt.SigningMethodRS256, r, good(), ""), auth.ErrInvalid)
		expect(t, v, "a token of the other key", second, nil)
		idp.set([]map[string]string{}...)
		for asked := idp.asked.Load(); idp.asked.Load() < asked+2; {
			time.Sleep(5 * time.Millisecond)
		}
		expect(t, v, "a token when there are no keys any more", second, auth.ErrInvalid)
	})
	t.Run("a strange key joins", func(t *testing.T) {
		t.Parallel()
		idp := &provider{}
		idp.set(rsaJWK("one", &r.PublicKey))
		v, log := provided(t, idp, auth.JWKSOptions{Refresh: 20 * time.Millisecond, Unknown: time.Hour})
		off := ecJWK(t, "off", &e.PublicKey)
		off["y"] = off["x"]
		idp.set(off, ecJWK(t, "two", &e.PublicKey))
		for asked := idp.asked.Load(); idp.asked.Load() < asked+4; {
			time.Sleep(5 * time.Millisecond)
		}
		expect(t, v, "a token of the key beside it", second, nil)
		expect(t, v, "a token of the key that is gone", first, auth.ErrInvalid)
		if n := strings.Count(log.String(), "not on its curve"); n != 1 {
			t.Errorf("it is said %d times: %s", n, log)
		}
	})
}

// Whoever asks for a key and leaves does not keep others from getting it.
func TestACallerThatLeavesLeavesTheKeys(t *testing.T) {
	t.Parallel()
	r, e := pairs()
	idp := &provider{}
	idp.set(rsaJWK("one", &r.PublicKey))
	v, _ := provided(t, idp, auth.JWKSOptions{Refresh: time.Hour, Unknown: time.Hour})
	idp.set(rsaJWK("one", &r.PublicKey), ecJWK(t, "two", &e.PublicKey))
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := v.Verify(gone, sign(t, jwt.SigningMethodRS256, r, good(), "nobody")); err == nil {
		t.Error("a key that nobody has is taken")
	}
	expect(t, v, "a token of the new key", sign(t, jwt.SigningMethodES256, e, good(), "two"), nil)
}

// FuzzKeys reads the sets of a provider, whatever is in them.
func FuzzKeys(f *testing.F) {
	r, e := pairs()
	point, err := e.PublicKey.Bytes()
	if err != nil {
		f.Fatal(err)
	}
	for _, set := range []any{
		map[string]any{"keys": []any{rsaJWK("one", &r.PublicKey)}},
		map[string]any{"keys": []any{map[string]any{"kty": "EC", "crv": "P-256", "x": coordinate(point[1:33]), "y": coordinate(point[33:])}}},
		map[string]any{"keys": []any{map[string]any{"kty": "oct", "k": "AAAA"}, 7, nil}},
		map[string]any{"keys": "x"},
		[]any{},
		nil,
	} {
		text, err := json.Marshal(set)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		set, left, err := auth.Usable(text)
		if err != nil {
			return
		}
		if len(left) > 11 {
			t.Errorf("%d lines", len(left))
		}
		// The library takes what is handed on, all of it.
		if _, err := keyfunc.NewJWKSetJSON(set); err != nil {
			t.Errorf("%q became %q: %v", text, set, err)
		}
	})
}
