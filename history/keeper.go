package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// ErrLost is wrapped by the error of Keep for a turn that could be put nowhere:
// not into the store, not on the disk, not into the bounded memory.
var ErrLost = errors.New("history: the turn is lost")

// KeeperOptions are the choices for a Keeper. Only Dir has to be given.
type KeeperOptions struct {
	// Dir is sori's data folder: turns wait in Dir/spool.
	Dir string
	// Timeout bounds each call of the store; 0 is 2 s.
	Timeout time.Duration
	// MinBackoff and MaxBackoff bound the wait between attempts to reach a store
	// that is down; 0 is 200 ms and 10 s.
	MinBackoff, MaxBackoff time.Duration
	// MaxFiles and MaxFileBytes bound the spool; 0 is 20,000 turns and 256 MiB.
	MaxFiles     int
	MaxFileBytes int64
	// MaxMemory and MaxMemoryBytes bound the turns that wait in memory because
	// the disk can't take them; 0 is 1,000 turns and 16 MiB.
	MaxMemory      int
	MaxMemoryBytes int64
	// Log is told when the store goes and comes back, and of turns that no store
	// takes; nil discards that.
	Log *slog.Logger

	write func(path string, data []byte) error // nil: durably; tests have full disks
}

func (o KeeperOptions) withDefaults() KeeperOptions {
	orElse(&o.Timeout, 2*time.Second)
	orElse(&o.MinBackoff, 200*time.Millisecond)
	orElse(&o.MaxBackoff, 10*time.Second)
	orElse(&o.MaxFiles, 20_000)
	orElse(&o.MaxFileBytes, 256<<20)
	orElse(&o.MaxMemory, 1_000)
	orElse(&o.MaxMemoryBytes, 16<<20)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.write == nil {
		o.write = writeDurably
	}
	return o
}

func orElse[T ~int | ~int64](v *T, otherwise T) {
	if *v <= 0 {
		*v = otherwise
	}
}

// Keeper stands between sessions and a Store that may be slow, full or gone. A
// turn that the store doesn't take at once is set aside: in a file of its own,
// or, when the disk is full too, in bounded memory. Run brings it to the store
// later: once, and behind the earlier turns of its user. What waits on the disk
// survives the process.
//
// It is safe for concurrent use. Its owner calls Run in a goroutine and waits
// for it, then calls Close, then closes the store.
type Keeper struct {
	store Store
	o     KeeperOptions
	spool spool

	// in
	wake     chan struct{} // 1: something waits
	draining chan struct{} // 1: held by the one that drains, Run or Close

	mu    sync.Mutex // guards what follows; never held during I/O
	lanes map[string]*lane
	queue []*lane // lanes with something that waits, the next one first
	room  room
	last  int64 // sequence of the newest item
	bad   int   // turns in quarantine
	down  error // why the store is taken to be down: turns are set aside at once
	stuck error // why the last round left turns waiting; nil when it left none

	readAfter time.Time // Recent doesn't ask the store before
	readPause time.Duration
	readErr   error
}

// NewKeeper makes a keeper, and its spool with what an earlier process left
// there. A file in it that is no turn is renamed to *.bad, and told to the log.
func NewKeeper(store Store, o KeeperOptions) (*Keeper, error) {
	o = o.withDefaults()
	k := &Keeper{
		store: store, o: o,
		wake: make(chan struct{}, 1), draining: make(chan struct{}, 1),
		lanes: map[string]*lane{},
	}
	if err := k.load(); err != nil {
		return nil, err
	}
	return k, nil
}

// load takes over the turns that wait in the spool.
func (k *Keeper) load() error {
	var found []spooled
	var err error
	k.spool, found, err = openSpool(k.o.Dir, k.o.write)
	if err != nil {
		return err
	}
	for _, f := range found {
		if f.bad {
			k.bad++
			continue
		}
		data, err := k.spool.read(f.name)
		var t Turn
		if err == nil {
			t, err = DecodeTurn(data)
		}
		if err != nil {
			k.quarantine(f.name, nil, err)
			continue
		}
		l := k.lane(t.UserID)
		l.items = append(l.items, &item{seq: f.seq, size: int64(len(data)), place: inFile, file: f.name})
		k.room.files++ // whatever the bounds are now: it is there
		k.room.fileBytes += int64(len(data))
		k.last = max(k.last, f.seq)
		k.enqueue(l)
	}
	return nil
}

