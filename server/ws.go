package server

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/coder/websocket"
	"github.com/gin-gonic/gin"

	"sori/auth"
)

// connect takes a WebSocket handshake, and leaves the handler: the connection
// goes on in its own goroutine, which the registry waits for, so that the
// handler's memory is not held for as long as a session lasts.
func (s *Server) connect(g *gin.Context) {
	if !strings.EqualFold(g.GetHeader("Upgrade"), "websocket") {
		g.Header("Upgrade", "websocket")
		s.problem(g, http.StatusUpgradeRequired, "upgrade_required")
		return
	}
	if !s.originAllowed(g.Request) {
		s.cfg.Observer.Refused("origin_not_allowed")
		s.problem(g, http.StatusForbidden, "origin_not_allowed")
		return
	}
	leave, ok := s.enter(g)
	if !ok {
		return
	}
	if !s.registry.reserve() {
		leave()
		s.full(g)
		return
	}
	w := s.hijack(g.Writer)
	ws, err := websocket.Accept(w, g.Request, &websocket.AcceptOptions{
		OriginPatterns:  s.cfg.Origins,
		Subprotocols:    []string{auth.Subprotocol},    // never what a client offers beside it: that is its credential
		CompressionMode: websocket.CompressionDisabled, // audio does not compress, and each session would pay memory
		OnPongReceived:  w.conn.pings.pong,
	})
	if err != nil {
		leave()
		s.registry.release(nil)
		s.log.Debug("handshake refused", "error", err)
		return
	}
	who := principal(g)
	c := s.newConn(ws, w.conn, &who)
	c.returns = g.Query(resumeHint) != ""
	if s.words.korean(languageOf(g.Request)) {
		c.words = s.words
	}
	s.registry.add(c)
	go func() {
		defer leave()
		defer s.registry.release(c)
		c.run()
	}()
}

func (s *Server) originConfigured(u *url.URL) bool {
	for _, pattern := range s.cfg.Origins {
		name := u.Host
		if strings.Contains(pattern, "://") {
			name = u.Scheme + "://" + u.Host
		}
		if ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(name)); err == nil && ok {
			return true
		}
	}
	return false
}

// checkOrigins finds patterns that can't be matched with.
func checkOrigins(patterns []string) error {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil {
			return fmt.Errorf("server: the origin pattern %q is not valid: %w", p, err)
		}
	}
	return nil
}
