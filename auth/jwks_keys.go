package auth

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

const (
	// maxKeys is how many keys a provider may have: a token that names none is
	// tried with all of them.
	maxKeys  = 100
	maxKID   = 256 // bytes of a key's name
	maxNamed = 10  // keys that are left out and named in one line of the log
)

// sieve hands on the keys of a provider that can be used. One that is weak or
// strange is left out and named in the log, and the others work: a library that
// checks all of them at once would go on with the old ones.
type sieve struct {
	http.RoundTripper
	log    *slog.Logger
	before atomic.Bool // there was a set of keys

	mu   sync.Mutex
	said string // what was left out last time, which is not said again
}

// RoundTrip fetches the keys.
func (s *sieve) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.RoundTripper.RoundTrip(r)
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxJWKS+1))
	_ = resp.Body.Close() // what was read of it counts
	if err != nil {
		return nil, err
	}
	good, left, err := usable(text)
	if err != nil {
		return nil, err
	}
	s.tell(r.Context(), left)
	s.before.Store(true)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(good)), int64(len(good))
	return resp, nil
}

// tell names the keys that were left out, once.
func (s *sieve) tell(ctx context.Context, left []string) {
	all := strings.Join(left, "; ")
	s.mu.Lock()
	known := s.said == all
	s.said = all
	s.mu.Unlock()
	if !known && len(left) > 0 {
		s.log.WarnContext(ctx, "keys of the identity provider are not used", "reason", all)
	}
}

// usable gives the set of the keys in text that can be used, and says which are
// left out and why.
func usable(text []byte) (set []byte, left []string, err error) {
	if len(text) > maxJWKS {
		return nil, nil, fmt.Errorf("auth: the keys have more than %d bytes", maxJWKS)
	}
	var all struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &all); err != nil || all.Keys == nil {
		return nil, nil, errors.New("auth: what came is no JSON object with keys")
	}
	good := make([]jwk, 0, min(len(all.Keys), maxKeys))
	more := 0 // are left out and not named
	for i, raw := range all.Keys {
		var k jwk
		why := "it is no key"
		if json.Unmarshal(raw, &k) == nil {
			why = k.wrong()
		}
		if why == "" && len(good) == maxKeys {
			why = "there are too many"
		}
		switch {
		case why == "":
			good = append(good, k.bare())
		case len(left) == maxNamed:
			more++
		default:
			left = append(left, fmt.Sprintf("%.40q, number %d: %s", k.ID, i+1, why))
		}
	}
	if more > 0 {
		left = append(left, fmt.Sprintf("and %d more", more))
	}
	set, err = json.Marshal(map[string]any{"keys": good})
	return set, left, err
}

// jwk is what counts of a key: RFC 7517 and 7518.
type jwk struct {
	Kind       string          `json:"kty"`
	ID         string          `json:"kid,omitempty"`
	Use        string          `json:"use,omitempty"`
	Operations []string        `json:"key_ops,omitempty"`
	Method     string          `json:"alg,omitempty"`
	Modulus    string          `json:"n,omitempty"`
	Exponent   string          `json:"e,omitempty"`
	Curve      string          `json:"crv,omitempty"`
	X          string          `json:"x,omitempty"`
	Y          string          `json:"y,omitempty"`
	Private    json.RawMessage `json:"d,omitempty"`
}

// bare is the key without what nobody asks for.
func (k *jwk) bare() jwk {
	return jwk{Kind: k.Kind, ID: k.ID, Method: k.Method, Modulus: k.Modulus, Exponent: k.Exponent, Curve: k.Curve, X: k.X, Y: k.Y}
}

// wrong says why the key can't be used, "" where it can.
func (k *jwk) wrong() string {
	switch {
	case len(k.ID) > maxKID:
		return "its name is too long"
	case k.Use != "" && k.Use != "sig":
		return "it is not for signatures"
	case len(k.Operations) > 0 && !slices.Contains(k.Operations, "verify"):
		return "it is not for signatures"
	case len(k.Private) > 0:
		return "its private part is there for everybody: anybody can sign with it"
	case k.Kind == "RSA" && (k.Method == "" || k.Method == "RS256"):
		k.Curve, k.X, k.Y = "", "", ""
		return wrongRSA(k.Modulus, k.Exponent)
	case k.Kind == "EC" && (k.Method == "" || k.Method == "ES256"):
		k.Modulus, k.Exponent = "", ""
		return wrongEC(k.Curve, k.X, k.Y)
	default:
		return "only RSA for RS256 and EC for ES256 are used"
	}
}

func wrongRSA(modulus, exponent string) string {
	n, badN := number(modulus)
	e, badE := number(exponent)
	switch {
	case badN || badE:
		return "its numbers can't be read"
	case n.BitLen() < minRSA:
		return fmt.Sprintf("it has %d bits: it needs at least %d", n.BitLen(), minRSA)
	case n.BitLen() > maxRSA:
		return fmt.Sprintf("it has %d bits: it may have at most %d", n.BitLen(), maxRSA)
	case n.Bit(0) == 0, e.Bit(0) == 0, e.Cmp(big.NewInt(3)) < 0, e.Cmp(big.NewInt(math.MaxInt32)) > 0:
		return "its numbers are none of an RSA key"
	}
	return ""
}

func wrongEC(curve, x, y string) string {
	const size = 32
	if curve != "P-256" {
		return "ES256 needs a key on P-256"
	}
	across, badX := number(x)
	up, badY := number(y)
	if badX || badY || across.BitLen() > 8*size || up.BitLen() > 8*size {
		return "its numbers can't be read"
	}
	point := make([]byte, 1+2*size)
	point[0] = 4 // both numbers follow
	across.FillBytes(point[1 : 1+size])
	up.FillBytes(point[1+size:])
	if _, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point); err != nil {
		return "it is not on its curve"
	}
	return ""
}

// number reads a number of a key. Some providers fill it up with =.
func number(text string) (n *big.Int, bad bool) {
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	return new(big.Int).SetBytes(b), err != nil || len(b) == 0
}
