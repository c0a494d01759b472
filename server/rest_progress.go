package server

import (
	"context"
	"errors"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"sori/stage"
)

// codeOtherUser is the code of a service's result that belongs to another user.
const codeOtherUser = "other_user"

// progress is told what happens in a run.
type progress func(step stage.Name, e stepJSON)

func silent(stage.Name, stepJSON) {}

// stepJSON is what a run's stream says about a step.
type stepJSON struct {
	Status  stepStatus `json:"status"`
	Engine  string     `json:"engine,omitempty"`  // with started
	Text    string     `json:"text,omitempty"`    // with partial (atot: so far; ttot: the next piece; tts: the clause) and done
	TookMS  float64    `json:"took_ms,omitempty"` // with done
	Code    string     `json:"code,omitempty"`    // with failed
	Message string     `json:"message,omitempty"` // with failed
}

type stepStatus string

const (
	stepStarted stepStatus = "started"
	stepPartial stepStatus = "partial"
	stepDone    stepStatus = "done"
	stepFailed  stepStatus = "failed"
)

// stepDone tells of a step that went well, in the stream and in the log.
func (s *Server) stepDone(ctx context.Context, name stage.Name, text string, began time.Time, tell progress) {
	took := time.Since(began)
	args := []any{"stage", string(name), "runes", utf8.RuneCountInString(text), "took_ms", took.Milliseconds()}
	if s.cfg.LogTexts {
		args = append(args, "text", text)
	}
	s.log.InfoContext(ctx, "stage done", args...)
	tell(name, stepJSON{Status: stepDone, Text: text, TookMS: float64(took.Microseconds()) / 1000})
}

// stepFailed tells of a step that failed and gives the error as a stage's.
func (s *Server) stepFailed(ctx context.Context, name stage.Name, err error, tell progress) error {
	e := stage.AsError(name, err)
	s.log.WarnContext(ctx, "stage failed", "stage", string(name), "code", e.Code, "error", e)
	tell(name, stepJSON{Status: stepFailed, Code: e.Code, Message: e.Message})
	return e
}

// failStep answers with the problem that a step's error is.
func (s *Server) failStep(g *gin.Context, err error) {
	e, ok := errors.AsType[*stage.Error](err)
	if !ok || g.Request.Context().Err() != nil {
		s.fail(g, err)
		return
	}
	status := statusOf(e.Code)
	if status == http.StatusServiceUnavailable {
		g.Header("Retry-After", retryAfter)
	}
	if isV1(g.Request) {
		s.v1Fail(g, status, e.Code, "", s.stageText(languageOf(g.Request), e))
		return
	}
	s.write(g, status, problemType, problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status,
		Detail: s.stageText(languageOf(g.Request), e), Code: e.Code,
	})
	g.Abort()
}

// statusOf is the HTTP status of a stage's code.
func statusOf(code string) int {
	switch code {
	case stage.CodeTimeout:
		return http.StatusGatewayTimeout
	case stage.CodeBusy, stage.CodeNotSet:
		return http.StatusServiceUnavailable
	case stage.CodeNoSpeech, stage.CodeLanguage, stage.CodeRejected:
		return http.StatusUnprocessableEntity
	case codeOtherUser:
		return http.StatusConflict
	case stage.CodeInternal:
		return http.StatusInternalServerError
	}
	return http.StatusBadGateway
}

// stageText is the text of a stage's error in the caller's language. The English
// one is the engine's own, which says more.
func (s *Server) stageText(accept string, e *stage.Error) string {
	if !s.words.korean(accept) && e.Message != "" {
		return e.Message
	}
	return s.words.stage(accept, e.Stage, e.Code)
}
