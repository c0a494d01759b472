package telemetry

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sori/session"
	"sori/stage"
)

// turnMetrics is what turns and their stages tell.
type turnMetrics struct {
	live       prometheus.Gauge
	turns      *prometheus.CounterVec
	stopped    *prometheus.CounterVec
	abandoned  prometheus.Counter
	voice      *prometheus.HistogramVec
	decision   *prometheus.HistogramVec
	heard      *prometheus.HistogramVec
	spoken     prometheus.Counter
	listened   prometheus.Counter
	stages     *prometheus.HistogramVec
	firsts     *prometheus.HistogramVec
	calls      *prometheus.GaugeVec
	failures   *prometheus.CounterVec
	fallbacks  *prometheus.CounterVec
	events     *prometheus.HistogramVec
	voiceQueue *prometheus.HistogramVec
}

func newTurnMetrics() turnMetrics {
	return turnMetrics{
		live:       gauge("sori_turns_live", "Turns under way now, with drafts."),
		turns:      counters("sori_turns_total", "Turns that ended, by outcome (done, cancelled, failed) and source (speech, text, idle).", "outcome", "source"),
		stopped:    counters("sori_turns_cancelled_total", "Turns that were stopped, by reason (client, superseded, interrupted, session).", "reason"),
		abandoned:  counter("sori_drafts_abandoned_total", "Turns that were begun in a pause, and dropped because the user went on."),
		voice:      histogram("sori_voice_to_voice_seconds", "From the end of the user's speech until the first audio of the reply was handed to the connection.", secondsBuckets()),
		decision:   histogram("sori_end_of_turn_delay_seconds", "From the end of the user's speech until the turn was taken to be over.", secondsBuckets()),
		heard:      histogram("sori_heard_seconds", "From the end of the user's speech until the first audio left the loudspeaker, as clients report it.", secondsBuckets()),
		spoken:     counter("sori_reply_audio_seconds_total", "Speech that TTS made."),
		listened:   counter("sori_input_audio_seconds_total", "Speech in utterances that became turns."),
		stages:     histogram("sori_stage_seconds", "Time of one use of an engine by a stage: an utterance, a reply, a clause.", secondsBuckets(), "stage", "engine"),
		firsts:     histogram("sori_stage_first_seconds", "From the question to an engine until its first result: words, or audio.", secondsBuckets(), "stage", "engine"),
		calls:      prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "sori_stage_calls", Help: "Engine calls under way now."}, []string{"stage"}),
		failures:   counters("sori_engine_errors_total", "Stages that failed, by the code that the client is told.", "stage", "code"),
		fallbacks:  counters("sori_engine_fallbacks_total", "Calls that another engine than the first of its list served.", "stage"),
		events:     histogram("sori_outbox_events", "The most events that waited for the client during a turn.", []float64{1, 2, 5, 10, 20, 50, 100, 500, 1000, 4096}),
		voiceQueue: histogram("sori_outbox_voice_seconds", "The most reply audio that waited to leave during a turn.", secondsBuckets()),
	}
}

func (m *turnMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{
		m.live, m.turns, m.stopped, m.abandoned, m.voice, m.decision, m.heard, m.spoken, m.listened,
		m.stages, m.firsts, m.calls, m.failures, m.fallbacks, m.events, m.voiceQueue,
	}
}

// TurnBegan is part of [session.Observer].
func (m *Metrics) TurnBegan(ctx context.Context, t session.TurnStart) (context.Context, func(session.TurnEnd)) {
	m.live.Inc()
	ctx, endSpan := m.tracer.turn(ctx, t)
	return ctx, func(e session.TurnEnd) {
		m.live.Dec()
		m.turnEnded(e)
		endSpan(e)
	}
}

func (m *turnMetrics) turnEnded(e session.TurnEnd) {
	r := e.Record
	if r == nil {
		m.abandoned.Inc()
		return
	}
	m.turns.WithLabelValues(string(r.Status), string(e.Source)).Inc()
	if e.Cancelled != "" {
		m.stopped.WithLabelValues(string(e.Cancelled)).Inc()
	}
	observe(m.voice, r.Timings.AudioFirst)
	observe(m.decision, r.Timings.Decision)
	observe(m.heard, r.Timings.HeardFirst)
	m.spoken.Add(float64(r.OutputMS) / 1000)
	m.listened.Add(float64(r.InputMS) / 1000)
	m.events.WithLabelValues().Observe(float64(e.Events))
	m.voiceQueue.WithLabelValues().Observe(e.Voice.Seconds())
}

// observe notes milliseconds as seconds, where they are known.
func observe(h *prometheus.HistogramVec, ms *float64) {
	if ms != nil {
		h.WithLabelValues().Observe(max(0, *ms) / 1000)
	}
}

// StageBegan is part of [session.Observer].
func (m *Metrics) StageBegan(ctx context.Context, name stage.Name, engine string) (context.Context, session.StageObserver) {
	m.calls.WithLabelValues(string(name)).Inc()
	ctx, span := m.tracer.stage(ctx, name, engine)
	return ctx, &use{metrics: m, stage: name, engine: engine, began: time.Now(), span: span}
}

// FellBack counts a call that another engine than the first served.
func (m *Metrics) FellBack(name stage.Name) { m.fallbacks.WithLabelValues(string(name)).Inc() }

// use is one use of an engine. It is owned by the stage's goroutine.
type use struct {
	metrics *Metrics
	stage   stage.Name
	engine  string
	began   time.Time
	first   time.Duration // 0: nothing came yet
	span    stageSpan
}

// First notes the first result.
func (u *use) First() {
	if u.first == 0 {
		u.first = time.Since(u.began)
		u.span.first()
	}
}

// Ended notes the end. The times of a stage that failed or was stopped say
// nothing of the engine's speed.
func (u *use) Ended(engine string, failure *stage.Error, wasStopped bool) {
	m, name := u.metrics, string(u.stage)
	m.calls.WithLabelValues(name).Dec()
	if u.first > 0 {
		m.firsts.WithLabelValues(name, engine).Observe(u.first.Seconds())
	}
	switch {
	case failure != nil:
		m.failures.WithLabelValues(name, failure.Code).Inc()
	case !wasStopped:
		m.stages.WithLabelValues(name, engine).Observe(time.Since(u.began).Seconds())
	}
	u.span.end(engine, failure, wasStopped)
}
