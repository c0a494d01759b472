package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"sori/session/resume"
)

const (
	// askAgain is how soon a session is asked for again when nobody said that it
	// is free: the message may have been lost.
	askAgain = 500 * time.Millisecond
	// page is how many messages of a log are read at once.
	page = 256
)

// Take gets a session that another process holds, or held. Its log ends with the
// last message that was written, and has no gaps: what comes before one is left
// out.
func (d *Directory) Take(ctx context.Context, c resume.Claim) (resume.Lease, resume.Inheritance, error) {
	l, in, err := d.get(ctx, c)
	if err != nil {
		return nil, resume.Inheritance{}, fmt.Errorf("cluster: take session %s: %w", c.ID, err)
	}
	if in.Log, err = d.readLog(ctx, l, c.Seen); err != nil {
		// The next one to try finds it free, and as it was.
		err = errors.Join(err, l.Release(context.WithoutCancel(ctx), false))
		return nil, resume.Inheritance{}, fmt.Errorf("cluster: read the log of session %s: %w", c.ID, err)
	}
	return l, in, nil
}

// get waits until the session is this process'.
func (d *Directory) get(ctx context.Context, c resume.Claim) (*lease, resume.Inheritance, error) {
	var user string
	var known bool
	err := d.do(ctx, func(ctx context.Context) (err error) {
		user, err = d.conn.Client().Get(ctx, d.index(c.ID)).Result()
		known = !errors.Is(err, redis.Nil)
		if !known {
			return nil
		}
		return err
	})
	switch {
	case err != nil:
		return nil, resume.Inheritance{}, err
	case !known:
		return nil, resume.Inheritance{}, resume.ErrNoSession
	}
	free := d.await(c.ID)
	defer d.forget(c.ID, free)
	s := resume.Session{ID: c.ID, User: user, Owner: c.Owner, KeyHash: c.KeyHash}
	for {
		t, err := d.take(ctx, s)
		switch {
		case err != nil:
			return nil, resume.Inheritance{}, err
		case t.says == saysDone:
			l := d.newLease(s, t.fence)
			l.state = t.state
			d.add(l)
			return l, resume.Inheritance{Session: s, State: t.state, LastSeq: t.last, Clean: t.clean}, nil
		case t.says != saysHeld:
			return nil, resume.Inheritance{}, resume.ErrNoSession
		}
		d.askOwn(c.ID)
		timer := time.NewTimer(min(max(t.left, time.Millisecond), askAgain))
		select {
		case <-free:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, resume.Inheritance{}, fmt.Errorf("its holder does not let go of it: %w", context.Cause(ctx))
		}
		timer.Stop()
	}
}

// taken is what the script take says.
type taken struct {
	says  int64
	fence uint64
	state []byte
	clean bool
	last  uint64
	left  time.Duration // of the other's lease
}

func (d *Directory) take(ctx context.Context, s resume.Session) (t taken, err error) {
	k := d.keysOf(s.User, s.ID)
	var answer []any
	err = d.do(ctx, func(ctx context.Context) (err error) {
		answer, err = d.scripts.take.Run(ctx, d.conn.Client(), []string{k.hash, k.lease},
			s.KeyHash, s.Owner, candidate(), d.process, milliseconds(d.o.LeaseTime), d.holding(), d.channel(""), s.ID).Slice()
		return err
	})
	if err != nil {
		return t, err
	}
	texts := make([]string, len(answer))
	for i, a := range answer {
		texts[i], _ = a.(string)
	}
	t.says, _ = answer[0].(int64)
	switch t.says {
	case saysHeld:
		left, _ := answer[1].(int64)
		t.left = time.Duration(left) * time.Millisecond
	case saysDone:
		fence, err := strconv.ParseUint(texts[1], 10, 64)
		if err != nil {
			return t, fmt.Errorf("its fence in %s is damaged: %w", k.hash, err)
		}
		last, err := strconv.ParseUint(texts[4], 10, 64)
		if err != nil {
			return t, fmt.Errorf("the end of its log in %s is damaged: %w", k.hash, err)
		}
		t.fence, t.last, t.clean = fence, last, texts[3] == "1"
		if texts[2] != "" {
			t.state = []byte(texts[2])
		}
	}
	return t, nil
}

// readLog gives the log behind seen, without what comes before a gap.
func (d *Directory) readLog(ctx context.Context, l *lease, seen uint64) ([]resume.Message, error) {
	var log []resume.Message
	for from := seen + 1; ; {
		var entries []redis.XMessage
		err := d.do(ctx, func(ctx context.Context) (err error) {
			entries, err = d.conn.Client().XRangeN(ctx, l.keys.log, strconv.FormatUint(from, 10), "+", page).Result()
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			m, err := message(e)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", l.keys.log, err)
			}
			if len(log) > 0 && m.Seq != log[len(log)-1].Seq+1 {
				log = log[:0]
			}
			log = append(log, m)
			from = m.Seq + 1
		}
		if len(entries) < page {
			return log, nil
		}
	}
}

func message(e redis.XMessage) (resume.Message, error) {
	number, _, _ := strings.Cut(e.ID, "-")
	seq, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return resume.Message{}, fmt.Errorf("entry %s is damaged: %w", e.ID, err)
	}
	for kind, data := range e.Values {
		if text, ok := data.(string); ok {
			return resume.Message{Seq: seq, Binary: kind == "b", Data: []byte(text)}, nil
		}
	}
	return resume.Message{}, fmt.Errorf("entry %s is empty", e.ID)
}

// await gives a channel that is told when the session is free.
func (d *Directory) await(id string) chan struct{} {
	free := make(chan struct{}, 1)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiters[id] = append(d.waiters[id], free)
	return free
}

func (d *Directory) forget(id string, free chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	left := slices.DeleteFunc(d.waiters[id], func(c chan struct{}) bool { return c == free })
	if len(left) == 0 {
		delete(d.waiters, id)
		return
	}
	d.waiters[id] = left
}

// askOwn asks the holder where that is this process itself.
func (d *Directory) askOwn(id string) {
	d.mu.Lock()
	l := d.leases[id]
	d.mu.Unlock()
	if l != nil {
		l.ask()
	}
}

// listening hears what other processes say until ctx ends. What is lost while
// the connection is made again is made up for: a renewal tells of who asks, and
// who asks asks again.
func (d *Directory) listening(ctx context.Context) {
	heard := d.conn.Client().Subscribe(ctx, d.channel(d.process))
	defer func() {
		if err := heard.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
			d.o.Log.Debug("the channel of this process does not close", "error", err)
		}
	}()
	messages := heard.Channel()
	for {
		select {
		case m, ok := <-messages:
			if !ok {
				return // the connection was closed
			}
			d.hear(m.Payload)
		case <-ctx.Done():
			return
		}
	}
}

func (d *Directory) hear(text string) {
	what, id, _ := strings.Cut(text, " ")
	switch what {
	case "ask":
		d.askOwn(id)
	case "free":
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, free := range d.waiters[id] {
			select {
			case free <- struct{}{}:
			default:
			}
		}
	}
}
