package ttot

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"sori/clients/endpoint"
)

// toolList is the tools as they are sent; empty for none.
type toolList []byte

// tools gives the tools to send for d: none where the engine refused them
// lately.
func (e *openAI) tools(d *dialogue) (toolList, error) {
	if !d.mayCall() {
		return nil, nil
	}
	type described struct {
		Name        string          `json:"name"`
		Description string          `json:"description,omitempty"`
		Parameters  json.RawMessage `json:"parameters"`
	}
	type tool struct {
		Type     string    `json:"type"`
		Function described `json:"function"`
	}
	var all []tool
	for _, t := range d.prompt.Tools {
		parameters := t.Parameters
		if len(parameters) == 0 {
			parameters = json.RawMessage(`{"type":"object","properties":{}}`)
		}
		all = append(all, tool{"function", described{t.Name, t.Description, parameters}})
	}
	list, err := json.Marshal(all)
	if err != nil {
		return nil, e.call.Explain(fmt.Errorf("encode the tools: %w", err))
	}
	if e.refused.has(list, time.Now()) {
		return nil, nil
	}
	return list, nil
}

// refusesTools says whether an engine refuses a call for its tools. They differ
// in the status: Ollama and vLLM say 400, OpenRouter 404, FastAPI 422, and
// llama.cpp 500.
func refusesTools(err error) bool {
	e, ok := errors.AsType[*endpoint.StatusError](err)
	if !ok {
		return false
	}
	reason := strings.ToLower(e.Reason)
	switch e.Status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return strings.Contains(reason, "tool") || strings.Contains(reason, "function")
	case http.StatusNotFound, http.StatusInternalServerError, http.StatusNotImplemented:
		return strings.Contains(reason, "tool")
	}
	return false
}

// clumsy says whether err is a call that the model got wrong, which says nothing
// about the next one.
func clumsy(err error) bool {
	e, ok := errors.AsType[*endpoint.StatusError](err)
	return ok && strings.Contains(strings.ToLower(e.Reason), "failed to")
}

const (
	refusedFor = 10 * time.Minute // then the tools are tried again: the engine may be another one by now
	maxRefused = 64
)

// refusals remembers which lists of tools an engine refused. It is by list, not
// for the engine as a whole, since clients bring tools of their own: a bad one
// must not take the others' away.
type refusals struct {
	mu    sync.Mutex
	until map[[sha256.Size]byte]time.Time
}

func (r *refusals) note(list toolList, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.until) >= maxRefused || r.until == nil {
		r.until = map[[sha256.Size]byte]time.Time{}
	}
	r.until[sha256.Sum256(list)] = now.Add(refusedFor)
}

func (r *refusals) has(list toolList, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.until) > 0 && now.Before(r.until[sha256.Sum256(list)])
}
