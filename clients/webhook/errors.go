package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
)

// Error says that a tool failed. Its text is a sentence that the model may read
// and repeat: it holds no address, no part of the answer and no secret. The
// cause is for the log.
type Error struct {
	Tool    string
	Message string
	Status  int   // of the answer, 0 when there was none
	Err     error // the cause; may be nil
}

func (e *Error) Error() string { return e.Message }

func (e *Error) Unwrap() error { return e.Err }

// LogValue gives the sentence and the cause.
func (e *Error) LogValue() slog.Value {
	if e.Err == nil {
		return slog.StringValue(e.Message)
	}
	return slog.StringValue(e.Message + " (" + e.Err.Error() + ")")
}

func (h *hook) failure(says string, err error) *Error {
	return &Error{Tool: h.tool.Name, Message: "The tool " + h.tool.Name + " " + says, Err: err}
}

// refusal explains a status that is no success.
func (h *hook) refusal(status int) *Error {
	says := "failed"
	switch {
	case status < 400:
		says = "has moved to another address, where sori does not follow"
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity:
		says = "refuses these arguments"
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		says = "refuses sori's credentials"
	case status == http.StatusNotFound, status == http.StatusGone:
		says = "has nothing of that kind"
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		says = "has too much to do now"
	}
	e := h.failure(fmt.Sprintf("%s (HTTP %d).", says, status), nil)
	e.Status = status
	return e
}

// explain puts an error of a call into words. ctx is the caller's.
func (h *hook) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("the call of the tool %s was given up: %w", h.tool.Name, ctx.Err())
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // without the URL, which may hold a key
	}
	_, isAddress := errors.AsType[*addressError](err)
	_, isDNS := errors.AsType[*net.DNSError](err)
	_, isCert := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case errors.Is(err, errBusy):
		return h.failure("has too much to do now.", err)
	case isAddress:
		return h.failure("may not be called: its address is not public. The operator can allow it.", err)
	case ctx.Err() != nil:
		return h.failure("did not answer in time.", ctx.Err())
	case errors.Is(err, context.DeadlineExceeded):
		return h.failure(fmt.Sprintf("did not answer within %v.", h.timeout), err)
	case errors.Is(err, errNotText):
		return h.failure("answered with something that is no text.", err)
	case isDNS:
		return h.failure("can't be found.", err)
	case isCert:
		return h.failure("shows a certificate that is not trusted.", err)
	}
	return h.failure("can't be reached, or broke off.", err)
}
