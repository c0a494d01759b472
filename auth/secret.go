package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// How credentials of sori's own begin. What is between the first underscore and
// the second is the public id, the rest is secret.
const (
	keyPrefix   = "sori_"
	tokenPrefix = "ek_"
)

const (
	idChars     = 12 // 60 random bits: they meet by chance after a billion keys
	secretBytes = 32
)

// newSecret gives a public id, the secret that belongs to it, and the secret's
// hash. The secret has 256 random bits, so that a plain SHA-256 is as good as a
// slow hash: there is nothing to guess.
func newSecret() (id, secret, hash string) {
	id = strings.ToLower(rand.Text()[:idChars])
	var b [secretBytes]byte
	rand.Read(b[:]) // it never fails
	secret = base64.RawURLEncoding.EncodeToString(b[:])
	return id, secret, hashOf(secret)
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// matches compares a secret with a hash, in the same time wherever they differ.
func matches(secret, hash string) bool {
	return subtle.ConstantTimeCompare([]byte(hashOf(secret)), []byte(hash)) == 1
}

// split takes a credential of sori's own apart.
func split(credential, prefix string) (id, secret string, ok bool) {
	rest, ok := strings.CutPrefix(credential, prefix)
	if !ok {
		return "", "", false
	}
	id, secret, ok = strings.Cut(rest, "_")
	if !ok || len(id) != idChars || len(secret) != base64.RawURLEncoding.EncodedLen(secretBytes) {
		return "", "", false
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return "", "", false
		}
	}
	return id, secret, true
}
