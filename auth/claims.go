package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
)

// claims are what is read of a token: those of RFC 7519, and what it may do.
type claims struct {
	jwt.RegisteredClaims

	scopes []string
}

// UnmarshalJSON reads claims. Their names count letter by letter, and each may be
// there once: a provider may let its users choose claims beside those that it
// vouches for, such as "Sub" or "SCOPE".
func (c *claims) UnmarshalJSON(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("the claims are no UTF-8")
	}
	all, err := members(text)
	if err != nil {
		return err
	}
	for name, into := range map[string]any{"iss": &c.Issuer, "sub": &c.Subject, "aud": &c.Audience} {
		if raw, ok := all[name]; ok {
			if err := json.Unmarshal(raw, into); err != nil {
				return fmt.Errorf("the claim %s: %w", name, err)
			}
		}
	}
	for name, into := range map[string]**jwt.NumericDate{"exp": &c.ExpiresAt, "nbf": &c.NotBefore, "iat": &c.IssuedAt} {
		if raw, ok := all[name]; ok {
			if *into, err = date(raw); err != nil {
				return fmt.Errorf("the claim %s: %w", name, err)
			}
		}
	}
	for _, name := range []string{"scope", "scp"} { // RFC 8693, and what other providers have
		if raw, ok := all[name]; ok {
			some, err := words(raw)
			if err != nil {
				return fmt.Errorf("the claim %s: %w", name, err)
			}
			c.scopes = append(c.scopes, some...)
		}
	}
	return nil
}

// members gives the members of a JSON object.
func members(text []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return nil, errors.New("the claims are no JSON object")
	}
	all := make(map[string]json.RawMessage)
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, _ := name.(string)
		if _, twice := all[key]; twice {
			return nil, fmt.Errorf("the claim %.40q is there twice", key)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, err
		}
		all[key] = raw
	}
	return all, nil
}

// latest is the last second of the year 9999: later times can't be written down.
const latest = 253_402_300_799

// date reads a time in seconds since 1970, to the second.
func date(raw []byte) (*jwt.NumericDate, error) {
	var seconds *float64
	if err := json.Unmarshal(raw, &seconds); err != nil || seconds == nil {
		return nil, errors.New("it is no time in seconds since 1970")
	}
	if *seconds < -latest || *seconds > latest {
		return nil, errors.New("it is a time that no clock will show")
	}
	return jwt.NewNumericDate(time.Unix(int64(*seconds), 0)), nil
}

// words reads a list of words, or a text of words with spaces between them.
func words(raw []byte) ([]string, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return strings.Fields(text), nil
	}
	var list []string
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, errors.New("it is neither a text nor a list of texts")
	}
	return list, nil
}
