package quota

import (
	"context"
	"time"
)

// Report is what a process tells of one account.
type Report struct {
	Process  string        // its own, unique name
	Sessions int           // that it holds now
	Most     int           // more than its last report said are refused when there would be more than this in all; 0: none are refused
	TTL      time.Duration // how long the sessions count if nothing more is heard
	Turns    int64         // since the last report
	Audio    time.Duration // since the last report
	Bytes    int64         // since the last report; may be negative
	Set      bool          // Bytes is the whole amount
}

// Totals are what all processes together used.
type Totals struct {
	Refused   bool // the report's sessions are too many; the last report's count
	Elsewhere int  // sessions in other processes
	Turns     int64
	TurnsEnd  time.Duration // until Turns is 0 again
	Audio     time.Duration
	AudioEnd  time.Duration
	Bytes     int64
}

// Ledger adds up what processes report. An account is "user:…" or "key:…".
type Ledger interface {
	// Sync takes in a report, all of it or nothing, and gives the totals after it.
	Sync(ctx context.Context, account string, r Report) (Totals, error)
}
