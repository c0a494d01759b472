package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"sori/redisconn"
	"sori/session/resume"
)

const (
	// together is how many sessions one round trip writes or renews.
	together = 64
	// minPause and maxPause bound the wait for a Redis that is away.
	minPause = 100 * time.Millisecond
	maxPause = 2 * time.Second
)

// flushing writes what waits until ctx ends.
func (d *Directory) flushing(ctx context.Context) {
	pause := d.o.FlushEvery
	for {
		select {
		case <-d.work:
		case <-ctx.Done():
			return
		}
		if !sleep(ctx, pause) {
			return
		}
		if err := d.flush(ctx); err != nil {
			pause = min(max(2*pause, minPause), maxPause)
		} else {
			pause = d.o.FlushEvery
		}
	}
}

func sleep(ctx context.Context, t time.Duration) bool {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// flush writes a batch of each session that has something to say.
func (d *Directory) flush(ctx context.Context) error {
	d.mu.Lock()
	all := d.dirty
	d.dirty = nil
	d.mu.Unlock()
	for len(all) > 0 && ctx.Err() == nil {
		n := min(together, len(all))
		err := d.flushSome(ctx, all[:n])
		all = all[n:]
		if err != nil {
			for _, l := range all {
				l.again()
			}
			return err
		}
	}
	return nil
}

// again puts a lease back into the list.
func (l *lease) again() {
	l.mu.Lock()
	l.dirty = false
	l.mu.Unlock()
	l.soil()
}

// write is one call of the script write.
type write struct {
	l       *lease
	version int // of the state
	args    []any
	cmd     *redis.Cmd
}

// newWrite gives what the lease has to write; ok is false where it has nothing.
func (d *Directory) newWrite(l *lease) (w write, ok bool) {
	batch, state, version := l.load()
	if len(batch) == 0 && state == nil {
		return w, false
	}
	stated := 0
	if state != nil {
		stated = version
	}
	args := make([]any, 0, 7+3*len(batch))
	args = append(args, l.fence, d.process, d.holding(), d.o.MaxLog, d.o.MaxLogBytes, stated, state)
	for _, m := range batch {
		kind := "t"
		if m.Binary {
			kind = "b"
		}
		args = append(args, m.Seq, kind, m.Data)
	}
	return write{l: l, version: version, args: args}, true
}

func (w *write) keys() []string { return []string{w.l.keys.hash, w.l.keys.log} }

// flushSome writes a batch of each of these, in one round trip.
func (d *Directory) flushSome(ctx context.Context, leases []*lease) error {
	var writes []write
	for _, l := range leases {
		select {
		case l.writing <- struct{}{}:
		default:
			continue // it is being released: whoever does it writes
		}
		l.mu.Lock()
		l.dirty = false
		l.mu.Unlock()
		if w, ok := d.newWrite(l); ok {
			writes = append(writes, w)
		} else {
			<-l.writing
		}
	}
	if len(writes) == 0 {
		return nil
	}
	err := d.do(ctx, func(ctx context.Context) error {
		_, err := d.conn.Client().Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := range writes {
				writes[i].cmd = d.scripts.write.EvalSha(ctx, p, writes[i].keys(), writes[i].args...)
			}
			return nil
		})
		return d.unheard(ctx, err, writes)
	})
	for i := range writes {
		w := &writes[i]
		more, e := d.settle(ctx, w)
		<-w.l.writing
		if err == nil {
			err = e
		}
		if more || e != nil {
			w.l.again()
		}
	}
	return err
}

// unheard gives the error of a pipeline as a whole. A Redis that does not know
// the script is told it.
func (d *Directory) unheard(ctx context.Context, err error, writes []write) error {
	if err == nil {
		return nil
	}
	err = nil
	for i := range writes {
		w := &writes[i]
		if redis.HasErrorPrefix(w.cmd.Err(), "NOSCRIPT") {
			w.cmd = d.scripts.write.Eval(ctx, d.conn.Client(), w.keys(), w.args...)
		}
		if err == nil {
			err = w.cmd.Err()
		}
	}
	return err
}

