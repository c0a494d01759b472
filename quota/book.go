package quota

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Options say what a Book works with.
type Options struct {
	User   Limits // of each user
	Key    Limits // of each API key
	Ledger Ledger // default: a Memory of its own
	Log    *slog.Logger
	// Stored measures what is kept of a user, in bytes, when the user comes. nil:
	// what was counted is believed.
	Stored func(ctx context.Context, user string) (int64, error)
}

const (
	sessionTTL = 30 * time.Second       // sessions of a process that is gone count so long
	renewEvery = 8 * time.Second        // how often sessions are reported, and others' use is heard
	openTime   = 500 * time.Millisecond // how long a session may wait for the ledger
	syncTime   = time.Second            // one exchange in the background
	retryAfter = time.Second            // after one that failed
	sessionTry = 5 * time.Second        // when a client may try again that had one session too many
)

// Book keeps what this process knows of the accounts in use. Any number of
// goroutines may use it. A nil Book limits nothing.
type Book struct {
	opts    Options
	process string
	wake    chan struct{} // something is to be told to the ledger

	mu       sync.Mutex
	accounts map[string]*account // those with grants, or with something left to tell
	failing  bool                // the last exchange failed
}

// account is one user or one key.
type account struct {
	name   string
	limits Limits
	grants int           // that use it
	syncs  int           // exchanges under way or waiting
	turn   chan struct{} // holds one exchange: totals come in the order of reports

	sessions  int // here
	elsewhere int
	turns     window // what all processes used, as far as it is known here
	audio     window
	bytes     int64
	untold    Report // what the ledger has not heard
	dirty     bool
	heard     time.Time // the last exchange
}

// New gives a book. Without limits it is nil.
func New(o Options) *Book {
	if o.User.none() && o.Key.none() {
		return nil
	}
	if o.Ledger == nil {
		o.Ledger = NewMemory()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Book{opts: o, process: rand.Text(), wake: make(chan struct{}, 1), accounts: make(map[string]*account)}
}

// Run exchanges what was used with the ledger until ctx ends, and then once
// more.
func (b *Book) Run(ctx context.Context) {
	if b == nil {
		return
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-b.wake:
		case <-ticker.C:
		case <-ctx.Done():
			b.exchange(context.WithoutCancel(ctx))
			return
		}
		if !b.exchange(ctx) {
			select {
			case <-time.After(retryAfter):
			case <-ctx.Done():
			}
		}
	}
}

// exchange tells the ledger what it has not heard, and hears what it does not
// know. It stops at the first failure.
func (b *Book) exchange(ctx context.Context) bool {
	for _, a := range b.due(time.Now()) {
		limited, cancel := context.WithTimeout(ctx, syncTime)
		_, err := b.sync(limited, a, 0)
		cancel()
		if err != nil {
			return false
		}
	}
	return true
}

// due gives the accounts that the ledger should hear of, and forgets those that
// nobody uses.
func (b *Book) due(now time.Time) []*account {
	b.mu.Lock()
	defer b.mu.Unlock()
	var due []*account
	for name, a := range b.accounts {
		switch {
		case a.dirty, a.grants > 0 && now.Sub(a.heard) >= renewEvery:
			due = append(due, a)
		case a.grants == 0 && a.syncs == 0:
			delete(b.accounts, name)
		}
	}
	return due
}

