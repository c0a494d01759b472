// Package bench measures a sori server from outside, beside what the machine can
// do at all.
//
// [Run] starts a server and scripted engines as processes of their own, opens
// paced speakers, and takes the server's CPU time and memory from the kernel. In
// the same run, in turns with the server, it measures floors: a bare read loop
// of the WebSocket library, and one of plain TCP. What counts are the ratios: the
// absolute figures belong to the machine.
//
// The speakers are one scheduler thread that writes frames masked beforehand at
// the time when each is due, and a goroutine each that reads. Lateness is
// measured without the server's help: behind some frames goes a ping that holds
// the time at which the frame was due, and its answer comes back when the server
// has taken the frame in. The scripted engines stamp the times at which they got
// and answered a question into the audio that they give, so that a client knows
// of each turn how long its engines took, and what sori added.
package bench
