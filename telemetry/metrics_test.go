package telemetry_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"sori/history"
	"sori/protocol"
	"sori/session"
	"sori/stage"
	"sori/telemetry"
)

// A turn that went well, one that failed, a draft that came to nothing.
func live(t *testing.T, m *telemetry.Metrics) {
	t.Helper()
	m.SessionBegan()
	start := session.TurnStart{SessionID: "s", TurnID: "t", Source: protocol.FromSpeech, Spoken: time.Now()}
	ctx, ended := m.TurnBegan(t.Context(), start)
	_, atot := m.StageBegan(ctx, stage.ATOT, "moonshine")
	atot.First()
	atot.Ended("moonshine", nil, false)
	_, tts := m.StageBegan(ctx, stage.TTS, "flite")
	tts.Ended("flite", &stage.Error{Stage: stage.TTS, Code: stage.CodeTimeout}, false)
	ended(session.TurnEnd{Source: protocol.FromSpeech, Events: 7, Record: &history.Turn{
		Status: history.Done, InputMS: 2000, OutputMS: 1500,
		Timings: history.Timings{AudioFirst: new(400.0), Decision: new(250.0)},
	}})
	_, ended = m.TurnBegan(t.Context(), start)
	ended(session.TurnEnd{Source: protocol.FromSpeech})
	m.Interrupted(session.Seized, 300*time.Millisecond)
	m.Dropped(session.DropEcho, 2*time.Second)
	m.Received(650)
	m.Answered("BREW", "", http.StatusNotFound, time.Millisecond)
}

func TestMetricsOfATurn(t *testing.T) {
	t.Parallel()
	m := telemetry.New("v1", nil)
	live(t, m)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	for _, line := range []string{
		`sori_build_info{version="v1"} 1`, `sori_sessions 1`, `sori_turns_live 0`, `sori_drafts_abandoned_total 1`,
		`sori_turns_total{outcome="done",source="speech"} 1`,
		`sori_voice_to_voice_seconds_sum 0.4`, `sori_voice_to_voice_seconds_bucket{le="0.5"} 1`, `sori_voice_to_voice_seconds_bucket{le="0.3"} 0`,
		`sori_end_of_turn_delay_seconds_sum 0.25`,
		`sori_stage_seconds_count{engine="moonshine",stage="atot"} 1`, `sori_stage_first_seconds_count{engine="moonshine",stage="atot"} 1`,
		`sori_engine_errors_total{code="engine_timeout",stage="tts"} 1`, `sori_stage_calls{stage="tts"} 0`,
		`sori_barge_ins_total{verdict="seized"} 1`, `sori_audio_dropped_seconds_total{reason="echo"} 2`,
		`sori_websocket_bytes_total{direction="in"} 650`, `sori_outbox_events_sum 7`,
		`sori_http_request_seconds_count{method="other",route="none",status="404"} 1`,
	} {
		if !strings.Contains(w.Body.String(), line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	if strings.Contains(w.Body.String(), `sori_stage_seconds_count{engine="flite"`) {
		t.Error("a failed use counts for the engine's speed")
	}
}

func TestHistogramsAreNative(t *testing.T) {
	t.Parallel()
	m := telemetry.New("v1", nil)
	live(t, m)
	families, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "sori_") || f.GetType() != dto.MetricType_HISTOGRAM {
			continue
		}
		for _, x := range f.GetMetric() {
			if x.GetHistogram().GetSampleCount() > 0 && len(x.GetHistogram().GetPositiveSpan())+int(x.GetHistogram().GetZeroCount()) == 0 {
				t.Errorf("%s has no native buckets", f.GetName())
			}
		}
	}
}

func TestMetricsAreNamedAsIsUsual(t *testing.T) {
	t.Parallel()
	m := telemetry.New("v1", nil)
	live(t, m)
	families, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	ours := families[:0]
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "sori_") {
			ours = append(ours, f)
		}
	}
	problems, err := promlint.NewWithMetricFamilies(ours).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestCountingAllocatesNothing(t *testing.T) {
	m := telemetry.New("v1", nil)
	if n := testing.AllocsPerRun(1000, func() {
		m.Received(650)
		m.Sent(1290)
		m.Blocked()
		m.Dropped(session.DropReply, time.Second)
	}); n != 0 {
		t.Errorf("%.1f allocations", n)
	}
}

// brokenStore fails as it is told.
type brokenStore struct {
	history.Store
	err error
}

func (s brokenStore) Append(context.Context, history.Turn) error { return s.err }

func TestStoreIsTimed(t *testing.T) {
	t.Parallel()
	m := telemetry.New("v1", nil)
	for err, result := range map[error]string{
		nil: "ok", history.ErrUnavailable: "unavailable", history.ErrInvalid: "invalid",
		context.DeadlineExceeded: "timeout", errors.New("disk"): "error",
	} {
		if got := m.Store(brokenStore{err: err}).Append(t.Context(), history.Turn{}); !errors.Is(got, err) {
			t.Errorf("the error became %v", got)
		}
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
		if line := `sori_store_seconds_count{operation="append",result="` + result + `"} 1`; !strings.Contains(w.Body.String(), line) {
			t.Errorf("no line %s", line)
		}
	}
}
