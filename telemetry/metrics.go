package telemetry

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics counts and measures, and answers Prometheus. All methods may be called
// by any number of goroutines.
type Metrics struct {
	registry *prometheus.Registry
	tracer   *Tracer // nil: no spans are made

	sessionMetrics
	turnMetrics
	edgeMetrics
	store *prometheus.HistogramVec
}

// New makes the metrics of one process. version is the program's. tracer makes
// spans of turns and stages; nil makes none.
func New(version string, tracer *Tracer) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), tracer: tracer}
	m.sessionMetrics = newSessionMetrics()
	m.turnMetrics = newTurnMetrics()
	m.edgeMetrics = newEdgeMetrics()
	m.store = histogram("sori_store_seconds", "Time of one operation of the history store, by operation and result.", secondsBuckets(), "operation", "result")
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "sori_build_info", Help: "1, with the version of the program."}, []string{"version"})
	build.WithLabelValues(version).Set(1)
	m.registry.MustRegister(build, m.store,
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics()),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(m.sessionMetrics.all()...)
	m.registry.MustRegister(m.turnMetrics.all()...)
	m.registry.MustRegister(m.edgeMetrics.all()...)
	return m
}

// Gauge adds a value that is asked for at each scrape, such as the length of a
// queue. f may not block.
func (m *Metrics) Gauge(name, help string, f func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f))
}

// Gatherer gives what is measured.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// Handler answers GET /metrics, with native histograms for who asks for
// protobuf.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling:       promhttp.HTTPErrorOnError,
		MaxRequestsInFlight: 4,
		Timeout:             10 * time.Second,
	})
}

// secondsBuckets are the classic buckets, for servers that don't take native
// histograms. They lie where people notice a difference.
func secondsBuckets() []float64 {
	return []float64{.001, .0025, .005, .01, .025, .05, .1, .2, .3, .5, .75, 1, 1.5, 2, 3, 5, 10, 30}
}

// histogram makes a native histogram with a resolution of 10 %, and classic
// buckets beside it.
func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: name, Help: help, Buckets: buckets,
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  160,
		NativeHistogramMinResetDuration: time.Hour,
	}, labels)
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
}
