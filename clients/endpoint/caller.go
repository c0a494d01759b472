package endpoint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"sori/stage"
)

// Caller makes the calls to one engine. Any number of goroutines may use it.
type Caller struct {
	Endpoint

	http *http.Client
	opts Options
}

// NewCaller gives the caller of e.
func NewCaller(e Endpoint, o Options) *Caller {
	o = o.WithDefaults()
	return &Caller{Endpoint: e, http: httpClient(o), opts: o}
}

// Close closes the connections that wait for another call.
func (c *Caller) Close() { c.http.CloseIdleConnections() }

// Request is one call.
type Request struct {
	Method string
	URL    string
	Type   string // the body's Content-Type
	Accept string
	// Body gives a fresh reader over the body and its length in bytes. It is
	// asked again when a kept-alive connection broke and the call is made anew.
	// nil is no body.
	Body func() (io.ReadCloser, int64)
	// MaxAnswer is how many bytes of answer are read at most.
	MaxAnswer int64
}

// Do makes a call and gives the answer once its header is there and says that
// the call succeeded. Who gets an answer closes it. Errors are *stage.Error, or
// wrap context.Canceled where the caller gave up.
func (c *Caller) Do(ctx context.Context, r Request) (*Answer, error) {
	callCtx, cancel := context.WithCancelCause(ctx)
	a := &Answer{
		caller: c,
		watch:  newWatch(c.opts, cancel),
		left:   r.MaxAnswer,
		why:    func() (error, error) { return callerGaveUp(ctx), context.Cause(callCtx) },
	}
	req, err := c.request(callCtx, r)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	a.watch.start(c.opts.FirstByte)
	resp, err := c.http.Do(req) //nolint:bodyclose // the answer closes it
	a.watch.stop()
	if err != nil {
		err = a.explain(err, false)
		cancel(nil)
		return nil, err
	}
	a.Header, a.body = resp.Header, resp.Body
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		defer a.Close()
		return nil, c.statusError(resp.StatusCode, a)
	}
	if name := engineName(resp.Header, stage.EngineHeader); name != "" {
		served := stage.Served{Stage: c.Stage, Engine: name, Failed: engineName(resp.Header, stage.FailedHeader)}
		if served.Failed != "" {
			served.Err = errInside
		}
		stage.NoteServed(ctx, served)
	}
	return a, nil
}

// errInside stands for why an engine's own part failed: it has said so in its log.
var errInside = errors.New("the engine went on with another part of itself")

// engineName reads a name that an engine sent; one that is no name is none.
func engineName(h http.Header, key string) string {
	const longest = 80
	name := strings.TrimSpace(h.Get(key))
	if len(name) > longest || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) {
		return ""
	}
	return name
}

func (c *Caller) request(ctx context.Context, r Request) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, http.NoBody)
	if err != nil {
		return nil, c.Explain(fmt.Errorf("make a request: %w", err))
	}
	if r.Body != nil {
		req.Body, req.ContentLength = r.Body()
		req.GetBody = func() (io.ReadCloser, error) {
			body, _ := r.Body()
			return body, nil
		}
		// An empty value is not sent. It tells net/http that the call may be made
		// again when a kept-alive connection turns out to be dead: asking an engine
		// twice for the same thing does no harm.
		req.Header["X-Idempotency-Key"] = nil
	}
	set := func(name, value string) {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	set("Content-Type", r.Type)
	set("Accept", r.Accept)
	set("User-Agent", "sori")
	if c.opts.Trace != nil {
		c.opts.Trace(ctx, req.Header)
	}
	if key := c.key(); key != "" {
		set("Authorization", "Bearer "+key)
	}
	return req, nil
}

// callerGaveUp says why ctx is over, nil while it is not.
func callerGaveUp(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if err == nil || errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// Answer is the body of an engine's answer. Reads are timed and bounded; their
// errors are explained. It belongs to one goroutine.
type Answer struct {
	Header http.Header

	caller   *Caller
	body     io.ReadCloser
	watch    *watch
	why      func() (gaveUp, cause error)
	left     int64 // bytes that may still be read
	err      error // what ended the reads
	finished bool
}

// MediaType is the answer's Content-Type in lower case, without parameters, and
// the parameters. Both are empty when it makes no sense.
func (a *Answer) MediaType() (string, map[string]string) {
	t, params, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err != nil {
		return "", nil
	}
	return t, params
}

// Read reads from the body. io.EOF is a proper end; any other error is ready to
// be given to the session.
func (a *Answer) Read(p []byte) (int, error) {
	if a.err != nil {
		return 0, a.err
	}
	if a.left <= 0 {
		p = p[:min(len(p), 1)] // an answer of just the largest size is not too large
	} else if int64(len(p)) > a.left {
		p = p[:a.left]
	}
	a.watch.start(a.watch.total)
	n, err := a.body.Read(p)
	a.watch.stop()
	a.left -= int64(n)
	switch {
	case a.left < 0:
		a.err = a.caller.Explain(&ReplyError{Code: stage.CodeBadReply, Says: "sends an answer without end; sori stopped reading it."})
		return 0, a.err
	case errors.Is(err, io.EOF):
		a.err, a.finished = io.EOF, true
	case err != nil:
		a.err = a.explain(err, true)
	}
	if n > 0 {
		return n, nil
	}
	return 0, a.err
}

// Progress says that a useful piece of the answer came: the next one may take
// as long as [Options.Idle].
func (a *Answer) Progress() { a.watch.progress(a.watch.idle) }

// Within says that the next piece has to come within d.
func (a *Answer) Within(d time.Duration) { a.watch.progress(d) }

// Finish says that the answer is complete, whatever else may follow.
func (a *Answer) Finish() { a.finished = true }

// Explain is [Caller.Explain].
func (a *Answer) Explain(err error) error { return a.caller.Explain(err) }

// Close ends the call. A connection whose answer was finished is kept for the
// next call; otherwise the engine sees its connection close.
func (a *Answer) Close() {
	if a.finished && a.err == nil {
		a.drain()
	}
	a.watch.timer.Stop()
	a.watch.cancel(nil) // before closing, which may wait for an engine that hangs
	// Nothing can be done about a connection that fails when it is given up.
	_ = a.body.Close()
}

// drain reads what an engine sends after the end, which is only a few bytes and
// already there, so that the connection can be used again.
func (a *Answer) drain() {
	a.Within(50 * time.Millisecond)
	a.left = 16 << 10
	// A connection that can't be drained is closed, which is all that follows.
	_, _ = io.Copy(io.Discard, a)
}
