// Package telemetry shows what sori does while it runs: metrics for Prometheus,
// and traces for OpenTelemetry.
//
// [Metrics] satisfies the observers that session and server declare, and wraps
// the store. Every label has few values, all of them known beforehand: stages,
// codes, configured engines, routes. No user, session, text or address is in a
// label. Spans carry the ids of sessions and turns, which name nobody, and no
// text. docs/metrics.md lists all of it; a test holds it to that.
//
// What is called per frame or per read counts without allocating.
package telemetry
