package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sori/cluster"
	"sori/server"
)

// survival is how sessions outlive their connections, and this process.
type survival struct {
	ResumeWait time.Duration `default:"2m" placeholder:"TIME" setting:"" help:"How long a session waits for a client that lost its connection; 0: not at all."`
	LeaseTime  time.Duration `default:"6s" placeholder:"TIME" setting:"" help:"With Redis: how long the sessions of a process that died are kept from the others."`
	AwaySpread time.Duration `default:"2s" placeholder:"TIME" setting:"" help:"Over how long clients come back when this process stops."`
	HandOver   time.Duration `default:"10s" placeholder:"TIME" setting:"" help:"How long a turn under way may take to end when this process stops, or another one goes on with its session."`
}

func (s *survival) check() error {
	switch {
	case s.ResumeWait < 0 || s.ResumeWait > time.Hour:
		return fmt.Errorf("--resume-wait %s has to be from 0 to 1h", s.ResumeWait)
	case s.LeaseTime < 500*time.Millisecond || s.LeaseTime > time.Minute:
		return fmt.Errorf("--lease-time %s has to be from 500ms to 1m", s.LeaseTime)
	case s.AwaySpread <= 0 || s.AwaySpread > time.Minute:
		return fmt.Errorf("--away-spread %s has to be above 0 and at most 1m", s.AwaySpread)
	case s.HandOver <= 0 || s.HandOver > time.Minute:
		return fmt.Errorf("--hand-over %s has to be above 0 and at most 1m", s.HandOver)
	}
	return nil
}

// apply sets what a server needs to know of it.
func (s *survival) apply(cfg *server.Config) {
	cfg.ResumeWait = s.ResumeWait
	if s.ResumeWait == 0 {
		cfg.ResumeWait = -1
	}
	cfg.AwaySpread, cfg.HandOverTimeout = s.AwaySpread, s.HandOver
	cfg.TakeTimeout = s.HandOver + 2*s.LeaseTime + 2*time.Second
	cfg.ShutdownTimeout = s.HandOver + 15*time.Second
}

// keepSpare is how much longer than its client a session can be taken.
const keepSpare = 30 * time.Second

// openDirectory shares the sessions with the other processes on the same Redis.
func (p *parts) openDirectory(ctx context.Context) error {
	if p.redis == nil || p.ResumeWait == 0 {
		return nil
	}
	d, err := cluster.New(p.redis, cluster.Options{LeaseTime: p.LeaseTime, KeepTime: p.ResumeWait + keepSpare, Log: p.log})
	if err != nil {
		return err
	}
	p.directory = d
	// It ends after the last session, not with ctx.
	var sharing context.Context
	sharing, p.endSharing = context.WithCancel(context.WithoutCancel(ctx))
	p.sharing.Go(func() {
		if err := d.Run(sharing); err != nil && !errors.Is(err, context.Canceled) {
			p.log.ErrorContext(sharing, "sessions are not shared any more", "error", err)
		}
	})
	return nil
}

// closeDirectory ends what openDirectory began.
func (p *parts) closeDirectory() {
	if p.endSharing != nil {
		p.endSharing()
		p.sharing.Wait()
	}
}
