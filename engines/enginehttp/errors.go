package enginehttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"sori/audio"
	"sori/stage"
)

// requestError is a request that can't be served, as its client is told.
type requestError struct {
	status  int
	code    string // for machines
	message string // for people
	param   string // the field that is meant, "" for none
	err     error  // for the log; may be nil
}

func (e *requestError) Error() string {
	if e.err != nil {
		return fmt.Sprintf("HTTP %d %s: %v", e.status, e.code, e.err)
	}
	return fmt.Sprintf("HTTP %d %s: %s", e.status, e.code, e.message)
}

func (e *requestError) Unwrap() error { return e.err }

// errBusy says that too many requests wait.
var errBusy = &requestError{
	status:  http.StatusServiceUnavailable,
	code:    stage.CodeBusy,
	message: "The engine has too much to do. Try again in a moment.",
}

func badRequest(param, format string, args ...any) error {
	return &requestError{status: http.StatusBadRequest, code: stage.CodeRejected, message: fmt.Sprintf(format, args...), param: param}
}

func tooLarge(limit int64) error {
	return &requestError{
		status:  http.StatusRequestEntityTooLarge,
		code:    stage.CodeRejected,
		message: fmt.Sprintf("The upload is too large: at most %d MiB are taken.", limit>>20),
	}
}

// asRequestError says what any error means for the client.
func asRequestError(name stage.Name, err error) *requestError {
	if e, ok := errors.AsType[*requestError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return asRequestError(name, tooLarge(e.Limit))
	}
	if e, ok := errors.AsType[*audio.WAVError](err); ok {
		return &requestError{status: http.StatusBadRequest, code: e.Code, message: e.Message, param: "file", err: err}
	}
	e := stage.AsError(name, err)
	return &requestError{status: statusOf(e.Code), code: e.Code, message: e.Message, err: err}
}

// statusOf gives the HTTP status for a stage's code.
func statusOf(code string) int {
	switch code {
	case stage.CodeRejected:
		return http.StatusBadRequest
	case stage.CodeLanguage, stage.CodeNoSpeech, stage.CodeEmptyReply:
		return http.StatusUnprocessableEntity
	case stage.CodeBusy, stage.CodeNotSet:
		return http.StatusServiceUnavailable
	case stage.CodeTimeout:
		return http.StatusGatewayTimeout
	case stage.CodeUnreachable, stage.CodeStatus, stage.CodeBadReply, stage.CodeCutOff, stage.CodeUnauthorized:
		return http.StatusBadGateway
	}
	return http.StatusInternalServerError
}

// errorBody is what a client gets; detail is where the seed's framework puts it.
type errorBody struct {
	Error  errorObject `json:"error"`
	Detail string      `json:"detail"`
}

type errorObject struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Code    string  `json:"code"`
	Param   *string `json:"param"`
}

func (e *requestError) body() errorBody {
	kind := "server_error"
	if e.status < http.StatusInternalServerError {
		kind = "invalid_request_error"
	}
	var param *string
	if e.param != "" {
		param = &e.param
	}
	return errorBody{Error: errorObject{Message: e.message, Type: kind, Code: e.code, Param: param}, Detail: e.message}
}

// fail answers with an error, and logs one that is the engine's.
func (s *service) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := asRequestError(s.name, err)
	left := r.Context().Err() != nil && !errors.Is(context.Cause(r.Context()), errTimeout)
	if left && e.status >= http.StatusInternalServerError {
		panic(http.ErrAbortHandler) // the engine was stopped, and nobody is there to read why
	}
	if e.status >= http.StatusInternalServerError {
		s.log.WarnContext(r.Context(), "the engine did not serve a request", keyCode, e.code, keyError, err.Error())
	}
	if e.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	if e.status == http.StatusRequestEntityTooLarge || e.status == http.StatusRequestTimeout {
		w.Header().Set("Connection", "close") // the rest of the body is not read
	}
	writeJSON(w, e.status, e.body())
}

// breakOff ends a reply that began, so that the client sees that it is cut.
func (s *service) breakOff(r *http.Request, err error) {
	if r.Context().Err() == nil {
		s.log.WarnContext(r.Context(), "the engine broke off a reply", keyCode, asRequestError(s.name, err).code, keyError, err.Error())
	}
	panic(http.ErrAbortHandler)
}

// writeJSON answers with JSON. An error of writing is the client's leaving.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // what is written here are plain structs
		panic(fmt.Sprintf("enginehttp: encode an answer: %v", err))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}