// settle takes what Redis said of a write. An error is that of a write which has
// to be tried again.
func (d *Directory) settle(ctx context.Context, w *write) (more bool, err error) {
	if w.cmd == nil { // the time for it was over before Redis was asked
		return true, redisconn.ErrUnavailable
	}
	says, err := w.cmd.Int()
	if err != nil {
		return true, err
	}
	switch says {
	case saysDone:
		return w.l.wrote(w.version), nil
	case saysUnknown:
		if err := d.enter(ctx, w.l); err != nil {
			return true, err
		}
		return true, nil
	default:
		w.l.lose()
		return false, nil
	}
}

// writeOne writes a batch of one lease, which the caller holds for writing, and
// says whether more waits.
func (d *Directory) writeOne(ctx context.Context, l *lease) (more bool, err error) {
	w, ok := d.newWrite(l)
	if !ok {
		return false, nil
	}
	err = d.do(ctx, func(ctx context.Context) error {
		w.cmd = d.scripts.write.Run(ctx, d.conn.Client(), w.keys(), w.args...)
		return w.cmd.Err()
	})
	if err != nil {
		return true, fmt.Errorf("cluster: session %s: what is left of its log: %w", l.s.ID, err)
	}
	if more, err = d.settle(ctx, &w); err != nil {
		return true, err
	}
	if l.gone() {
		return false, fmt.Errorf("cluster: session %s: %w", l.s.ID, resume.ErrFenced)
	}
	return more, nil
}

// Flush writes what waits, without the pause in which more gathers. It gives up at
// once where Redis is known to be away.
func (l *lease) Flush(ctx context.Context) error {
	if s := l.d.Status(); s.Down != nil {
		return fmt.Errorf("cluster: session %s: %w", l.s.ID, s.Down)
	}
	if err := l.hold(ctx); err != nil {
		return err
	}
	defer l.again() // the directory may have passed it over meanwhile
	defer func() { <-l.writing }()
	for more := true; more; {
		var err error
		if more, err = l.d.writeOne(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

func (l *lease) gone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.isLost
}

// giveUp ends the lease in Redis.
func (d *Directory) giveUp(ctx context.Context, l *lease, ended bool) error {
	if l.gone() {
		return fmt.Errorf("cluster: session %s: %w", l.s.ID, resume.ErrFenced)
	}
	k := l.keys
	var says int
	err := d.do(ctx, func(ctx context.Context) (err error) {
		says, err = d.scripts.release.Run(ctx, d.conn.Client(), []string{k.hash, k.lease, k.log, k.sessions},
			l.fence, d.process, milliseconds(d.o.KeepTime), ended, milliseconds(remember), l.s.ID, d.channel("")).Int()
		if err == nil && ended && says == saysDone {
			err = d.conn.Client().Del(ctx, k.index).Err()
		}
		return err
	})
	switch {
	case err != nil:
		return fmt.Errorf("cluster: release session %s: %w", l.s.ID, err)
	case says == saysLost:
		l.lose()
		return fmt.Errorf("cluster: session %s: %w", l.s.ID, resume.ErrFenced)
	case says == saysUnknown && !ended:
		return fmt.Errorf("cluster: release session %s: %w: Redis has forgotten it", l.s.ID, redisconn.ErrUnavailable)
	}
	return nil
}

// remember is how long the fence of a session that has ended is kept for a
// holder that still sleeps.
const remember = 24 * time.Hour

// DeleteUser removes all that Redis has of the user's sessions. Whoever holds
// one of them has lost it.
func (d *Directory) DeleteUser(ctx context.Context, user string) error {
	sessions := d.names.User(user, "sessions")
	err := d.do(ctx, func(ctx context.Context) error {
		ids, err := d.conn.Client().ZRange(ctx, sessions, 0, -1).Result()
		if err != nil {
			return err
		}
		for _, id := range ids {
			k := d.keysOf(user, id)
			err := d.scripts.erase.Run(ctx, d.conn.Client(), []string{k.hash, k.lease, k.log, k.sessions}, candidate(), milliseconds(remember), id).Err()
			if err != nil {
				return err
			}
			if err := d.conn.Client().Del(ctx, k.index).Err(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("cluster: delete the sessions of user %q: %w", user, err)
	}
	d.mu.Lock()
	var own []*lease
	for _, l := range d.leases {
		if l.s.User == user {
			own = append(own, l)
		}
	}
	d.mu.Unlock()
	for _, l := range own {
		l.lose()
	}
	return nil
}
