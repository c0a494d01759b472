package server

import (
	"sync"
	"time"
)

const (
	maxBook     = 10_000    // users whose steps are remembered
	forgetSteps = time.Hour // since the user's last step
	sweepEvery  = time.Minute
)

// book remembers how far each user is with the seed's step-by-step run. The
// seed has one such state for everybody; here nobody sees another one's.
type book struct {
	mu    sync.Mutex
	users map[string]*steps
	swept time.Time
}

// steps is one user's state. While busy it belongs to the request that took it.
type steps struct {
	busy bool      // guarded by the book
	used time.Time // guarded by the book

	paid  bool      // the run counts as a turn already
	began time.Time // of the first step
	heard *Heard    // after step 1
	reply *string   // after step 2
	times stepTimes
}

// stepTimes are when the steps of a run were done.
type stepTimes struct {
	atot, ttotFirst, ttot, ttsFirst, tts time.Time
}

func newBook() *book { return &book{users: make(map[string]*steps)} }

// take gives a user's steps to one request; ok is false while another has them.
func (b *book) take(user string) (st *steps, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.sweep(now)
	st = b.users[user]
	if st == nil {
		st = &steps{}
		b.users[user] = st
	}
	if st.busy {
		return nil, false
	}
	st.busy = true
	return st, true
}

// give puts the steps back.
func (b *book) give(user string, st *steps) {
	b.mu.Lock()
	defer b.mu.Unlock()
	st.busy, st.used = false, time.Now()
	if st.heard == nil && b.users[user] == st {
		delete(b.users, user)
	}
}

// forget drops a user's steps. A request that works on them goes on with its own.
func (b *book) forget(user string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.users, user)
}

// sweep forgets users who were away for long, and, where there are too many,
// the one who was away the longest.
func (b *book) sweep(now time.Time) {
	full := len(b.users) >= maxBook
	if !full && now.Sub(b.swept) < sweepEvery {
		return
	}
	b.swept = now
	var oldest string
	var at time.Time
	for user, st := range b.users {
		switch {
		case st.busy:
		case now.Sub(st.used) > forgetSteps:
			delete(b.users, user)
		case oldest == "" || st.used.Before(at):
			oldest, at = user, st.used
		}
	}
	if len(b.users) >= maxBook && oldest != "" {
		delete(b.users, oldest)
	}
}
