// Package realtime is the wire contract of the OpenAI Realtime API (GA), as sori
// speaks it at /v1/realtime: the events of clients and of the server, their
// codec, and the codes of errors. docs/realtime.md says what of it works.
//
// Every event is one JSON text frame. [DecodeClient] reads what a client sends
// and never fails without saying which parameter is wrong; [AppendEvent] writes
// what the server says. Names of the beta are understood, and written for a
// client that asks for them.
//
// The package knows no session: package realtime/dialect translates between the
// two.
package realtime
