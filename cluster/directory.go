package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"sori/redisconn"
	"sori/session/resume"
)

// Options are the choices for a Directory. The zero value is a good one.
type Options struct {
	// Prefix starts every key; "" is redisconn.DefaultPrefix. It is the store's.
	Prefix string
	// LeaseTime is how long a process that died keeps a session from the others;
	// 0 is 6 s. It is renewed three times as often.
	LeaseTime time.Duration
	// KeepTime is how long a session that nobody holds can be taken; 0 is 150 s.
	KeepTime time.Duration
	// FlushEvery is how long messages gather before they are written together; 0
	// is 20 ms. What gathers dies with the process.
	FlushEvery time.Duration
	// MaxLog and MaxLogBytes bound the log of one session in Redis, oldest out
	// first; 0 is 4,000 messages and 2 MiB.
	MaxLog, MaxLogBytes int
	// MaxQueueBytes bounds what waits in memory for Redis, for each session, and
	// MaxQueueTotal for all of them, oldest out first; 0 is 2 MiB and 64 MiB.
	MaxQueueBytes, MaxQueueTotal int
	// Log is told when Redis goes and comes back; nil discards that.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	orElse(&o.LeaseTime, 6*time.Second)
	orElse(&o.KeepTime, 150*time.Second)
	orElse(&o.FlushEvery, 20*time.Millisecond)
	orElse(&o.MaxLog, 4_000)
	orElse(&o.MaxLogBytes, 2<<20)
	orElse(&o.MaxQueueBytes, 2<<20)
	orElse(&o.MaxQueueTotal, 64<<20)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func orElse[T ~int | ~int64](v *T, otherwise T) {
	if *v <= 0 {
		*v = otherwise
	}
}

// Directory is the sessions of all processes on one Redis, as one of the
// processes sees them. It is safe for concurrent use. Its owner calls Run in a
// goroutine, ends all leases, ends Run and waits for it.
type Directory struct {
	conn    *redisconn.Conn
	names   redisconn.Keys
	o       Options
	scripts scripts
	process string        // names this process to the others; new with each start
	queued  atomic.Int64  // bytes that wait in all leases
	dropped atomic.Int64  // messages that found no room
	work    chan struct{} // 1: some lease has something to write

	mu      sync.Mutex // guards what follows; never held during I/O
	leases  map[string]*lease
	dirty   []*lease // each at most once
	waiters map[string][]chan struct{}
	down    error // why Redis is taken to be away; nil while it answers
}

var _ resume.Directory = (*Directory)(nil)

// New makes a directory on a connection that it shares with others. It does not
// connect.
func New(conn *redisconn.Conn, o Options) (*Directory, error) {
	names, err := redisconn.NewKeys(o.Prefix)
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	return &Directory{
		conn: conn, names: names, o: o.withDefaults(), scripts: newScripts(), process: rand.Text(),
		work: make(chan struct{}, 1), leases: map[string]*lease{}, waiters: map[string][]chan struct{}{},
	}, nil
}

// Run writes what leases have to say, renews them, and hears what other
// processes ask, until ctx ends. It gives ctx's cause.
func (d *Directory) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { d.flushing(ctx) })
	wg.Go(func() { d.renewing(ctx) })
	wg.Go(func() { d.listening(ctx) })
	wg.Wait()
	return context.Cause(ctx)
}

// Open enters a new session as held by this process. Where Redis can't be
// reached the session is entered when it is back: that is no error.
func (d *Directory) Open(ctx context.Context, s resume.Session) (resume.Lease, error) {
	l := d.newLease(s, candidate())
	d.add(l)
	if err := d.enter(ctx, l); err != nil && !errors.Is(err, redisconn.ErrUnavailable) {
		d.remove(l)
		return nil, fmt.Errorf("cluster: open session %s: %w", s.ID, err)
	}
	return l, nil
}

// candidate is a fence that is higher than all earlier ones, as far as this
// process can tell.
func candidate() uint64 { return uint64(time.Now().UnixMicro()) } //nolint:gosec // after 1970

func (d *Directory) add(l *lease) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.leases[l.s.ID] = l
}

func (d *Directory) remove(l *lease) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.leases[l.s.ID] == l {
		delete(d.leases, l.s.ID)
	}
}

// Status says how the directory is, for health checks and metrics.
type Status struct {
	Held    int   // sessions
	Queued  int64 // bytes that wait for Redis
	Dropped int64 // messages that found no room, since the start
	Down    error // why Redis is taken to be away; nil while it answers
}

// Status is for health checks and metrics.
func (d *Directory) Status() Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	return Status{Held: len(d.leases), Queued: d.queued.Load(), Dropped: d.dropped.Load(), Down: d.down}
}

// note remembers how the last call went.
func (d *Directory) note(err error) {
	d.mu.Lock()
	before := d.down
	d.down = err
	d.mu.Unlock()
	switch {
	case before == nil && err != nil:
		d.o.Log.Warn("sessions can't be shared now, they go on here", "error", err)
	case before != nil && err == nil:
		d.o.Log.Info("sessions are shared again")
	}
}

// keys of a session.
type keys struct{ hash, lease, log, sessions, index string }

func (d *Directory) keysOf(user, id string) keys {
	hash := d.names.Session(user, id)
	return keys{
		hash: hash, lease: hash + ":lease", log: hash + ":log",
		sessions: d.names.User(user, "sessions"), index: d.index(id),
	}
}

func (d *Directory) index(id string) string        { return d.names.Shared("session:" + id) }
func (d *Directory) channel(process string) string { return d.names.Shared("to:" + process) }
func milliseconds(t time.Duration) int64           { return t.Milliseconds() }
func (d *Directory) holding() int64                { return milliseconds(d.o.LeaseTime + d.o.KeepTime) }

// do is one bounded call of Redis.
func (d *Directory) do(ctx context.Context, call func(ctx context.Context) error) error {
	err := d.conn.Do(ctx, call)
	if err == nil || errors.Is(err, redisconn.ErrUnavailable) {
		d.note(err)
	}
	return err
}
