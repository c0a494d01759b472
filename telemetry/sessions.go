package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sori/session"
)

// sessionMetrics is what sessions tell that belongs to no turn.
type sessionMetrics struct {
	sessions   prometheus.Gauge
	began      prometheus.Counter
	interrupts *prometheus.CounterVec
	held       prometheus.Observer
	heldVec    *prometheus.HistogramVec
	dropped    map[session.DropReason]prometheus.Counter
	droppedVec *prometheus.CounterVec
	blocked    prometheus.Counter
}

func newSessionMetrics() sessionMetrics {
	m := sessionMetrics{
		sessions:   gauge("sori_sessions", "Sessions that run now."),
		began:      counter("sori_sessions_total", "Sessions that began."),
		interrupts: counters("sori_barge_ins_total", "Speech over a reply, by what came of it: seized (it took the floor), nod, echo, no_words.", "verdict"),
		heldVec:    histogram("sori_barge_in_verdict_seconds", "How long a reply was held until it was clear what the speech over it was.", secondsBuckets()),
		droppedVec: counters("sori_audio_dropped_seconds_total", "Audio that nobody transcribed or heard, by reason.", "reason"),
		dropped:    map[session.DropReason]prometheus.Counter{},
		blocked:    counter("sori_inbox_full_total", "Inputs that had to wait because a session was busy: the client is slowed down by TCP."),
	}
	m.held = m.heldVec.WithLabelValues()
	for _, why := range session.DropReasons() {
		m.dropped[why] = m.droppedVec.WithLabelValues(string(why))
	}
	return m
}

func (m *sessionMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.sessions, m.began, m.interrupts, m.heldVec, m.droppedVec, m.blocked}
}

// SessionBegan is part of [session.Observer], as the other methods here.
func (m *sessionMetrics) SessionBegan() {
	m.began.Inc()
	m.sessions.Inc()
}

// SessionEnded counts a session that is over.
func (m *sessionMetrics) SessionEnded() { m.sessions.Dec() }

// Interrupted counts speech over a reply.
func (m *sessionMetrics) Interrupted(verdict string, held time.Duration) {
	m.interrupts.WithLabelValues(verdict).Inc()
	m.held.Observe(held.Seconds())
}

// Dropped counts audio that was not used.
func (m *sessionMetrics) Dropped(why session.DropReason, d time.Duration) {
	if c, ok := m.dropped[why]; ok {
		c.Add(d.Seconds())
	}
}

// Blocked counts an input that had to wait.
func (m *sessionMetrics) Blocked() { m.blocked.Inc() }
