package telemetry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// edgeMetrics is what passes the server's edge.
type edgeMetrics struct {
	bytes          *prometheus.CounterVec
	received, sent prometheus.Counter
	refused        *prometheus.CounterVec
	requests       *prometheus.HistogramVec
}

func newEdgeMetrics() edgeMetrics {
	m := edgeMetrics{
		bytes:    counters("sori_websocket_bytes_total", "Bytes on the wire of WebSocket connections, with the headers of frames, by direction (in, out).", "direction"),
		refused:  counters("sori_connections_refused_total", "WebSocket handshakes that were turned down, by the code that the client was given.", "reason"),
		requests: histogram("sori_http_request_seconds", "Time of HTTP requests, by route, method and status.", secondsBuckets(), "route", "method", "status"),
	}
	m.received, m.sent = m.bytes.WithLabelValues("in"), m.bytes.WithLabelValues("out")
	return m
}

func (m *edgeMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.bytes, m.refused, m.requests}
}

// Received counts bytes from clients.
func (m *edgeMetrics) Received(bytes int) { m.received.Add(float64(max(0, bytes))) }

// Sent counts bytes to clients.
func (m *edgeMetrics) Sent(bytes int) { m.sent.Add(float64(max(0, bytes))) }

// Refused counts a handshake that was turned down.
func (m *edgeMetrics) Refused(why string) { m.refused.WithLabelValues(why).Inc() }

// Answered notes a request.
func (m *edgeMetrics) Answered(method, route string, status int, took time.Duration) {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default: // the client chose it
		method = "other"
	}
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Observe(took.Seconds())
}
