package enginehttp

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"time"

	"sori/stage"
)

// errTimeout is why the work on a request is given up.
var errTimeout error = &requestError{
	status:  http.StatusGatewayTimeout,
	code:    stage.CodeTimeout,
	message: "The engine did not finish in time.",
}

// service is what all services share.
type service struct {
	Config

	name    stage.Name
	engine  string // its name
	missing Missing
	gate    *gate
	log     *slog.Logger
}

// handler is the state of a whole handler.
type handler struct {
	Config

	began    time.Time
	services []*service
	engines  []string
	uploaded budget
}

// NewHandler serves the engines of c, each in both dialects.
func NewHandler(c Config) http.Handler {
	c = c.withDefaults()
	h := &handler{Config: c, began: time.Now(), uploaded: budget{left: c.MaxInFlight}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", h.health)
	mux.HandleFunc("GET /v1/models", h.models)
	var results *results
	if c.ATOT != nil {
		results = newResults(c.Results, c.ResultTTL)
		a := &atot{service: h.service(stage.ATOT, c.ATOT.Engine(), c.Recognizers), results: results, uploads: newUploads(c.Uploads), uploaded: &h.uploaded}
		mux.HandleFunc("POST /run-model", a.push)
		mux.HandleFunc("GET /run-model", a.pull)
		mux.HandleFunc("GET /static/uploads/{file}", a.upload)
		mux.HandleFunc("POST /v1/audio/transcriptions", a.transcriptions)
	}
	if c.TTOT != nil {
		t := &ttot{service: h.service(stage.TTOT, c.TTOT.Engine(), c.Streams), results: results}
		mux.HandleFunc("POST /generate", t.push)
		mux.HandleFunc("GET /generate", t.pull)
		mux.HandleFunc("POST /v1/chat/completions", t.completions)
	}
	if c.TTS != nil {
		t := &tts{service: h.service(stage.TTS, c.TTS.Engine(), c.Streams)}
		mux.HandleFunc("POST /tts", t.say)
		mux.HandleFunc("POST /v1/audio/speech", t.speech)
	}
	return mux
}

func (h *handler) service(name stage.Name, engine string, active int) *service {
	s := &service{
		Config:  h.Config,
		name:    name,
		engine:  engine,
		missing: h.Missing[name],
		gate:    newGate(active, h.Waiting, h.Wait),
		log:     h.Log.With(keyService, string(name), keyEngine, engine),
	}
	h.services = append(h.services, s)
	h.engines = append(h.engines, engine)
	return s
}

// models lists the engines as OpenAI lists its models.
func (h *handler) models(w http.ResponseWriter, _ *http.Request) {
	type model struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		Created int64  `json:"created"`
		OwnedBy string `json:"owned_by"`
	}
	list := []model{}
	for _, id := range h.engines {
		list = append(list, model{id, "model", h.began.Unix(), "sori"})
	}
	writeJSON(w, http.StatusOK, struct {
		Object string  `json:"object"`
		Data   []model `json:"data"`
	}{"list", list})
}

// work lets the request in and runs do with the time that it has. do begins to
// answer only when nothing can go wrong any more, or else breaks off.
func (s *service) work(w http.ResponseWriter, r *http.Request, do func(r *http.Request) error) {
	leave, err := s.gate.enter(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	defer leave()
	ctx, stop := context.WithTimeoutCause(r.Context(), s.Timeout, errTimeout)
	defer stop()
	tell := func(served stage.Served) {
		w.Header().Set(stage.EngineHeader, served.Engine)
		if served.Failed != "" {
			w.Header().Set(stage.FailedHeader, served.Failed)
		}
	}
	if s.missing.Err != nil && !s.missing.Beside {
		tell(stage.Served{Engine: s.engine, Failed: s.missing.Engine})
	}
	r = r.WithContext(stage.WithServed(ctx, tell))
	if err := do(r); err != nil {
		if cause := context.Cause(ctx); cause != nil && errors.Is(err, context.DeadlineExceeded) {
			err = cause
		}
		s.fail(w, r, err)
	}
}

// maxJSON bounds a request in JSON, in bytes.
const maxJSON = 1 << 20

// readJSON reads a request's body into v.
func (s *service) readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && (media == "multipart/form-data" || media == "audio/wav") {
		return &requestError{status: http.StatusUnsupportedMediaType, code: stage.CodeRejected, message: "Send JSON here (Content-Type: application/json)."}
	}
	limit := min(maxJSON, s.MaxBody)
	if r.ContentLength > limit {
		return tooLarge(limit)
	}
	lift := s.bodyDeadline(w)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return bodyError(err)
	}
	lift()
	if err := json.Unmarshal(body, v); err != nil {
		if e, ok := errors.AsType[*requestError](err); ok {
			return e
		}
		if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return badRequest(e.Field, "The field %q has the wrong type: it holds a %s.", e.Field, e.Value)
		}
		return badRequest("", "The request is no valid JSON: %v.", err)
	}
	return nil
}

// bodyDeadline gives the client so long to send its body. lift ends that; after
// an error it stays, for the server reads on to find the next request.
func (s *service) bodyDeadline(w http.ResponseWriter) (lift func()) {
	c := http.NewResponseController(w)
	// A writer that knows no deadlines (in a test) does without.
	_ = c.SetReadDeadline(time.Now().Add(s.BodyTimeout))
	return func() { _ = c.SetReadDeadline(time.Time{}) }
}

// bodyError says why a body could not be read.
func bodyError(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err
	}
	var slow interface{ Timeout() bool }
	if errors.As(err, &slow) && slow.Timeout() {
		return &requestError{status: http.StatusRequestTimeout, code: stage.CodeTimeout, message: "The upload took too long.", err: err}
	}
	return &requestError{status: http.StatusBadRequest, code: stage.CodeRejected, message: "The upload broke off.", err: err}
}

// writeTimeout bounds one write to a client that does not read.
const writeTimeout = 30 * time.Second

// send writes a piece of a reply and sees it off.
func send(w http.ResponseWriter, p []byte) error {
	c := http.NewResponseController(w)
	if err := c.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := w.Write(p); err != nil {
		return err
	}
	if err := c.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	// The deadline is the connection's, which has other requests to serve.
	if err := c.SetWriteDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}
