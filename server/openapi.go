package server

import (
	_ "embed"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/goccy/go-yaml"
)

//go:embed openapi.yaml
var openapiYAML []byte

//go:embed docs.html
var docsPage []byte

// openapiJSON is the specification as /openapi.json gives it.
func openapiJSON() ([]byte, error) { return yaml.YAMLToJSON(openapiYAML) }

func (s *Server) openapi(g *gin.Context) {
	spec, err := s.spec()
	if err != nil {
		s.fail(g, fmt.Errorf("the specification can't be read: %w", err))
		return
	}
	g.Data(http.StatusOK, "application/json", spec)
}

// docs is the specification for people. The page needs nothing but /openapi.json.
func (s *Server) docs(g *gin.Context) {
	g.Header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'")
	g.Data(http.StatusOK, "text/html; charset=utf-8", docsPage)
}
