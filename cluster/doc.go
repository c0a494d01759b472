// Package cluster lets several sori processes share their sessions through
// Redis, so that a client that comes back may come to any of them. It knows
// nothing of what a session is: a session is a name, a state in words of its
// holders, and a log of what was said to its client.
//
// Keys, with the default prefix; USER and ID are percent-escaped:
//
//	sori:{u:USER}:s:ID         hash    fence, holder, key, owner, state, last, bytes, clean, asker, ended, run
//	sori:{u:USER}:s:ID:lease   string  the process that holds the session; it runs out unless it is renewed
//	sori:{u:USER}:s:ID:log     stream  what was said to the client, with the sequence number as id
//	sori:{u:USER}:sessions     zset    the user's sessions, by when they were last seen
//	sori:session:ID            string  the user whose session it is
//
// and a channel for each process, sori:to:PROCESS. All keys but the last are in
// one slot, and every one of them expires: a session that nobody comes back for
// leaves nothing behind.
//
// The fence decides. It grows with each holder, and whoever writes with a lower
// one is refused, also after a pause in which its lease ran out; the store of
// history asks the same fence. A fence is the time in microseconds where that
// is higher, so that it grows even when Redis forgot what it had acknowledged.
//
// A Redis that was promoted or started anew may have lost the latest of a session.
// It gives the session to nobody for the time of one lease, in which a holder
// that lives says again what it knows.
//
// While Redis can't be reached nobody can take a session, so its holder goes on.
package cluster
