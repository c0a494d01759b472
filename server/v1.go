package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sori/protocol"
	"sori/quota"
	"sori/session"
	"sori/stage"
)

// v1Prefix is where the OpenAI-compatible surface begins. Errors there have the
// shape that its clients read.
const v1Prefix = "/v1/"

// Engines serve the OpenAI-compatible calls that ask for one stage alone. A
// stage that is nil is answered with engine_not_set.
type Engines struct {
	ATOT session.Transcriber
	TTOT session.Responder
	TTS  session.Synthesizer
	// NewDetector makes what finds speech in a recording. nil: a recording goes to
	// ATOT as it is, in one piece.
	NewDetector func() (session.VoiceDetector, error)
}

const (
	v1Write    = 10 * time.Second // for one piece of a streamed answer
	maxV1Audio = 10 * time.Minute // of a recording to transcribe
)

// v1Routes are the OpenAI-compatible calls.
func (s *Server) v1Routes(e *gin.Engine) {
	e.GET("/v1/models", s.models)
	e.GET("/v1/models/:id", s.model)
	e.POST("/v1/audio/transcriptions", s.admit, s.transcriptions)
	e.POST("/v1/audio/speech", s.admit, s.speech)
	e.POST("/v1/chat/completions", s.admit, s.completions)
	e.GET("/v1/realtime", s.admit, s.realtime)
	e.POST("/v1/realtime/client_secrets", s.clientSecret)
}

// v1Error is the body of an error of the OpenAI-compatible surface.
type v1Error struct {
	Error v1Problem `json:"error"`
}

type v1Problem struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    string  `json:"code"`
}

// isV1 says whether a request is one of the OpenAI-compatible surface.
func isV1(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, v1Prefix) }

// v1Fail answers with an error in OpenAI's shape. param names the field that is
// meant, "" for none.
func (s *Server) v1Fail(g *gin.Context, status int, code, param, message string) {
	p := v1Problem{Message: message, Type: v1Type(status), Code: code}
	if param != "" {
		p.Param = &param
	}
	s.write(g, status, "application/json", v1Error{p})
	g.Abort()
}

// v1Type is OpenAI's class of an error.
func v1Type(status int) string {
	switch {
	case status == http.StatusTooManyRequests:
		return "rate_limit_error"
	case status >= http.StatusInternalServerError:
		return "server_error"
	}
	return "invalid_request_error"
}

// fieldError is a field of a request that can't be served.
type fieldError struct {
	param, message string
}

func (f *fieldError) Error() string { return f.param + ": " + f.message }

// failV1 answers with whatever error a call of the surface met.
func (s *Server) failV1(g *gin.Context, err error) {
	switch e := err.(type) { //nolint:errorlint // what is wrapped is a cause, and the outermost is told
	case *fieldError:
		s.v1Fail(g, http.StatusBadRequest, "invalid_value", e.param, e.message)
	case *stage.Error:
		if g.Request.Context().Err() == nil {
			s.log.WarnContext(g.Request.Context(), "stage failed", "stage", string(e.Stage), "code", e.Code, "error", e)
		}
		s.failStep(g, e)
	default:
		s.failRun(g, err)
	}
}

// readV1 reads a JSON body of the surface into v.
func (s *Server) readV1(g *gin.Context, limit int64, v any) error {
	if g.Request.ContentLength > limit {
		return &http.MaxBytesError{Limit: limit} // before any of it is read
	}
	dec := json.NewDecoder(http.MaxBytesReader(g.Writer, g.Request.Body, limit))
	if err := dec.Decode(v); err != nil {
		if isTransport(err) {
			return err
		}
		return &requestError{status: http.StatusBadRequest, code: protocol.ErrBadJSON, args: []any{"The body is not a JSON object of this call: " + jsonTrouble(err)}, err: err}
	}
	return nil
}

// jsonTrouble says what is wrong with JSON, without what stands in it.
func jsonTrouble(err error) string {
	switch e := err.(type) { //nolint:errorlint // as encoding/json gives them
	case *json.UnmarshalTypeError:
		return "the field \"" + e.Field + "\" has the wrong type."
	case *fieldError:
		return e.Error()
	}
	return "it is broken or ends too early."
}

// begin takes a place for a call, as a session would, and counts it as a turn of
// the user. The speech of the call is counted with the grant, which end closes.
func (s *Server) begin(g *gin.Context, user string) (grant *quota.Grant, end func(), ok bool) {
	if grant, ok = s.meter(g, user); !ok {
		return nil, nil, false
	}
	if !s.registry.reserve() {
		grant.Close()
		s.full(g)
		return nil, nil, false
	}
	spend(g, grant)
	// A call takes as long as its engine does. Each write has its own limit.
	allowWriting(g, 0)
	return grant, both(grant.Close, func() { s.registry.release(nil) }), true
}

// sseHeader begins a stream of events.
func sseHeader(g *gin.Context) {
	h := g.Writer.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
}

// v1Stream writes the events of an OpenAI-compatible stream: bare data lines.
type v1Stream struct {
	g     *gin.Context
	began bool
}

// send writes one event.
func (st *v1Stream) send(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return st.raw(data)
}

func (st *v1Stream) raw(data []byte) error {
	if !st.began {
		st.began = true
		sseHeader(st.g)
		st.g.Writer.WriteHeader(http.StatusOK)
	}
	allowWriting(st.g, v1Write)
	line := make([]byte, 0, len(data)+8)
	line = append(line, "data: "...)
	line = append(line, data...)
	line = append(line, "\n\n"...)
	if _, err := st.g.Writer.Write(line); err != nil {
		return err
	}
	st.g.Writer.Flush()
	allowWriting(st.g, 0)
	return nil
}

// breakOff ends an answer that began: in a stream of events with an error event,
// which OpenAI's clients throw, and in audio by cutting the connection.
func (s *Server) breakOff(g *gin.Context, st *v1Stream, err error) {
	if g.Request.Context().Err() != nil {
		return // nobody is there
	}
	e := stage.AsError("", err)
	s.log.WarnContext(g.Request.Context(), "an answer broke off", "route", g.FullPath(), "code", e.Code, "error", err)
	if st == nil {
		panic(http.ErrAbortHandler)
	}
	_ = st.send(v1Error{v1Problem{Message: s.stageText(languageOf(g.Request), e), Type: "server_error", Code: e.Code}})
}
