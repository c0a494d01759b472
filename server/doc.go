// Package server is the edge of sori: HTTP routes, the WebSocket connections at
// /ws, and the registry that holds them.
//
// A connection is three goroutines: the reader, the writer, and the session's
// own. The reader hands frames to the session, the writer takes what the session
// says; neither knows what a turn is. A turn's context never reaches the socket,
// because a cancelled write breaks the connection. A connection is stopped from
// outside, by closing what is under it.
//
// The package knows HTTP, WebSocket and the protocol. What it needs of history
// and engines it declares in config.go, and cmd/sori plugs it in.
package server
