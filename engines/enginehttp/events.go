package enginehttp

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// events writes a reply as server-sent events. The header goes out with the
// first event, so that until then an error can still have a status.
type events struct {
	w     http.ResponseWriter
	began bool
}

func newEvents(w http.ResponseWriter) *events { return &events{w: w} }

func (e *events) send(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	return e.sendRaw(data)
}

func (e *events) sendRaw(data []byte) error {
	if !e.began {
		e.began = true
		h := e.w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Cache-Control", "no-cache")
		h.Set("X-Accel-Buffering", "no")
	}
	line := make([]byte, 0, len(data)+8)
	line = append(line, "data: "...)
	line = append(line, data...)
	return send(e.w, append(line, "\n\n"...))
}
