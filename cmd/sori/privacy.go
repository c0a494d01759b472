package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sori/history/retention"
	"sori/server"
)

// age is how old something may get: a duration as Go writes it, or days ("30d").
type age time.Duration

// UnmarshalText reads an age.
func (a *age) UnmarshalText(text []byte) error {
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 100_000 {
			return fmt.Errorf("%q is no number of days such as 30d", text)
		}
		*a = age(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d < 0 {
		return fmt.Errorf("%q is no time such as 30d or 12h", text)
	}
	*a = age(d)
	return nil
}

// memory says what is kept of people, and for how long.
type memory struct {
	Recordings     string `default:"none" placeholder:"WHERE" setting:"" help:"Keep what was said and answered as WAV files: none; folder, which is recordings in the data folder; or a bucket of an S3-compatible store, such as s3://BUCKET/PREFIX?endpoint=https://HOST:PORT, with keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."`
	KeepTurns      age    `placeholder:"TIME" setting:"" help:"Remove turns of this age, such as 30d or 12h. Default: they are kept until they are deleted."`
	KeepRecordings age    `placeholder:"TIME" setting:"" help:"Remove recordings of this age. Default: as --keep-turns."`
}

const (
	recordNothing = "none"
	recordFolder  = "folder"
)

// check says what is wrong with the settings, and reads true and false as what
// they once meant.
func (m *memory) check() error {
	switch m.Recordings {
	case "true":
		m.Recordings = recordFolder
	case "false", "":
		m.Recordings = recordNothing
	}
	if m.Recordings != recordNothing && m.Recordings != recordFolder && !m.inBucket() {
		return fmt.Errorf("--recordings %q is neither none nor folder nor s3://BUCKET/PREFIX", m.Recordings)
	}
	if m.KeepRecordings == 0 {
		m.KeepRecordings = m.KeepTurns
	}
	return nil
}

// erase removes all that is kept of a user beside the history.
func (p *parts) erase(ctx context.Context, user string) error {
	err := p.graves.Bury(ctx, user)
	if err != nil {
		return err
	}
	for _, e := range p.erasers {
		if err := e(ctx, user); err != nil {
			return err
		}
	}
	return nil
}

// forgetHere carries out what another process began: it removes what this one has
// of a user from before a time.
func (p *parts) forgetHere(srv *server.Server) func(ctx context.Context, user string, before time.Time) error {
	return func(ctx context.Context, user string, before time.Time) error {
		ended, err := srv.EndUser(ctx, user, before)
		if err != nil {
			return err
		}
		waited, err := p.keeper.Forget(user, before)
		if err != nil {
			return err
		}
		if _, err := p.keeper.ForgetBad(user, before); err != nil {
			return err
		}
		if p.records != nil {
			if _, err := p.records.ExpireUser(ctx, user, before); err != nil {
				return err
			}
		}
		if ended > 0 { // a session that ends leaves its last turn
			_, err = p.turnsOf.ExpireTurns(ctx, user, time.Now())
		}
		p.log.InfoContext(ctx, "user deleted by another process", "sessions", ended, "turns_waiting", waited)
		return err
	}
}

// tidy removes what is too old, and whom another process has deleted, until the
// parts are closed.
func (p *parts) tidy(ctx context.Context, srv *server.Server) {
	ctx, p.endTidying = context.WithCancel(context.WithoutCancel(ctx))
	o := retention.Options{
		Turns: p.turnsOf, Quarantine: p.keeper, KeepTurns: time.Duration(p.KeepTurns),
		KeepRecordings: time.Duration(p.KeepRecordings), Log: p.log,
	}
	if p.records != nil {
		o.Recordings = expiring{p.records, p.quotas}
	}
	if p.KeepTurns > 0 || p.KeepRecordings > 0 {
		p.tidying.Go(func() { retention.NewJanitor(o).Run(ctx) })
	}
	if p.redis != nil { // else nobody shares the store
		p.graves.Carry(p.forgetHere(srv))
		p.tidying.Go(func() { p.graves.Run(ctx) })
	}
}
