package server

import "time"

// Observer is told what passes the server's edge, for metrics. Any number of
// goroutines call it; it neither blocks nor allocates.
type Observer interface {
	// Received and Sent count bytes on the wire of WebSocket connections, with
	// the headers of frames. They are called for each read and write.
	Received(bytes int)
	Sent(bytes int)
	// Refused is told of a WebSocket handshake that was turned down, and why: the
	// code of the problem that the client was given.
	Refused(why string)
	// Answered is told of a request that is no WebSocket, by its route, such as
	// "/users/:id"; "" where there is none.
	Answered(method, route string, status int, took time.Duration)
}

// unobserved is an Observer that nobody asked for.
type unobserved struct{}

func (unobserved) Received(int)                                {}
func (unobserved) Sent(int)                                    {}
func (unobserved) Refused(string)                              {}
func (unobserved) Answered(string, string, int, time.Duration) {}