// Keep takes a finished turn. Without an error the turn is safe: in the store,
// or set aside on the disk; then delayed says why the store doesn't have it yet.
// An error says that the turn is only in memory, that it is lost (ErrLost), that
// no store will ever take it (ErrInvalid), or that another process has its
// session (ErrFenced): then the caller has to act no more for it.
//
// A turn's Fence is asked where the store can be asked. One that has to be set
// aside is acknowledged without it, and gets to the store whoever has the
// session then: rather is a turn there that two processes answered than none.
//
// It takes as long as the store, 2 s at most, and no longer than the disk once
// the store is known to be down.
func (k *Keeper) Keep(ctx context.Context, t Turn) (delayed, err error) {
	record, err := EncodeTurn(&t)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	l := k.lane(t.UserID)
	reason := k.mustWait(l)
	if reason == nil {
		l.inFlight++
		k.mu.Unlock()
		reason = k.append(ctx, t)
		k.mu.Lock()
		k.landed(l)
		switch {
		case reason == nil:
			k.forget(l)
			k.mu.Unlock()
			return nil, nil
		case errors.Is(reason, ErrFenced):
			k.forget(l)
			k.mu.Unlock()
			return nil, reason
		case errors.Is(reason, ErrInvalid):
			k.forget(l)
			k.mu.Unlock()
			k.quarantine("", record, reason)
			return nil, reason
		case ctx.Err() == nil:
			k.setDown(reason)
		}
	}
	t.Fence = 0 // from here on it is safe, which its client is told: it has to get there
	it, err := k.setAside(l, t, record)
	if it == nil {
		k.forget(l)
	}
	k.mu.Unlock()
	k.signal()
	if err == nil {
		err = k.toDisk(l, it, record)
	}
	if err != nil {
		return reason, fmt.Errorf("history: turn %s: neither the store nor the disk takes it: %w: %w", t.ID, err, reason)
	}
	return fmt.Errorf("history: turn %s waits on the disk for the store: %w", t.ID, reason), nil
}

// mustWait says why a turn of the lane may not go to the store now.
func (k *Keeper) mustWait(l *lane) error {
	switch {
	case k.down != nil:
		return k.down
	case len(l.items) > 0:
		return errors.New("earlier turns of the user wait, too")
	case l.deleting > 0:
		return errors.New("the user is being deleted")
	default:
		return nil
	}
}

// append is one bounded call of the store.
func (k *Keeper) append(ctx context.Context, t Turn) error {
	ctx, cancel := context.WithTimeout(ctx, k.o.Timeout)
	defer cancel()
	return k.store.Append(ctx, t)
}

// setDown opens the breaker: turns are set aside at once until something gets
// through. Called with mu held.
func (k *Keeper) setDown(reason error) {
	if k.down == nil {
		k.o.Log.Warn("history store is down, turns are set aside", "error", reason)
	}
	k.down = reason
}

// setUp closes the breaker.
func (k *Keeper) setUp() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.readAfter, k.readPause, k.readErr = time.Time{}, 0, nil
	if k.down != nil {
		k.o.Log.Info("history store is back")
		k.down = nil
	}
}

func (k *Keeper) signal() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// KeeperStatus says what waits.
type KeeperStatus struct {
	OnDisk      int       // turns that wait in the spool
	InMemory    int       // turns that wait in memory alone: they die with the process
	Bytes       int64     // of both
	Oldest      time.Time // when the oldest of them was set aside; zero when none waits
	Quarantined int       // turns that no store takes: *.bad in the spool
	Down        error     // why they wait: what the store said last; nil when it takes turns
}

// Status is for health checks and metrics.
func (k *Keeper) Status() KeeperStatus {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := KeeperStatus{Quarantined: k.bad, Down: k.down}
	if k.down == nil && len(k.lanes) > 0 {
		s.Down = k.stuck
	}
	oldest := int64(0)
	for _, l := range k.lanes {
		for i, it := range l.items {
			if it.place == inFile {
				s.OnDisk++
			} else {
				s.InMemory++
			}
			s.Bytes += it.size
			if i == 0 && (oldest == 0 || it.seq < oldest) {
				oldest = it.seq
			}
		}
	}
	if oldest != 0 {
		s.Oldest = time.Unix(0, oldest)
	}
	return s
}
