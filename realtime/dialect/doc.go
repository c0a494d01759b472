// Package dialect lets a client of the OpenAI Realtime API talk with a session:
// client events become the session's inputs, and what the session says becomes
// server events, in the order that the API documents.
//
// One goroutine, [Talk.Run], owns everything; nothing is locked. What the client
// sends comes in through a channel and the session's outputs through another, so
// that both are seen in one order. What goes out waits in a queue, so that a
// client that reads slowly does not stop its own voice.
package dialect
