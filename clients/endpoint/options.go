package endpoint

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"sori/stage"
)

// Options tune the calls to engines. The zero value is fit for use.
type Options struct {
	// HTTP carries the calls. nil builds a transport of its own for each
	// engine, which is what a server wants; its redirect policy and timeout are
	// replaced by sori's in any case.
	HTTP *http.Client
	// Dial opens the connections where HTTP is nil; nil is a plain dialler. It is
	// the way to reach an engine whose address only its supervisor knows.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Timeout bounds the wait for the whole transcript (ATOT), the first words
	// (TTOT), or the first audio (TTS). 0 is 30 s.
	Timeout time.Duration
	// FirstByte bounds the wait for the answer's header, to turn to the next
	// engine sooner. 0, or more than Timeout, is Timeout.
	FirstByte time.Duration
	// Idle bounds the wait for the next words or audio. 0 is 15 s.
	Idle time.Duration
	// Total bounds the time waited for one answer in all. 0 is 5 min.
	Total time.Duration
	// Getenv gives the environment, for API keys. nil is no environment.
	Getenv func(string) string
	// Trace adds to the header of a call what lets the engine's spans join the
	// turn's, such as a W3C traceparent. nil adds nothing.
	Trace func(ctx context.Context, header http.Header)
	// Log hears when an engine is given up or comes back. nil is silence.
	Log *slog.Logger
	// OnFallback is told that the engine to served a call because the preferred
	// one, from, failed with err or had failed just before. It comes before the
	// first piece of the answer, on the caller's goroutine and with the call's
	// context, and must not block. May be nil.
	OnFallback func(ctx context.Context, name stage.Name, from, to string, err error)
}

// WithDefaults gives o with every zero value replaced by its default.
func (o Options) WithDefaults() Options {
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.FirstByte <= 0 || o.FirstByte > o.Timeout {
		o.FirstByte = o.Timeout
	}
	if o.Idle <= 0 {
		o.Idle = 15 * time.Second
	}
	if o.Total <= 0 {
		o.Total = 5 * time.Minute
	}
	o.Total = max(o.Total, o.Timeout)
	if o.Getenv == nil {
		o.Getenv = func(string) string { return "" }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.OnFallback == nil {
		o.OnFallback = func(context.Context, stage.Name, string, string, error) {}
	}
	return o
}
