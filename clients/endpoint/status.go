package endpoint

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode"

	"sori/stage"
)

// StatusError is an HTTP status that is no success, or an error that an engine
// reported inside its answer.
type StatusError struct {
	Status int    // 0 when an answer that began as a success held an error without one
	Reason string // what the engine says about it, one short line; may be empty
	// Code is what an engine of sori's calls the refusal, one of package stage's
	// that say more than the status does; "" for all else.
	Code string
}

func (e *StatusError) Error() string {
	if e.Status == 0 {
		return "reported by the engine: " + e.Reason
	}
	if e.Reason == "" {
		return fmt.Sprintf("HTTP %d", e.Status)
	}
	return fmt.Sprintf("HTTP %d: %s", e.Status, e.Reason)
}

// maxErrorBody is how much is read of an answer that explains an error.
const maxErrorBody = 64 << 10

// statusError reads what an engine says about a call that it refused.
func (c *Caller) statusError(status int, a *Answer) error {
	a.left = maxErrorBody
	a.Within(2 * time.Second)
	body, err := io.ReadAll(a)
	if gaveUp, _ := a.why(); gaveUp != nil && err != nil {
		return err
	}
	// The status alone is enough where the rest of the answer does not come.
	return c.refusal(&StatusError{Status: status, Reason: c.redact(Reason(body)), Code: codeIn(body)})
}

// codeIn finds the code by which an engine of sori's refuses what another engine
// may well take.
func codeIn(body []byte) string {
	var answer struct {
		Error struct {
			Code any `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return ""
	}
	switch code, _ := answer.Error.Code.(string); code {
	case stage.CodeLanguage, stage.CodeNoSpeech, stage.CodeEmptyReply:
		return code
	}
	return ""
}

// redact takes the key out of what an engine says.
func (c *Caller) redact(s string) string {
	if key := c.key(); key != "" {
		s = strings.ReplaceAll(s, key, "[key]")
	}
	return s
}

// refusal gives the stage error for a status.
func (c *Caller) refusal(e *StatusError) *stage.Error {
	// What an engine says about our input helps a client; what it says when it
	// breaks (a stack trace, say) is for the log only.
	because := "."
	if e.Reason != "" {
		because = ": " + strings.TrimRight(e.Reason, ".") + "."
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		if e.Code != "" {
			return c.failure(e.Code, "can't work on this input"+because, e)
		}
		return c.failure(stage.CodeRejected, fmt.Sprintf("refuses this input (HTTP %d)%s", e.Status, because), e)
	case http.StatusUnauthorized, http.StatusForbidden:
		// No reason here: it may show a part of the key.
		return c.failure(stage.CodeUnauthorized, fmt.Sprintf("refuses sori's key: set %s, or name its variable in the URL with key_env.", "SORI_"+strings.ToUpper(string(c.Stage))+"_KEY"), &StatusError{Status: e.Status})
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return c.failure(stage.CodeBusy, fmt.Sprintf("has too much to do or is still starting (HTTP %d): try again in a moment.", e.Status), e)
	case http.StatusNotFound:
		return c.failure(stage.CodeStatus, fmt.Sprintf("does not know what it was asked for (HTTP 404): check the path and the model in --%s%s", c.Stage, because), e)
	}
	if e.Status == 0 {
		return c.failure(stage.CodeStatus, "reported an error instead of an answer.", e)
	}
	return c.failure(stage.CodeStatus, fmt.Sprintf("failed with HTTP %d.", e.Status), e)
}

// Reason finds what an engine says about an error: the message in one of the
// usual shapes of JSON, or a short plain text. Input that an engine repeats in
// its answer (as FastAPI does) is left out. It is "" when nothing is fit to be
// shown.
func Reason(body []byte) string {
	text := strings.TrimSpace(string(body))
	if strings.HasPrefix(text, "{") {
		return reasonJSON(body)
	}
	if text == "" || strings.HasPrefix(text, "<") || strings.HasPrefix(text, "[") {
		return ""
	}
	return oneLine(text)
}

func reasonJSON(body []byte) string {
	var shapes struct {
		Error   json.RawMessage `json:"error"`
		Detail  json.RawMessage `json:"detail"`
		Message json.RawMessage `json:"message"`
	}
	if json.Unmarshal(body, &shapes) != nil {
		return ""
	}
	for _, raw := range []json.RawMessage{shapes.Error, shapes.Detail, shapes.Message} {
		if s := messageOf(raw); s != "" {
			return oneLine(s)
		}
	}
	return ""
}

// messageOf reads "text", {"message": "text"} and FastAPI's [{"loc": […], "msg": "text"}].
func messageOf(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var object struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(raw, &object) == nil && object.Message != "" {
		return object.Message
	}
	var list []struct {
		Loc []any  `json:"loc"`
		Msg string `json:"msg"`
	}
	if json.Unmarshal(raw, &list) == nil && len(list) > 0 && list[0].Msg != "" {
		if n := len(list[0].Loc); n > 0 {
			return fmt.Sprintf("%v: %s", list[0].Loc[n-1], list[0].Msg)
		}
		return list[0].Msg
	}
	return ""
}

// oneLine makes at most 200 characters of text fit for a message.
func oneLine(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, ""), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " ")
	if runes := []rune(s); len(runes) > 200 {
		s = string(runes[:200]) + "…"
	}
	return s
}

// Reported reads an error object that an engine put into an answer that began
// as a success, such as {"message": "…", "code": 503} or a plain string. It is
// nil where raw holds none. [Caller.Explain] adds which engine it was.
func Reported(raw json.RawMessage) error {
	switch string(raw) {
	case "", "null", "false", `""`, "{}", "[]":
		return nil
	}
	e := &StatusError{Reason: oneLine(messageOf(raw))}
	var object struct {
		Code   json.RawMessage `json:"code"`
		Status json.RawMessage `json:"status"`
	}
	if json.Unmarshal(raw, &object) == nil {
		for _, number := range []json.RawMessage{object.Code, object.Status} {
			var n int
			if json.Unmarshal(number, &n) == nil && n >= 400 && n <= 599 {
				e.Status = n
				break
			}
		}
	}
	return e
}
