package web

import (
	"net/http"
	"strings"
)

// secure sets what browsers may do with the page and its files. Scripts and
// styles come from this server and stand in files of their own. The library and
// its types may be loaded by pages of other origins: they hold no secrets, and
// whether such a page may connect is for /ws to say.
func secure(h http.Header, host string) {
	h.Set("Content-Security-Policy", policy(host))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Permissions-Policy", "microphone=(self), camera=(), geolocation=(), payment=(), usb=(), display-capture=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("X-Frame-Options", "DENY")
}

// policy is the Content-Security-Policy. Some browsers do not take 'self' to
// mean this server's WebSocket, so it is named.
func policy(host string) string {
	connect := "'self'"
	if plainHost(host) {
		connect += " ws://" + host + " wss://" + host
	}
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"img-src 'self'",
		"font-src 'self'",
		"media-src 'self' blob:", // a recording that only a key gets is fetched first
		"manifest-src 'self'",
		"worker-src 'self'",
		"connect-src " + connect,
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
		"require-trusted-types-for 'script'",
		"trusted-types 'none'",
	}, "; ")
}

// plainHost says whether a Host header holds a host and nothing that could end
// its place in the policy.
func plainHost(host string) bool {
	for _, c := range host {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && !strings.ContainsRune(".-:[]", c) {
			return false
		}
	}
	return host != ""
}
