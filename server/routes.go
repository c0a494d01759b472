package server

import (
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// routes makes the router. A route asks for a credential unless publicRoutes has it.
func (s *Server) routes() (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.UseRawPath = true // a user's id may hold an escaped slash
	e.UnescapePathValues = true
	e.HandleMethodNotAllowed = true
	e.ContextWithFallback = false
	e.RemoteIPHeaders = []string{"X-Forwarded-For"} // no other: a proxy that sets this one passes others on as a client wrote them
	if err := e.SetTrustedProxies(s.cfg.TrustedProxies); err != nil {
		return nil, fmt.Errorf("server: a trusted proxy is no address and no network: %w", err)
	}
	e.Use(s.access, s.recoverer, s.headers, s.guard, s.cors, s.authenticate)
	e.NoRoute(func(g *gin.Context) { s.problem(g, http.StatusNotFound, "not_found") })
	e.NoMethod(func(g *gin.Context) { s.problem(g, http.StatusMethodNotAllowed, "method_not_allowed") })

	e.GET("/ws", s.admitSession, s.connect)
	e.GET("/healthz", s.alive)
	e.GET("/readyz", s.ready)
	if s.cfg.Metrics != nil {
		e.GET("/metrics", s.measured, gin.WrapH(s.cfg.Metrics))
	}
	if s.cfg.Profiles != nil {
		e.GET("/debug/pprof/*profile", s.measured, gin.WrapH(s.cfg.Profiles))
	}
	e.GET("/", s.home)
	if s.cfg.Page != nil { // its files stand below a path of their own
		e.GET("/app/*file", gin.WrapH(s.cfg.Page))
		e.HEAD("/app/*file", gin.WrapH(s.cfg.Page))
	}
	e.GET("/whoami", s.whoami)
	e.POST("/tokens", s.makeToken)
	e.GET("/users", s.users)
	user := e.Group("/users/:id", s.ofUser)
	user.GET("", s.user)
	user.DELETE("", s.deleteUser)
	user.GET("/turns", s.turns)
	user.GET("/recordings/:name", s.recording)
	user.HEAD("/recordings/:name", s.recording)
	user.GET("/export", s.export)

	// The seed's step-by-step run, and its whole run.
	e.GET("/atot", s.admit, s.atot)
	e.GET("/ttot", s.admit, s.ttot)
	e.POST("/process-audio", s.admit, s.processAudio)
	e.POST("/run-full-pipeline", s.admit, s.runPipeline)

	s.v1Routes(e)

	e.GET("/openapi.json", s.openapi)
	e.GET("/docs", s.docs)
	return e, nil
}

// access logs requests at debug level, by route: a path or a query may hold what
// is private.
func (s *Server) access(g *gin.Context) {
	began := time.Now()
	g.Next()
	if !g.Writer.Written() || g.Writer.Status() != http.StatusSwitchingProtocols {
		s.cfg.Observer.Answered(g.Request.Method, g.FullPath(), g.Writer.Status(), time.Since(began))
	}
	s.log.DebugContext(g.Request.Context(), "request",
		"method", g.Request.Method, "route", g.FullPath(), "status", g.Writer.Status(),
		"bytes", max(g.Writer.Size(), 0), "took_ms", time.Since(began).Milliseconds())
}
