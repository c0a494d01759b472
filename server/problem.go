package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/gin-gonic/gin"

	"sori/history"
)

// retryAfter is how many seconds a client that was refused for now should wait.
const retryAfter = "5"

// statusClientGone stands in the log for an answer that nobody waits for.
const statusClientGone = 499

// problemType is the media type of an error's body.
const problemType = "application/problem+json"

// problem is the body of an error: RFC 9457, with a code for machines. Detail is
// also where the seed's clients look.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
}

// problem answers with an error. The text is the code's, in the caller's
// language, with args in it.
func (s *Server) problem(g *gin.Context, status int, code string, args ...any) {
	if isV1(g.Request) {
		s.v1Fail(g, status, code, "", s.words.say(languageOf(g.Request), code, args...))
		return
	}
	p := problem{
		Type:   "about:blank",
		Title:  http.StatusText(status),
		Status: status,
		Detail: s.words.say(languageOf(g.Request), code, args...),
		Code:   code,
	}
	s.write(g, status, problemType, p)
	g.Abort()
}

// fail answers with the problem that err is.
func (s *Server) fail(g *gin.Context, err error) {
	switch {
	case wasEnded(g):
		s.problem(g, http.StatusServiceUnavailable, "turn_cancelled")
	case g.Request.Context().Err() != nil:
		s.log.Debug("client went away", "route", g.FullPath(), "error", err)
		g.AbortWithStatus(statusClientGone)
	case errors.Is(err, history.ErrNoUser):
		s.problem(g, http.StatusNotFound, "user_not_found")
	case errors.Is(err, history.ErrUnavailable):
		s.log.Warn("store not available", "route", g.FullPath(), "error", err)
		g.Header("Retry-After", retryAfter)
		s.problem(g, http.StatusServiceUnavailable, "store_unavailable")
	default:
		s.log.Error("request failed", "route", g.FullPath(), "error", err)
		s.problem(g, http.StatusInternalServerError, "internal")
	}
}

// recoverer answers 500 for a handler that panicked, and says why in the log.
func (s *Server) recoverer(g *gin.Context) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(p) // how a handler cuts the connection
		}
		s.log.Error("handler panicked", "route", g.FullPath(), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		if !g.Writer.Written() {
			s.problem(g, http.StatusInternalServerError, "internal")
		}
		g.Abort()
	}()
	g.Next()
}

// write answers with v as JSON.
func (s *Server) write(g *gin.Context, status int, contentType string, v any) {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		s.log.Error("answer can't be written", "route", g.FullPath(), "error", err)
		g.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	g.Data(status, contentType, body.Bytes())
}

func (s *Server) json(g *gin.Context, v any) { s.write(g, http.StatusOK, "application/json", v) }
