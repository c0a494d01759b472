package cluster

import (
	"context"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// renewing renews all leases, three times in the time of one, until ctx ends.
func (d *Directory) renewing(ctx context.Context) {
	ticker := time.NewTicker(d.o.LeaseTime / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		d.mu.Lock()
		all := make([]*lease, 0, len(d.leases))
		for _, l := range d.leases {
			all = append(all, l)
		}
		d.mu.Unlock()
		for some := range slices.Chunk(all, together) {
			if d.renew(ctx, some) != nil {
				break // Redis is away: the rest would wait for nothing
			}
		}
	}
}

// renew renews some leases in one round trip.
func (d *Directory) renew(ctx context.Context, leases []*lease) error {
	answers := make([]*redis.Cmd, len(leases))
	now := time.Now()
	err := d.do(ctx, func(ctx context.Context) error {
		_, err := d.conn.Client().Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, l := range leases {
				full := l.due(now, d.o.KeepTime/4)
				answers[i] = d.scripts.renew.EvalSha(ctx, p, d.renewKeys(l), d.renewArgs(l, full)...)
				if full {
					d.enterIndex(ctx, p, l)
				}
			}
			return nil
		})
		if err == nil {
			return nil
		}
		err = nil
		for i, l := range leases {
			if redis.HasErrorPrefix(answers[i].Err(), "NOSCRIPT") {
				answers[i] = d.scripts.renew.Eval(ctx, d.conn.Client(), d.renewKeys(l), d.renewArgs(l, true)...)
			}
			if err == nil {
				err = answers[i].Err()
			}
		}
		return err
	})
	for i, l := range leases {
		if answers[i] == nil { // nobody was asked: the time for it was over before
			l.overdue()
			continue
		}
		if says, e := answers[i].Int(); e == nil {
			l.hear(says)
		} else {
			l.overdue()
		}
	}
	return err
}

func (d *Directory) renewKeys(l *lease) []string {
	return []string{l.keys.hash, l.keys.lease, l.keys.log, l.keys.sessions}
}

func (d *Directory) renewArgs(l *lease, full bool) []any {
	l.mu.Lock()
	saved := l.saved
	l.mu.Unlock()
	return []any{
		l.fence, d.process, milliseconds(d.o.LeaseTime), d.holding(), l.s.KeyHash, l.s.Owner,
		l.s.ID, time.Now().UnixMilli(), full, saved,
	}
}

func (d *Directory) enterIndex(ctx context.Context, c redis.Cmdable, l *lease) *redis.StatusCmd {
	return c.Set(ctx, l.keys.index, l.s.User, d.o.LeaseTime+d.o.KeepTime)
}

// due says whether the entries that last longer are to be renewed, too, and
// takes it that they are.
func (l *lease) due(now time.Time, every time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.indexed) < every {
		return false
	}
	l.indexed = now
	return true
}

func (l *lease) overdue() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.indexed = time.Time{}
}

// hear takes what the script renew said.
func (l *lease) hear(says int) {
	switch says {
	case saysLost:
		l.lose()
	case saysAsked:
		l.ask()
	case saysEntered:
		l.overdue() // the index has forgotten it, too
		l.unsave()
	}
}

// enter enters a lease, at once.
func (d *Directory) enter(ctx context.Context, l *lease) error {
	var says int
	err := d.do(ctx, func(ctx context.Context) (err error) {
		if err = d.enterIndex(ctx, d.conn.Client(), l).Err(); err != nil {
			return err
		}
		says, err = d.scripts.renew.Run(ctx, d.conn.Client(), d.renewKeys(l), d.renewArgs(l, true)...).Int()
		return err
	})
	if err != nil {
		return err
	}
	l.hear(says)
	l.due(time.Now(), 0)
	return nil
}
