package endpoint

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"sori/stage"
)

// ReplyError is what is wrong with an engine's answer, said by who read it and does
// not know which engine it came from. [Caller.Explain] adds that.
type ReplyError struct {
	Code string // one of package stage
	Says string // goes on from "The ATOT engine at 127.0.0.1:8000 "
	Err  error  // the cause; may be nil
}

func (e *ReplyError) Error() string {
	if e.Err != nil {
		return e.Says + ": " + e.Err.Error()
	}
	return e.Says
}

func (e *ReplyError) Unwrap() error { return e.Err }

// Explain makes err a *stage.Error that names the engine. One that is already,
// or that says that the caller gave up, is given back as it is.
func (c *Caller) Explain(err error) error {
	if _, ok := errors.AsType[*stage.Error](err); ok || errors.Is(err, context.Canceled) {
		return err
	}
	if e, ok := errors.AsType[*StatusError](err); ok {
		return c.refusal(e)
	}
	if e, ok := errors.AsType[*ReplyError](err); ok {
		return c.failure(e.Code, e.Says, e.Err)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return c.failure(stage.CodeCutOff, "closed the connection in the middle of its answer.", err)
	}
	return c.failure(stage.CodeInternal, "can't be called, because of a bug in sori.", err)
}

func (c *Caller) failure(code, says string, err error) *stage.Error {
	return &stage.Error{
		Stage:   c.Stage,
		Code:    code,
		Message: fmt.Sprintf("The %s engine at %s %s", strings.ToUpper(string(c.Stage)), c.Address(), c.redact(says)),
		Engine:  c.Name(),
		Err:     err,
	}
}

// explain puts an error of net/http into words. begun says that the answer had
// begun.
func (a *Answer) explain(err error, begun bool) error {
	c := a.caller
	gaveUp, cause := a.why()
	switch {
	case errors.Is(gaveUp, context.DeadlineExceeded):
		return c.failure(stage.CodeTimeout, "did not answer in the time that was left for it.", gaveUp)
	case gaveUp != nil:
		return fmt.Errorf("%s: the call was given up: %w", c.Stage, gaveUp)
	case errors.Is(cause, errTimeout):
		return c.failure(stage.CodeTimeout, a.tooSlow(begun), errTimeout)
	case begun:
		return c.failure(stage.CodeCutOff, "closed the connection in the middle of its answer.", err)
	}
	return c.unreachable(err)
}

func (a *Answer) tooSlow(begun bool) string {
	switch {
	case a.watch.total <= 0:
		return "takes too long for one answer (" + inWords(a.caller.opts.Total) + ")."
	case !begun:
		return "did not begin to answer within " + inWords(a.caller.opts.FirstByte) + "."
	}
	return "answers too slowly: nothing useful came within " + inWords(a.watch.limit) + "."
}

func inWords(d time.Duration) string {
	return strings.Replace(d.Round(time.Millisecond).String(), "m0s", "m", 1)
}

// unreachable explains why no answer began.
func (c *Caller) unreachable(err error) error {
	err = unwrapURL(err)
	if r, ok := errors.AsType[*redirectError](err); ok {
		if r.dropped {
			return c.failure(stage.CodeStatus, fmt.Sprintf("redirects to another path in a way that loses the request: put the right path into --%s.", c.Stage), err)
		}
		return c.failure(stage.CodeStatus, fmt.Sprintf("redirects to %s, where sori does not follow: if that is right, put it into --%s.", r.host, c.Stage), err)
	}
	var says string
	dns, isDNS := errors.AsType[*net.DNSError](err)
	op, isOp := errors.AsType[*net.OpError](err)
	_, isCert := errors.AsType[*tls.CertificateVerificationError](err)
	_, isTLS := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		says = fmt.Sprintf("is not running: start it, or check --%s.", c.Stage)
	case isDNS && dns.IsNotFound:
		says = fmt.Sprintf("can't be found: there is no such host; check --%s.", c.Stage)
	case isDNS:
		says = "can't be found: the host's name can't be looked up now."
	case isCert:
		says = "shows a TLS certificate that is not trusted here."
	case isTLS, errors.Is(err, http.ErrSchemeMismatch):
		says = fmt.Sprintf("does not speak TLS: write http instead of https in --%s.", c.Stage)
	case isOp && op.Op == "dial":
		says = fmt.Sprintf("can't be reached: check --%s and the network.", c.Stage)
	case strings.Contains(err.Error(), "malformed HTTP") || strings.Contains(err.Error(), "response headers exceeded"):
		return c.failure(stage.CodeBadReply, fmt.Sprintf("answered with something that is not HTTP: check --%s.", c.Stage), err)
	default:
		says = "closed the connection before it answered."
	}
	return c.failure(stage.CodeUnreachable, says, err)
}

// unwrapURL drops the URL that net/http puts before its errors: it may name a
// user.
func unwrapURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