// sync is one exchange about an account. most is Report.Most.
func (b *Book) sync(ctx context.Context, a *account, most int) (refused bool, err error) {
	b.mu.Lock()
	a.syncs++
	b.mu.Unlock()
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		b.mu.Lock()
		a.syncs--
		b.mu.Unlock()
		return false, ctx.Err()
	}
	b.mu.Lock()
	r := a.untold
	r.Process, r.Sessions, r.Most, r.TTL = b.process, a.sessions, most, sessionTTL
	a.untold, a.dirty = Report{}, false
	b.mu.Unlock()
	t, err := b.opts.Ledger.Sync(ctx, a.name, r)
	b.mu.Lock()
	defer b.mu.Unlock()
	a.syncs--
	now := time.Now()
	if err != nil {
		a.untold.Turns += r.Turns
		a.untold.Audio += r.Audio
		if !a.untold.Set {
			a.untold.Bytes += r.Bytes
			a.untold.Set = r.Set
		}
		a.dirty = true
	} else {
		a.heard = now
		a.elsewhere = t.Elsewhere
		// What was used meanwhile is not in the totals.
		a.turns = window{t.Turns + a.untold.Turns, endOf(now, t.TurnsEnd, a.untold.Turns != 0, TurnWindow)}
		a.audio = window{int64(t.Audio + a.untold.Audio), endOf(now, t.AudioEnd, a.untold.Audio != 0, AudioWindow)}
		if !a.untold.Set {
			a.bytes = t.Bytes + a.untold.Bytes
		}
	}
	b.tell(ctx, err)
	return t.Refused, err
}

func endOf(now time.Time, left time.Duration, used bool, length time.Duration) time.Time {
	switch {
	case left > 0:
		return now.Add(left)
	case used:
		return now.Add(length)
	}
	return time.Time{}
}

// tell logs when the ledger goes away and when it is back. mu is held.
func (b *Book) tell(ctx context.Context, err error) {
	if (err != nil) == b.failing {
		return
	}
	b.failing = err != nil
	if b.failing {
		b.opts.Log.WarnContext(ctx, "what users use is counted by this process alone, the shared count can't be reached", "error", err)
	} else {
		b.opts.Log.InfoContext(ctx, "what users use is counted by all processes together again")
	}
}

// hurry has the ledger told soon.
func (b *Book) hurry() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// account gives an account to be used by one more grant. mu is held.
func (b *Book) account(name string, l Limits) *account {
	a := b.accounts[name]
	if a == nil {
		a = &account{name: name, limits: l, turn: make(chan struct{}, 1)}
		b.accounts[name] = a
	}
	return a
}

// Stored counts n bytes that are about to be kept of a user. The error is an [*LimitError] when there is no room.
func (b *Book) Stored(user string, n int64) error {
	if b == nil || b.opts.User.Bytes == 0 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.account(userAccount(user), b.opts.User)
	if n > 0 && a.bytes+n > a.limits.Bytes {
		return &LimitError{Name: Bytes, Limit: a.limits.Bytes}
	}
	a.keep(n)
	b.hurry()
	return nil
}

// Kept counts n bytes more, or fewer, that are kept of a user, whatever the limit.
func (b *Book) Kept(user string, n int64) {
	if b == nil || b.opts.User.Bytes == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.account(userAccount(user), b.opts.User).keep(n)
	b.hurry()
}

// keep counts bytes. The book's mu is held.
func (a *account) keep(n int64) {
	a.bytes = max(0, a.bytes+n)
	a.untold.Bytes += n
	a.dirty = true
}

// Erased says that nothing is kept of a user any more.
func (b *Book) Erased(user string) {
	if b == nil || b.opts.User.Bytes == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.account(userAccount(user), b.opts.User)
	a.bytes, a.untold.Bytes, a.untold.Set, a.dirty = 0, 0, true, true
	b.hurry()
}

// Measure counts anew what is kept of the users that are here. It is for when
// things have gone of which nobody says whose they were.
func (b *Book) Measure(ctx context.Context) {
	if b == nil || b.opts.User.Bytes == 0 {
		return
	}
	b.mu.Lock()
	users := make(map[string]*account)
	for name, a := range b.accounts {
		if user, ok := strings.CutPrefix(name, userAccount("")); ok {
			users[user] = a
		}
	}
	b.mu.Unlock()
	for user, a := range users {
		b.measure(ctx, a, user)
	}
	b.hurry()
}

func userAccount(user string) string { return "user:" + user }
func keyAccount(key string) string   { return "key:" + key }
