// Package session is the actor that holds one user's conversation.
//
// One goroutine, [Session.Run], owns every mutable field; there is no mutex
// here. [Session.Push] is the only way in: it is bounded and blocks, so that TCP
// slows a talker down. [Session.Events] is the only way out. A pure function
// says what happens next, and Run does it.
//
// The package knows the protocol, audio and the record of a turn. It knows no
// HTTP, no WebSocket, no Redis: what it needs from outside it declares in
// ports.go, and cmd/sori plugs it in.
package session
