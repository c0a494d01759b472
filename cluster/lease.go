package cluster

import (
	"context"
	"errors"
	"sync"
	"time"

	"sori/redisconn"
	"sori/session/resume"
)

// One write takes no more than this of a lease, so that a long queue delays
// nobody else's.
const (
	batchMessages = 256
	batchBytes    = 128 << 10
)

// lease is one session as this process holds it.
type lease struct {
	d     *Directory
	s     resume.Session
	fence uint64
	keys  keys
	lost  chan struct{}
	asked chan struct{}

	writing chan struct{} // 1: held by the one that writes, so that order is kept

	mu       sync.Mutex // guards what follows; never held during I/O
	queue    []resume.Message
	bytes    int
	batch    []resume.Message // taken out of queue, and not yet known to be in Redis
	state    []byte
	version  int  // of state
	saved    int  // the version that is in Redis
	dirty    bool // in the directory's list
	isLost   bool
	isAsked  bool
	released bool
	indexed  time.Time // when the index was last written
}

var _ resume.Lease = (*lease)(nil)

func (d *Directory) newLease(s resume.Session, fence uint64) *lease {
	return &lease{
		d: d, s: s, fence: fence, keys: d.keysOf(s.User, s.ID),
		lost: make(chan struct{}), asked: make(chan struct{}), writing: make(chan struct{}, 1),
	}
}

// Fence grows with each holder.
func (l *lease) Fence() uint64 { return l.fence }

// Lost is closed when somebody else holds the session.
func (l *lease) Lost() <-chan struct{} { return l.lost }

// Asked is closed when another process wants the session.
func (l *lease) Asked() <-chan struct{} { return l.asked }

// Save keeps where the session stands; the latest counts.
func (l *lease) Save(state []byte) {
	l.mu.Lock()
	if l.isLost || l.released {
		l.mu.Unlock()
		return
	}
	l.state = state
	l.version++
	l.mu.Unlock()
	l.soil()
}

// Append adds a message to the log. Without room the oldest that waits goes.
func (l *lease) Append(m resume.Message) {
	l.mu.Lock()
	if l.isLost || l.released {
		l.mu.Unlock()
		return
	}
	l.queue = append(l.queue, m)
	l.bytes += len(m.Data)
	total := int(l.d.queued.Add(int64(len(m.Data))))
	for len(l.queue) > 0 && (l.bytes > l.d.o.MaxQueueBytes || total > l.d.o.MaxQueueTotal) {
		total = l.forget(1)
		l.d.dropped.Add(1)
	}
	l.mu.Unlock()
	l.soil()
}

// forget takes the first n messages out of the queue, and gives the bytes that
// are queued of all leases then. Called with mu held.
func (l *lease) forget(n int) int {
	size := 0
	for i := range n {
		size += len(l.queue[i].Data)
		l.queue[i] = resume.Message{}
	}
	l.queue = l.queue[n:]
	if len(l.queue) == 0 {
		l.queue = nil
	}
	l.bytes -= size
	return int(l.d.queued.Add(int64(-size)))
}

// soil lets the directory write what waits.
func (l *lease) soil() {
	l.mu.Lock()
	again := l.dirty || l.released || l.isLost
	l.dirty = l.dirty || !again
	l.mu.Unlock()
	if again {
		return
	}
	l.d.mu.Lock()
	l.d.dirty = append(l.d.dirty, l)
	l.d.mu.Unlock()
	select {
	case l.d.work <- struct{}{}:
	default:
	}
}

// load fills the batch when that is empty. It gives what is to be written: the
// messages, and the state, nil where Redis has it.
func (l *lease) load() (batch []resume.Message, state []byte, version int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.batch) == 0 {
		n, size := 0, 0
		for n < len(l.queue) && n < batchMessages && (n == 0 || size+len(l.queue[n].Data) <= batchBytes) {
			size += len(l.queue[n].Data)
			n++
		}
		l.batch = append(l.batch[:0], l.queue[:n]...)
		l.forget(n)
	}
	if l.saved != l.version {
		state = l.state
	}
	return l.batch, state, l.version
}

// wrote ends a write that Redis has taken, with this version of the state in it,
// and says whether more waits.
func (l *lease) wrote(version int) (more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.batch)
	l.batch = l.batch[:0]
	if len(l.queue) == 0 {
		l.batch = nil // an idle session holds nothing
	}
	l.saved = version
	return len(l.queue) > 0 || l.saved != l.version
}

// lose says that the session is another's.
func (l *lease) lose() {
	l.mu.Lock()
	if !l.isLost {
		l.isLost = true
		close(l.lost)
		l.forget(len(l.queue))
		l.batch = nil
	}
	l.mu.Unlock()
	l.d.remove(l)
}

// ask says that another process wants the session.
func (l *lease) ask() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.isAsked {
		l.isAsked = true
		close(l.asked)
	}
}

// unsave lets the state be written again: Redis knows nothing of it.
func (l *lease) unsave() {
	l.mu.Lock()
	if l.state != nil {
		l.version++
	}
	l.mu.Unlock()
	l.soil()
}

// Release writes what is under way and gives the session up. Without an error
// the next holder has everything; resume.ErrFenced says that there is one
// already. A session that goes on elsewhere is worth some patience with a Redis
// that can't be reached: half the time of a lease, which runs out by itself then.
func (l *lease) Release(ctx context.Context, ended bool) error {
	l.mu.Lock()
	l.released = true // nothing is added from here on
	l.mu.Unlock()
	defer l.d.remove(l)
	if err := l.hold(ctx); err != nil {
		l.empty()
		return err
	}
	defer func() { <-l.writing }()
	defer l.empty()
	if ended { // nobody reads the log of a session that has ended
		return l.d.giveUp(ctx, l, true)
	}
	until := time.Now().Add(l.d.o.LeaseTime / 2)
	for {
		err := l.handOver(ctx)
		if !errors.Is(err, redisconn.ErrUnavailable) || !time.Now().Add(minPause).Before(until) || !sleep(ctx, minPause) {
			return err
		}
	}
}

// handOver writes all that waits and gives the session up. The caller holds the
// lease for writing.
func (l *lease) handOver(ctx context.Context) error {
	l.mu.Lock()
	if l.state != nil {
		l.version++ // once more: a promoted replica may not have it
	}
	l.mu.Unlock()
	for more := true; more; {
		var err error
		if more, err = l.d.writeOne(ctx, l); err != nil {
			return err
		}
	}
	return l.d.giveUp(ctx, l, false)
}

// empty forgets what waits.
func (l *lease) empty() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(len(l.queue))
	l.batch, l.state, l.saved = nil, nil, l.version
}

// hold makes the caller the one that writes.
func (l *lease) hold(ctx context.Context) error {
	select {
	case l.writing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
