package server

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"
)

// pipelineModel is the name of the whole pipeline: what a session speaks with.
const pipelineModel = "sori"

type modelList struct {
	Object string      `json:"object"`
	Data   []modelJSON `json:"data"`
}

type modelJSON struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"` // Unix time, s
	OwnedBy string `json:"owned_by"`
}

// modelsOf are the pipeline and the engines that serve its stages.
func (s *Server) modelsOf() []modelJSON {
	names := []string{pipelineModel}
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if e := s.cfg.Engines; e != nil {
		if e.ATOT != nil {
			add(e.ATOT.Engine())
		}
		if e.TTOT != nil {
			add(e.TTOT.Engine())
		}
		if e.TTS != nil {
			add(e.TTS.Engine())
		}
	}
	all := make([]modelJSON, len(names))
	for i, name := range names {
		all[i] = modelJSON{ID: name, Object: "model", Created: s.began.Unix(), OwnedBy: "sori"}
	}
	return all
}

// models is GET /v1/models.
func (s *Server) models(g *gin.Context) { s.json(g, modelList{"list", s.modelsOf()}) }

// model is GET /v1/models/{id}.
func (s *Server) model(g *gin.Context) {
	all := s.modelsOf()
	i := slices.IndexFunc(all, func(m modelJSON) bool { return m.ID == g.Param("id") })
	if i < 0 {
		s.problem(g, http.StatusNotFound, "model_not_found")
		return
	}
	s.json(g, all[i])
}

// usageJSON counts what a call took, as sori counts.
type usageJSON struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Total      int `json:"total_tokens"`
}
