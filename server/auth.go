package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"sori/auth"
	"sori/session"
)

// Authenticator says who a caller is.
type Authenticator interface {
	// Authenticate gives the principal of a credential; "" is a caller that shows
	// none. Its errors wrap those of package auth.
	Authenticate(ctx context.Context, credential string) (auth.Principal, error)
	// Recheck says whether a principal that was let in may stay: nil, or an error
	// that wraps [auth.ErrRevoked] or [auth.ErrExpired]. Any other error says that
	// nobody can tell now. It is asked often and answers quickly.
	Recheck(ctx context.Context, p auth.Principal) error
	// MakeToken makes a session token with which a browser or a phone is the user;
	// settings, which may be nil, come back in its principal. life 0 is the
	// default. Its errors wrap those of package auth.
	MakeToken(ctx context.Context, p auth.Principal, user string, life time.Duration, settings []byte) (text string, expires time.Time, err error)
}

// publicRoutes are those that a caller needs no credential for. Every other
// route asks for one, also a route that is added later.
func publicRoutes() map[string]bool {
	return map[string]bool{
		"GET /healthz": true, "GET /readyz": true,
		"GET /openapi.json": true, "GET /docs": true,
		"GET /app/*file": true, "HEAD /app/*file": true,
	}
}

// authenticate finds out who calls, and keeps everybody out who may not come in.
// The caller's principal is in the request's context from here on.
func (s *Server) authenticate(g *gin.Context) {
	route := g.FullPath()
	if auth.InURL(g.Request) {
		s.problem(g, http.StatusBadRequest, "credential_in_url")
		return
	}
	if route == "" || s.public[g.Request.Method+" "+route] || route == "/" && s.wantsPage(g) {
		return
	}
	p, err := s.who(g.Request)
	if err != nil {
		s.refuse(g, err)
		return
	}
	g.Request = g.Request.WithContext(auth.NewContext(g.Request.Context(), p))
}

// who gives the principal of a request.
func (s *Server) who(r *http.Request) (auth.Principal, error) {
	if s.cfg.Auth == nil {
		return auth.Open(), nil
	}
	credential, err := auth.CredentialOf(r)
	if err != nil {
		return auth.Principal{}, err
	}
	return s.cfg.Auth.Authenticate(r.Context(), credential)
}

// refuse answers a caller that is not let in.
func (s *Server) refuse(g *gin.Context, err error) {
	code := "key_invalid"
	switch {
	case errors.Is(err, auth.ErrUnavailable):
		s.log.Warn("credential can't be checked", "route", g.FullPath(), "error", err)
		g.Header("Retry-After", retryAfter)
		s.problem(g, http.StatusServiceUnavailable, "store_unavailable")
		return
	case errors.Is(err, auth.ErrMissing):
		code = "key_missing"
	case errors.Is(err, auth.ErrExpired):
		code = "key_expired"
	case errors.Is(err, auth.ErrRevoked):
		code = "key_revoked"
	}
	challenge := `Bearer realm="sori"`
	if code != "key_missing" {
		challenge += `, error="invalid_token"`
	}
	g.Header("WWW-Authenticate", challenge)
	g.Header("Cache-Control", "no-store")
	s.log.Info("caller refused", "route", g.FullPath(), "code", code)
	s.problem(g, http.StatusUnauthorized, code)
}

// principal gives who calls.
func principal(g *gin.Context) auth.Principal { return auth.FromContext(g.Request.Context()) }

// ofUser lets only those go on who may touch the data of the user in the path.
// What an admin does there leaves a line in the log.
func (s *Server) ofUser(g *gin.Context) {
	p, user := principal(g), g.Param("id")
	if !p.May(user) {
		s.problem(g, http.StatusForbidden, "other_user")
		return
	}
	if p.Admin && p.Kind != auth.KindOpen && p.User != user {
		s.audit(g, p, user)
	}
}

// adminOnly lets only admins go on.
func (s *Server) adminOnly(g *gin.Context) {
	p := principal(g)
	if !p.Admin {
		s.problem(g, http.StatusForbidden, "admin_only")
		return
	}
	if p.Kind != auth.KindOpen {
		s.audit(g, p, "*")
	}
}

// measured lets only admins go on. It leaves no line in the log: Prometheus comes
// every few seconds, and what it gets belongs to no user.
func (s *Server) measured(g *gin.Context) {
	if !principal(g).Admin {
		s.problem(g, http.StatusForbidden, "admin_only")
	}
}

// audit tells of an admin's access to what belongs to another user, or to all.
func (s *Server) audit(g *gin.Context, p auth.Principal, user string) {
	s.log.Info("admin access", "audit", true, "actor", p.Owner(), "key", p.KeyID, "user", user,
		"method", g.Request.Method, "route", g.FullPath(), "client", g.ClientIP())
}

// sessionOptions are what a session of the caller starts with.
func (s *Server) sessionOptions(p auth.Principal) session.Options {
	o := s.cfg.Session
	if p.User != "" {
		o.User, o.UserFixed = p.User, true
	}
	return o
}

// userOf is the user of a caller that names none.
func (s *Server) userOf(p auth.Principal) string {
	if p.User != "" {
		return p.User
	}
	return s.cfg.DefaultUser
}

// whoJSON is the answer to GET /whoami.
type whoJSON struct {
	Kind    auth.Kind `json:"kind"`
	User    *string   `json:"user"` // null: any that the caller names
	Admin   bool      `json:"admin"`
	Expires *int64    `json:"expires"` // seconds since 1970; null: never
}

// whoami tells a caller how it is known. A page asks it whether it has to ask
// its user for a key.
func (s *Server) whoami(g *gin.Context) {
	p := principal(g)
	who := whoJSON{Kind: p.Kind, Admin: p.Admin}
	if p.User != "" {
		who.User = &p.User
	}
	if !p.Expires.IsZero() {
		who.Expires = new(p.Expires.Unix())
	}
	g.Header("Cache-Control", "no-store")
	s.json(g, who)
}
