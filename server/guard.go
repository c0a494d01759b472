package server

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/gin-gonic/gin"
)

// headers sets what browsers may make of an answer that is no page. The page has
// its own.
func (s *Server) headers(g *gin.Context) {
	h := g.Writer.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// guard keeps a sori that runs open for its own machine: the name under which it
// is asked has to be this machine's, or a page that makes its own name lead here
// (DNS rebinding) would be of the server's own origin. What a proxy passes on
// comes from elsewhere.
func (s *Server) guard(g *gin.Context) {
	if s.cfg.OnlyLocal == nil || !s.cfg.OnlyLocal() {
		return
	}
	if !localName(g.Request.Host) || proxied(g.Request) {
		s.problem(g, http.StatusForbidden, "not_local")
	}
}

// proxied says whether a request names what passed it on.
func proxied(r *http.Request) bool {
	for _, name := range []string{"X-Forwarded-For", "Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	return false
}

// localName says whether a Host header names this machine.
func localName(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.Unmap().IsLoopback()
}
