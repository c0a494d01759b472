package auth

import (
	"net/http"
	"net/url"
	"strings"
)

const (
	// Subprotocol is the name of sori's WebSocket protocol, which a client has to
	// offer beside its credential: it is what the server answers with.
	Subprotocol = "sori"
	// SubprotocolKey begins the name under which a browser, which can't set
	// headers on a WebSocket, offers its credential as a subprotocol.
	SubprotocolKey = "sori.key."
	// subprotocolOpenAI is the same in clients of the OpenAI Realtime API.
	subprotocolOpenAI = "openai-insecure-api-key."
)

// maxCredential bounds a credential, in bytes: more than any JSON Web Token of
// use, less than what a header may hold.
const maxCredential = 8 << 10

// CredentialOf gives the credential that a request shows: that of its
// Authorization header, or of a WebSocket's subprotocols. "" without one. It
// gives ErrInvalid for a request that shows it in another way, two of them, or
// one that is too long.
func CredentialOf(r *http.Request) (string, error) {
	var found []string
	for _, line := range r.Header.Values("Authorization") {
		scheme, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return "", ErrInvalid
		}
		found = append(found, strings.TrimSpace(value))
	}
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for name := range strings.SplitSeq(line, ",") {
			name = strings.TrimSpace(name)
			for _, prefix := range []string{SubprotocolKey, subprotocolOpenAI} {
				if value, ok := strings.CutPrefix(name, prefix); ok {
					found = append(found, value)
				}
			}
		}
	}
	switch {
	case len(found) == 0:
		return "", nil
	case len(found) > 1 && found[0] != found[1], len(found) > 2, found[0] == "", len(found[0]) > maxCredential:
		return "", ErrInvalid
	}
	return found[0], nil
}

// InURL says whether a request carries what looks like a credential in its URL,
// where proxies, logs and histories of browsers keep it: by its name, or one of
// sori's own under any name.
func InURL(r *http.Request) bool {
	for pair := range strings.FieldsFuncSeq(r.URL.RawQuery, func(c rune) bool { return c == '&' || c == ';' }) {
		name, value, _ := strings.Cut(pair, "=")
		switch strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(unescaped(name))) {
		case "key", "apikey", "token", "accesstoken", "idtoken", "authorization", "bearer", "jwt", "secret", "clientsecret", "password":
			return true
		}
		if own(unescaped(value)) || own(unescaped(name)) {
			return true
		}
	}
	return false
}

// unescaped gives a piece of a query as it is meant; one that is broken, as it is.
func unescaped(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}

// own says whether a text is a credential of sori's own.
func own(text string) bool {
	for _, prefix := range []string{keyPrefix, tokenPrefix} {
		if _, _, ok := split(text, prefix); ok {
			return true
		}
	}
	return false
}
