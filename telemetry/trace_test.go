package telemetry_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"sori/history"
	"sori/protocol"
	"sori/session"
	"sori/stage"
	"sori/telemetry"
)

func TestSpansOfATurn(t *testing.T) {
	t.Parallel()
	kept := tracetest.NewInMemoryExporter()
	tracer := telemetry.NewTracer(sdktrace.NewTracerProvider(sdktrace.WithSyncer(kept)))
	m := telemetry.New("v1", tracer)
	spoken := time.Now().Add(-time.Second)
	ctx, ended := m.TurnBegan(t.Context(), session.TurnStart{SessionID: "the-session", TurnID: "the-turn", Source: protocol.FromSpeech, Spoken: spoken})
	under, use := m.StageBegan(ctx, stage.TTOT, "llama")
	header := http.Header{}
	tracer.Inject(under, header)
	use.First()
	use.Ended("llama", &stage.Error{Stage: stage.TTOT, Code: stage.CodeTimeout, Message: "SECRET words"}, false)
	ended(session.TurnEnd{Source: protocol.FromSpeech, Record: &history.Turn{
		Status: history.Failed, UserID: "SECRET user", ATOTText: "SECRET", TTOTText: "SECRET",
		Error: &history.Failure{Stage: "ttot", Code: stage.CodeTimeout, Message: "SECRET"}, Timings: history.Timings{AudioFirst: new(300.0)},
	}})
	spans := kept.GetSpans()
	if len(spans) != 2 || spans[0].Name != "ttot" || spans[1].Name != "turn" {
		t.Fatalf("spans %v", spans)
	}
	child, root := spans[0], spans[1]
	if child.Parent.SpanID() != root.SpanContext.SpanID() || !root.StartTime.Equal(spoken) {
		t.Error("the stage is not below its turn, or the turn does not begin at the end of speech")
	}
	want := "00-" + child.SpanContext.TraceID().String() + "-" + child.SpanContext.SpanID().String() + "-01"
	if header.Get("traceparent") != want {
		t.Errorf("the engine gets %q, want %q", header.Get("traceparent"), want)
	}
	for _, s := range spans {
		told := s.Status.Description
		for _, a := range s.Attributes {
			told += " " + string(a.Key) + "=" + a.Value.String()
		}
		if strings.Contains(told, "SECRET") {
			t.Errorf("the span %s tells %s", s.Name, told)
		}
		if s.Status.Description != stage.CodeTimeout {
			t.Errorf("the span %s ended with %q", s.Name, s.Status.Description)
		}
	}
}

func TestTracingIsOffUnlessAskedFor(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	for _, env := range []map[string]string{
		{},
		{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"},
	} {
		tracer, err := telemetry.TracerFromEnv(t.Context(), func(k string) string { return env[k] }, "v1", log)
		if tracer != nil || err != nil {
			t.Errorf("%v: %v, %v", env, tracer, err)
		}
	}
	for _, env := range []map[string]string{
		{"OTEL_TRACES_EXPORTER": "zipkin"},
		{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
	} {
		if _, err := telemetry.TracerFromEnv(t.Context(), func(k string) string { return env[k] }, "v1", log); err == nil {
			t.Errorf("%v is taken", env)
		}
	}
}

func TestNoTracerAllocatesNothing(t *testing.T) {
	var tracer *telemetry.Tracer
	header := http.Header{}
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { tracer.Inject(ctx, header) }); n != 0 || len(header) != 0 {
		t.Errorf("%.0f allocations, header %v", n, header)
	}
	if err := tracer.Close(ctx); err != nil {
		t.Error(err)
	}
}

// A collector that speaks OTLP over HTTP gets the spans, and the resource that
// the environment names.
func TestSpansReachACollector(t *testing.T) { //nolint:paralleltest // the exporter reads the process's environment
	var mu sync.Mutex
	var got []string
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var batch collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &batch)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, rs := range batch.GetResourceSpans() {
			for _, a := range rs.GetResource().GetAttributes() {
				got = append(got, a.GetKey()+"="+a.GetValue().GetStringValue())
			}
			for _, ss := range rs.GetScopeSpans() {
				for _, s := range ss.GetSpans() {
					got = append(got, "span "+s.GetName())
				}
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(h.Close)
	env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": h.URL, "OTEL_SERVICE_NAME": "voice"}
	for k, v := range env {
		t.Setenv(k, v)
	}
	tracer, err := telemetry.TracerFromEnv(t.Context(), func(k string) string { return env[k] }, "v1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	_, ended := telemetry.New("v1", tracer).TurnBegan(t.Context(), session.TurnStart{Spoken: time.Now()})
	ended(session.TurnEnd{})
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, want := range []string{"span turn", "service.name=voice", "service.version=v1"} {
		if !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("the collector got %v, without %s", got, want)
		}
	}
}
