package server

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

func (s *Server) routes() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.UseRawPath = true // a user's id may hold an escaped slash
	e.UnescapePathValues = true
	e.HandleMethodNotAllowed = true
	e.ContextWithFallback = false
	e.Use(s.access, s.recoverer, s.cors)
	e.NoRoute(func(g *gin.Context) { s.problem(g, http.StatusNotFound, "not_found") })
	e.NoMethod(func(g *gin.Context) { s.problem(g, http.StatusMethodNotAllowed, "method_not_allowed") })

	e.GET("/ws", s.connect)
	e.GET("/healthz", s.alive)
	e.GET("/readyz", s.ready)
	e.GET("/", s.home)
	if s.cfg.Page != nil { // its files stand below a path of their own
		e.GET("/app/*file", gin.WrapH(s.cfg.Page))
		e.HEAD("/app/*file", gin.WrapH(s.cfg.Page))
	}
	e.GET("/users", s.users)
	e.GET("/users/:id", s.user)
	e.GET("/users/:id/turns", s.turns)
	e.GET("/users/:id/recordings/:name", s.recording)
	e.HEAD("/users/:id/recordings/:name", s.recording)
	e.DELETE("/users/:id", s.deleteUser)
	e.GET("/users/:id/export", s.export)

	// The seed's step-by-step run, and its whole run.
	e.GET("/atot", s.atot)
	e.GET("/ttot", s.ttot)
	e.POST("/process-audio", s.processAudio)
	e.POST("/run-full-pipeline", s.runPipeline)

	e.GET("/openapi.json", s.openapi)
	e.GET("/docs", s.docs)
	return e
}

// access logs requests at debug level, by route: a path or a query may hold what
// is private.
func (s *Server) access(g *gin.Context) {
	began := time.Now()
	g.Next()
	s.log.DebugContext(g.Request.Context(), "request",
		"method", g.Request.Method, "route", g.FullPath(), "status", g.Writer.Status(),
		"bytes", max(g.Writer.Size(), 0), "took_ms", time.Since(began).Milliseconds())
}
