package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"sori/auth"
)

// maxTokenBody bounds the body of POST /tokens, in bytes.
const maxTokenBody = 4 << 10

// tokenJSON is the answer to POST /tokens.
type tokenJSON struct {
	Token   string `json:"token"`
	User    string `json:"user"`
	Expires int64  `json:"expires"` // seconds since 1970
}

// makeToken makes a session token, with which a browser or a phone is one user
// for minutes.
func (s *Server) makeToken(g *gin.Context) {
	p := principal(g)
	user, life, err := s.tokenAsked(g, p)
	if err != nil {
		s.failRun(g, err)
		return
	}
	if s.cfg.Auth == nil {
		s.problem(g, http.StatusNotImplemented, "no_tokens")
		return
	}
	text, expires, err := s.cfg.Auth.MakeToken(g.Request.Context(), p, user, life, nil)
	if err != nil {
		s.failToken(g, err)
		return
	}
	s.log.Info("session token made", "audit", true, "actor", p.Owner(), "key", p.KeyID, "user", user)
	g.Header("Cache-Control", "no-store")
	s.write(g, http.StatusCreated, "application/json", tokenJSON{text, user, expires.Unix()})
}

// tokenAsked reads whose token a request asks for, and for how long.
func (s *Server) tokenAsked(g *gin.Context, p auth.Principal) (user string, life time.Duration, err error) {
	var body struct {
		User any  `json:"user"`
		TTL  *int `json:"ttl_s"`
	}
	dec := json.NewDecoder(http.MaxBytesReader(g.Writer, g.Request.Body, maxTokenBody))
	dec.UseNumber()
	if err := dec.Decode(&body); err != nil && !errors.Is(err, io.EOF) {
		if isTransport(err) {
			return "", 0, err
		}
		return "", 0, &requestError{status: http.StatusBadRequest, code: "bad_json", args: []any{"The body is not a JSON object."}, err: err}
	}
	user = s.userOf(p)
	if body.User != nil {
		user = fmt.Sprint(body.User) // a number, or a string
	}
	if !validUser(user) {
		return "", 0, badParameter("user", "a user's id")
	}
	if body.TTL != nil {
		if life = time.Duration(*body.TTL) * time.Second; life < auth.MinTokenLife || life > auth.MaxTokenLife {
			return "", 0, badParameter("ttl_s", fmt.Sprintf("%d … %d", int(auth.MinTokenLife.Seconds()), int(auth.MaxTokenLife.Seconds())))
		}
	}
	return user, life, nil
}

// failToken says why no token was made.
func (s *Server) failToken(g *gin.Context, err error) {
	switch {
	case errors.Is(err, auth.ErrNotUser):
		s.problem(g, http.StatusForbidden, "user_forbidden")
	case errors.Is(err, auth.ErrNoTokens):
		s.problem(g, http.StatusForbidden, "token_refused")
	case errors.Is(err, auth.ErrTooMany):
		g.Header("Retry-After", "1")
		s.problem(g, http.StatusTooManyRequests, "too_many_tokens")
	case errors.Is(err, auth.ErrUnavailable):
		s.refuse(g, err)
	default:
		s.fail(g, err)
	}
}
