package server

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"
)

const (
	corsMethods = "GET, HEAD, POST, DELETE, OPTIONS"
	corsHeaders = "Authorization, Content-Type, Accept, Accept-Language, Range"
	corsExposed = "Content-Range, Content-Location, Retry-After, Content-Disposition, WWW-Authenticate, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, RateLimit-Policy"
	corsMaxAge  = "600" // seconds
)

// cors lets pages of the configured origins use the server, and keeps those of
// others out: a browser asks first for some requests only, and a request does its
// work whether its page may read the answer or not.
func (s *Server) cors(g *gin.Context) {
	origin := g.GetHeader("Origin")
	if origin == "" {
		if s.smuggled(g) {
			s.problem(g, http.StatusForbidden, "origin_not_allowed")
		}
		return
	}
	h := g.Writer.Header()
	h.Add("Vary", "Origin")
	allowed := s.originAllowed(g.Request)
	if allowed && !sameOrigin(g.Request) {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", corsExposed)
	}
	if g.Request.Method == http.MethodOptions && g.GetHeader("Access-Control-Request-Method") != "" {
		if allowed {
			h.Set("Access-Control-Allow-Methods", corsMethods)
			h.Set("Access-Control-Allow-Headers", corsHeaders)
			h.Set("Access-Control-Max-Age", corsMaxAge)
		}
		g.AbortWithStatus(http.StatusNoContent)
		return
	}
	if !allowed && !s.public[g.Request.Method+" "+g.FullPath()] {
		s.problem(g, http.StatusForbidden, "origin_not_allowed")
	}
}

// smuggled says whether a browser asks for another page that does not say which:
// it loads an image, or sends its visitor here. Links may lead to what is only
// shown, and nothing that does work is that.
func (s *Server) smuggled(g *gin.Context) bool {
	site, route := g.GetHeader("Sec-Fetch-Site"), g.FullPath()
	if site != "cross-site" && site != "same-site" || s.public[g.Request.Method+" "+route] {
		return false
	}
	return g.GetHeader("Sec-Fetch-Mode") != "navigate" || g.Request.Method != http.MethodGet || route == "/atot" || route == "/ttot"
}

// originAllowed says whether a browser's page may use the server: one from its
// own origin, or from one of the configured. Programs send no origin.
func (s *Server) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || sameOrigin(r) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && s.originConfigured(u)
}

func sameOrigin(r *http.Request) bool {
	u, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}
