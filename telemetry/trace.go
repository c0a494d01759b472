package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"sori/session"
	"sori/stage"
)

// Tracer makes a span of each turn and of each use of an engine. nil makes none
// and costs nothing.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	headers  propagation.TraceContext
}

// TracerFromEnv gives the tracer that the standard variables ask for, nil when
// they ask for none: traces are sent when OTEL_EXPORTER_OTLP_ENDPOINT or
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set, or OTEL_TRACES_EXPORTER is otlp.
// The other variables of the OTLP exporter, the sampler, the limits and the
// resource are obeyed. The caller closes what it gets.
func TracerFromEnv(ctx context.Context, getenv func(string) string, version string, log *slog.Logger) (*Tracer, error) {
	exporter := strings.TrimSpace(getenv("OTEL_TRACES_EXPORTER"))
	switch {
	case strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true"), exporter == "none":
		return nil, nil //nolint:nilnil // tracing is off
	case exporter != "" && exporter != "otlp":
		return nil, fmt.Errorf("OTEL_TRACES_EXPORTER=%s: sori sends traces by otlp alone; set it to otlp or none", exporter)
	case exporter == "" && getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "":
		return nil, nil //nolint:nilnil // tracing is off
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if p := getenv(name); p != "" && p != "http/protobuf" {
			return nil, fmt.Errorf("%s=%s: sori speaks http/protobuf alone; leave it out, and name the collector's port for HTTP, often 4318", name, p)
		}
	}
	out, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("traces can't be sent: %w; check the OTEL_EXPORTER_OTLP_ variables", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "sori"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("the resource of traces: %w; check OTEL_RESOURCE_ATTRIBUTES", err)
	}
	// The library has one handler for the process, and writes to stderr of itself.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces are not sent", "error", err) }))
	return NewTracer(sdktrace.NewTracerProvider(sdktrace.WithBatcher(out), sdktrace.WithResource(about))), nil
}

// NewTracer gives a tracer over a provider, which it closes.
func NewTracer(p *sdktrace.TracerProvider) *Tracer {
	return &Tracer{provider: p, tracer: p.Tracer("sori")}
}

// Close sends what waits. A nil tracer may be closed.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("the last traces could not be sent: %w", err)
	}
	return nil
}

// Inject adds the W3C trace context to the header of a call. It suits the
// Trace option of the engines' clients.
func (t *Tracer) Inject(ctx context.Context, header http.Header) {
	if t != nil {
		t.headers.Inject(ctx, propagation.HeaderCarrier(header))
	}
}

// turn begins the span of a turn, at the end of the user's speech.
func (t *Tracer) turn(ctx context.Context, s session.TurnStart) (context.Context, func(session.TurnEnd)) {
	if t == nil {
		return ctx, func(session.TurnEnd) {}
	}
	ctx, span := t.tracer.Start(ctx, "turn", trace.WithTimestamp(s.Spoken), trace.WithNewRoot(), trace.WithAttributes(
		attribute.String("sori.session.id", s.SessionID), attribute.String("sori.turn.id", s.TurnID),
		attribute.String("sori.turn.source", string(s.Source)), attribute.Bool("sori.turn.draft", s.Draft)))
	return ctx, func(e session.TurnEnd) {
		defer span.End()
		r := e.Record
		if r == nil {
			span.SetAttributes(attribute.String("sori.turn.status", "abandoned"))
			return
		}
		span.SetAttributes(attribute.String("sori.turn.status", string(r.Status)), attribute.Int("sori.turn.number", r.Number),
			attribute.String("sori.language", r.Language), attribute.Int64("sori.input_ms", r.InputMS), attribute.Int64("sori.output_ms", r.OutputMS))
		if e.Cancelled != "" {
			span.SetAttributes(attribute.String("sori.turn.cancelled", string(e.Cancelled)))
		}
		for _, at := range []struct {
			key string
			ms  *float64
		}{{"sori.decision_ms", r.Timings.Decision}, {"sori.audio_first_ms", r.Timings.AudioFirst}, {"sori.heard_first_ms", r.Timings.HeardFirst}} {
			if at.ms != nil {
				span.SetAttributes(attribute.Float64(at.key, *at.ms))
			}
		}
		if r.Error != nil {
			span.SetAttributes(attribute.String("sori.failed_stage", r.Error.Stage))
			span.SetStatus(codes.Error, r.Error.Code)
		}
	}
}

// stage begins the span of one use of an engine.
func (t *Tracer) stage(ctx context.Context, name stage.Name, engine string) (context.Context, stageSpan) {
	if t == nil {
		return ctx, stageSpan{}
	}
	ctx, span := t.tracer.Start(ctx, string(name), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("sori.engine", engine)))
	return ctx, stageSpan{span}
}

// stageSpan is the span of one use of an engine; empty where tracing is off.
type stageSpan struct{ span trace.Span }

func (s stageSpan) first() {
	if s.span != nil {
		s.span.AddEvent("first_result")
	}
}

// end ends the span. Of a failure it tells the code: the message may hold what
// an engine said of its input.
func (s stageSpan) end(engine string, failure *stage.Error, wasStopped bool) {
	if s.span == nil {
		return
	}
	s.span.SetAttributes(attribute.String("sori.engine", engine))
	if failure != nil {
		s.span.SetStatus(codes.Error, failure.Code)
	}
	if wasStopped {
		s.span.SetAttributes(attribute.Bool("sori.stopped", true))
	}
	s.span.End()
}
