package quota

import (
	"fmt"
	"time"
)

// Limits are what one user, or one key, may use. 0 is no limit.
type Limits struct {
	Sessions int           // at once
	Turns    int           // in a minute
	Audio    time.Duration // of speech, heard and spoken, in a day
	Bytes    int64         // that are kept
}

// none says that nothing is limited.
func (l Limits) none() bool { return l == Limits{} }

// Name says which limit is meant. Clients see it.
type Name string

// The limits.
const (
	Sessions Name = "sessions"
	Turns    Name = "turns"
	Audio    Name = "audio_seconds"
	Bytes    Name = "stored_bytes"
)

// The lengths of the windows in which turns and speech are counted.
const (
	TurnWindow  = time.Minute
	AudioWindow = 24 * time.Hour
)

// State is how far a limit is used.
type State struct {
	Name      Name
	Limit     int64         // sessions, turns, whole seconds, or bytes
	Remaining int64         // at least 0
	Reset     time.Duration // until all of it is there again; 0 where that is not known
	Window    time.Duration // 0 for what is not counted by time
}

// LimitError is the error of a use that a limit stands against.
type LimitError struct {
	Name  Name
	Limit int64
	Retry time.Duration // when it may be tried again; 0 where that is not known
}

// Error is a sentence for the user.
func (e *LimitError) Error() string {
	switch e.Name {
	case Sessions:
		return fmt.Sprintf("There may be %d sessions at once, and there are: end one of them first.", e.Limit)
	case Turns:
		return fmt.Sprintf("There may be %d turns a minute, and there were: wait %d seconds.", e.Limit, Seconds(e.Retry))
	case Audio:
		return fmt.Sprintf("There may be %d minutes of speech a day, and there were: wait %v.", e.Limit/60, max(e.Retry.Round(time.Minute), time.Minute))
	case Bytes:
		return fmt.Sprintf("There may be %d bytes of recordings, and there are: delete some first.", e.Limit)
	}
	return "A limit is reached: " + string(e.Name) + "."
}

// Seconds rounds a time up to whole seconds, at least 1: what Retry-After takes.
func Seconds(d time.Duration) int64 {
	return max(1, int64((d+time.Second-1)/time.Second))
}
