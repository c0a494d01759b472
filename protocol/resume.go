package protocol

import "math"

// A session outlives its connection. Both sides number what they send: the
// server every event and binary frame, the client every frame after the first
// message of a connection, text or binary, on over all connections of a session.
// Nothing is carried in the client's frames: it counts. What one side says of
// its own connection, [Resumed], [Ack] and [GoingAway], takes no number: their
// head has the number of the last message that took one.

// Resumption is what a client needs to resume its session.
type Resumption struct {
	Key    string `json:"key"`     // a secret of this session, "" where the server keeps no session without its client
	WaitMS int64  `json:"wait_ms"` // how long a session waits for its client
}

// Resume is the first message of a connection that goes on with a session.
type Resume struct {
	Session string `json:"session"` // of [Ready]
	Key     string `json:"key"`     // of [Ready]
	Seen    uint64 `json:"seen"`    // the number of the last server message that the client has processed

	// The rest is for a process that knows an older state of the session than the
	// client does, as when Redis was away while the one before it died. The zero
	// value says nothing.
	Forgotten uint64 `json:"forgotten,omitempty"` // the client does not keep its frames up to this one
	Turn      int    `json:"turn,omitempty"`      // the newest turn of which it has heard
	Live      string `json:"live,omitempty"`      // the id of that turn, where it has not heard of its end
}

// Resumed answers [Resume]. Counting goes on after the Seq of its head, which is
// what the client has seen unless Lost messages are not held any more; the turn
// of its head is the one that is not over, or 0.
type Resumed struct {
	Session  string `json:"session"`
	Received uint64 `json:"received"` // the last client frame that the session has: the client sends all later ones again
	Lost     uint64 `json:"lost"`     // server messages that the client missed for good
}

// Ack lets the client forget: its frames up to Received will not be asked for
// again.
type Ack struct {
	Received uint64 `json:"received"`
}

// Seen lets the server forget what the client has processed. Sending it is
// optional.
type Seen struct {
	Seen uint64 `json:"seen"` // as in [Resume]
}

// GoingAway asks the client to resume its session after DelayMS, in another
// process if there is one: this one stops.
type GoingAway struct {
	DelayMS int64  `json:"delay_ms"` // after the connection is closed; another one for each client
	Reason  string `json:"reason"`   // for people
}

func (Resume) clientMessage() {}
func (Seen) clientMessage()   {}

func (Resumed) Type() string   { return "session.resumed" }
func (Ack) Type() string       { return "ack" }
func (GoingAway) Type() string { return "going_away" }

// Limits of a resumption.
const (
	MaxSessionID = 128 // bytes
	MaxResumeKey = 128 // bytes
	MaxTurnID    = 64  // bytes
)

func readResume(f *fields) Resume {
	r := Resume{
		Session: f.text("session", 1, MaxSessionID),
		Key:     f.text("key", 1, MaxResumeKey),
		Seen:    uint64(f.number("seen", 0, math.MaxInt64)), //nolint:gosec // not negative
		Live:    f.text("live", 0, MaxTurnID),
	}
	if f.has("forgotten") {
		r.Forgotten = uint64(f.number("forgotten", 0, math.MaxInt64)) //nolint:gosec // not negative
	}
	if f.has("turn") {
		r.Turn = int(f.number("turn", 0, math.MaxInt32))
	}
	return r
}

func readSeen(f *fields) Seen {
	return Seen{Seen: uint64(f.number("seen", 0, math.MaxInt64))} //nolint:gosec // not negative
}
