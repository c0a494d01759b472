package server

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"sori/stage"
)

const (
	checkTimeout = 2 * time.Second // of one check
	checkCache   = 5 * time.Second // how long its result is good
)

// health asks the parts of sori how they are, each at most once at a time and
// not more often than every checkCache.
type health struct {
	parts []*checked
}

type checked struct {
	check Check

	mu   sync.Mutex // held while the part is asked, so that others wait for the answer
	last part
	at   time.Time
}

// part is what /readyz says about one part.
type part struct {
	Name     string  `json:"name"`
	OK       bool    `json:"ok"`
	Required bool    `json:"required"`
	TookMS   float64 `json:"took_ms"`
	Error    string  `json:"error,omitempty"`
	Warning  string  `json:"warning,omitempty"` // it works, but not as it should
	Load     *load   `json:"load,omitempty"`
}

// load is what /readyz says about how much a stage has to do.
type load struct {
	Engines int      `json:"engines"`
	Resting []string `json:"resting"`
	Serves  string   `json:"serves"`
	Waiting int      `json:"waiting"`
	FirstMS float64  `json:"first_ms"`
}

// readiness is the body of /readyz.
type readiness struct {
	Ready    bool   `json:"ready"`
	Starting bool   `json:"starting"`
	Stopping bool   `json:"stopping"`
	Sessions int    `json:"sessions"`
	Parts    []part `json:"parts"`
}

func newHealth(checks []Check) *health {
	h := &health{}
	for _, c := range checks {
		h.parts = append(h.parts, &checked{check: c})
	}
	return h
}

// ask gives the state of all parts, in their order.
func (h *health) ask(ctx context.Context) []part {
	all := make([]part, len(h.parts))
	var wg sync.WaitGroup
	for i, p := range h.parts {
		wg.Go(func() { all[i] = p.ask(ctx) })
	}
	wg.Wait()
	for i, p := range h.parts {
		if p.check.Warning != nil {
			all[i].Warning = p.check.Warning()
		}
		if p.check.Load != nil {
			all[i].weigh(p.check.Load())
		}
	}
	return all
}

func (c *checked) ask(ctx context.Context) part {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() && time.Since(c.at) < checkCache {
		return c.last
	}
	// The answer is for everybody who asks, not only for this caller.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
	defer cancel()
	began := time.Now()
	err := c.check.Check(ctx)
	c.last = part{
		Name: c.check.Name, OK: err == nil, Required: c.check.Required,
		TookMS: float64(time.Since(began).Microseconds()) / 1000,
	}
	if err != nil {
		c.last.Error = reason(err)
	}
	c.at = time.Now()
	return c.last
}

// weigh adds how much a stage has to do. One of which every engine keeps failing
// is not well, whatever its engines say of themselves.
func (p *part) weigh(l Load) {
	p.Load = &load{
		Engines: l.Engines, Resting: append([]string{}, l.Resting...), Serves: l.Serves,
		Waiting: l.Waiting, FirstMS: float64(l.First.Microseconds()) / 1000,
	}
	if p.OK && l.Engines > 0 && len(l.Resting) == l.Engines {
		p.OK, p.Error = false, "engine_failing: Every engine failed several times in a row."
	}
}

// reason says what is wrong without addresses and secrets, which an error's text
// may hold.
func reason(err error) string {
	if e, ok := errors.AsType[*stage.Error](err); ok {
		return e.Code + ": " + e.Message
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	return "not available"
}

// alive says that the process answers.
func (s *Server) alive(g *gin.Context) { s.json(g, map[string]bool{"ok": true}) }

// started says whether everything has loaded.
func (s *Server) started() bool {
	if s.cfg.Started == nil {
		return true
	}
	select {
	case <-s.cfg.Started:
		return true
	default:
		return false
	}
}

// ready says whether sori can serve, and how each part is.
func (s *Server) ready(g *gin.Context) {
	r := readiness{
		Ready:    !s.stopping.Load() && s.started(),
		Starting: !s.started(),
		Stopping: s.stopping.Load(),
		Sessions: s.registry.count(),
		Parts:    s.health.ask(g.Request.Context()),
	}
	for _, p := range r.Parts {
		if p.Required && !p.OK {
			r.Ready = false
		}
	}
	status := http.StatusOK
	if !r.Ready {
		status = http.StatusServiceUnavailable
	}
	g.Header("Cache-Control", "no-store")
	s.write(g, status, "application/json", r)
}
