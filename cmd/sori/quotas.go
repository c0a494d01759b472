package main

import (
	"context"
	"io"
	"time"

	"sori/quota"
	"sori/quota/redisledger"
	"sori/session"
)

// openQuotas begins to count what users and keys use: in Redis where there is
// Redis, else in this process.
func (p *parts) openQuotas(ctx context.Context) {
	o := p.limits.quotas()
	o.Log = p.log
	if p.redis != nil {
		o.Ledger = redisledger.New(p.redis.Client())
	}
	if p.records != nil {
		o.Stored = func(ctx context.Context, user string) (int64, error) {
			all, err := p.records.List(ctx, user)
			total := int64(0)
			for i := range all {
				total += all[i].Bytes
			}
			return total, err
		}
	}
	if p.quotas = quota.New(o); p.quotas == nil {
		return
	}
	p.erasers = append(p.erasers, func(_ context.Context, user string) error {
		p.quotas.Erased(user)
		return nil
	})
	// It ends after the last session, as the keeper does.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.endQuotas = stop
	p.keeping.Go(func() { p.quotas.Run(running) })
}

// expiring removes old recordings, and has what is left counted.
type expiring struct {
	records

	quotas *quota.Book
}

// Expire removes what was saved before a time.
func (e expiring) Expire(ctx context.Context, before time.Time) (int, error) {
	n, err := e.records.Expire(ctx, before)
	e.quotas.Measure(ctx)
	return n, err
}

// counted keeps recordings while there is room for them.
type counted struct {
	session.Recordings

	quotas *quota.Book
}

// Save writes one recording.
func (c counted) Save(ctx context.Context, userID, turnID, kind string, wav io.Reader) (string, error) {
	const header = 44 // a recording has at least that
	if err := c.quotas.Stored(userID, header); err != nil {
		return "", err
	}
	bytes := counter{Reader: wav}
	path, err := c.Recordings.Save(ctx, userID, turnID, kind, &bytes)
	if err != nil {
		bytes.n = 0
	}
	c.quotas.Kept(userID, bytes.n-header)
	return path, err
}

// counter counts what is read.
type counter struct {
	io.Reader

	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}
