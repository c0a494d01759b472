package server

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"sori/auth"
	"sori/realtime"
)

const (
	maxSecretBody     = 256 << 10 // bytes
	defaultSecretLife = 10 * time.Minute
)

// secretAsked is the body of POST /v1/realtime/client_secrets.
type secretAsked struct {
	ExpiresAfter *struct {
		Anchor  string `json:"anchor"`
		Seconds *int64 `json:"seconds"`
	} `json:"expires_after"`
	Session json.RawMessage `json:"session"`
}

// secretJSON is the answer to it.
type secretJSON struct {
	Value     string           `json:"value"`
	ExpiresAt int64            `json:"expires_at"` // seconds since 1970
	Session   realtime.Session `json:"session"`
}

// clientSecret makes a session token whose sessions at /v1/realtime begin with a
// configuration.
func (s *Server) clientSecret(g *gin.Context) {
	var body secretAsked
	if err := s.readV1(g, maxSecretBody, &body); err != nil && !errors.Is(err, io.EOF) {
		s.failV1(g, err)
		return
	}
	life := defaultSecretLife
	if e := body.ExpiresAfter; e != nil {
		if e.Anchor != "" && e.Anchor != "created_at" {
			s.v1Fail(g, http.StatusBadRequest, realtime.CodeInvalidValue, "expires_after.anchor", "The anchor is 'created_at'.")
			return
		}
		if e.Seconds != nil {
			if *e.Seconds < int64(auth.MinTokenLife.Seconds()) || *e.Seconds > int64(auth.MaxTokenLife.Seconds()) {
				s.v1Fail(g, http.StatusBadRequest, realtime.CodeInvalidValue, "expires_after.seconds", "A client secret lives 10 to 7200 seconds.")
				return
			}
			life = time.Duration(*e.Seconds) * time.Second
		}
	}
	var kind struct {
		Type string `json:"type"`
	}
	configured := realtime.NewSession(realtime.Conversation)
	if len(body.Session) > 0 {
		if err := json.Unmarshal(body.Session, &kind); err == nil && kind.Type == realtime.Transcription {
			configured = realtime.NewSession(realtime.Transcription)
		}
		applied, wrong := configured.Apply(body.Session)
		if wrong != nil {
			s.v1Fail(g, http.StatusBadRequest, wrong.Code, wrong.Param, wrong.Message)
			return
		}
		configured = applied
	}
	if s.cfg.Auth == nil {
		s.problem(g, http.StatusNotImplemented, "no_tokens")
		return
	}
	p := principal(g)
	value, expires, err := s.cfg.Auth.MakeToken(g.Request.Context(), p, s.userOf(p), life, body.Session)
	if err != nil {
		s.failToken(g, err)
		return
	}
	s.log.Info("session token made", "audit", true, "actor", p.Owner(), "key", p.KeyID, "user", s.userOf(p))
	g.Header("Cache-Control", "no-store")
	s.write(g, http.StatusOK, "application/json", secretJSON{value, expires.Unix(), configured})
}
