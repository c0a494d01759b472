// Package retention sees to it that what is kept of people goes when its time is
// over, and goes everywhere when somebody is deleted.
package retention

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Turns forgets turns by their age. A store of history is one.
type Turns interface {
	UserIDs(ctx context.Context) ([]string, error)
	ExpireTurns(ctx context.Context, userID string, before time.Time) (removed int, err error)
}

// Recordings forgets recordings by their age.
type Recordings interface {
	Expire(ctx context.Context, before time.Time) (removed int, err error)
}

// Quarantine forgets turns that no store takes.
type Quarantine interface {
	ForgetBad(userID string, before time.Time) (removed int, err error)
}

// Options say what goes when. What is nil, or has no age, stays.
type Options struct {
	Turns      Turns
	Quarantine Quarantine // as old as turns
	KeepTurns  time.Duration

	Recordings     Recordings
	KeepRecordings time.Duration

	Every time.Duration // between two rounds; 0 is one hour
	Log   *slog.Logger  // nil discards
}

// roundTimeout bounds one round.
const roundTimeout = 10 * time.Minute

// Janitor removes what is too old.
type Janitor struct{ o Options }

// NewJanitor makes a janitor. Nothing is removed before Run.
func NewJanitor(o Options) *Janitor {
	if o.Every <= 0 {
		o.Every = time.Hour
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Janitor{o}
}

// Run removes what is too old, now and then every Options.Every, until ctx ends.
// Several processes may do so for one store.
func (j *Janitor) Run(ctx context.Context) {
	tick := time.NewTicker(j.o.Every)
	defer tick.Stop()
	for {
		j.round(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// round removes what is too old now. What fails is tried again in the next one.
func (j *Janitor) round(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, roundTimeout)
	defer cancel()
	now := time.Now()
	turns, err := j.turns(ctx, now.Add(-j.o.KeepTurns))
	j.tell(ctx, "turns", turns, err)
	if j.o.Recordings != nil && j.o.KeepRecordings > 0 {
		recordings, err := j.o.Recordings.Expire(ctx, now.Add(-j.o.KeepRecordings))
		j.tell(ctx, "recordings", recordings, err)
	}
}

func (j *Janitor) turns(ctx context.Context, before time.Time) (removed int, err error) {
	if j.o.KeepTurns <= 0 {
		return 0, nil
	}
	if j.o.Quarantine != nil {
		if removed, err = j.o.Quarantine.ForgetBad("", before); err != nil {
			return removed, err
		}
	}
	if j.o.Turns == nil {
		return removed, nil
	}
	users, err := j.o.Turns.UserIDs(ctx)
	if err != nil {
		return removed, fmt.Errorf("list the users: %w", err)
	}
	for _, user := range users {
		n, err := j.o.Turns.ExpireTurns(ctx, user, before)
		removed += n
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

func (j *Janitor) tell(ctx context.Context, what string, removed int, err error) {
	if err != nil && ctx.Err() == nil {
		j.o.Log.WarnContext(ctx, "what is too old could not be removed; it is tried again", "what", what, "removed", removed, "error", err)
	} else if removed > 0 {
		j.o.Log.InfoContext(ctx, "removed what was too old", "what", what, "removed", removed)
	}
}
