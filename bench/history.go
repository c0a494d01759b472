package bench

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"sori/history"
	"sori/history/redisstore"
	"sori/history/sqlitestore"
)

// history measures whether a long history makes the store slower.
func (b *bench) history(ctx context.Context, _ int) error {
	db, err := sqlitestore.Open(ctx, filepath.Join(b.dir, "bench.db"), sqlitestore.Options{})
	if err != nil {
		return err
	}
	err = b.grow(ctx, "SQLite", db)
	_ = db.Close() // it is thrown away
	if err != nil {
		return err
	}
	program, err := exec.LookPath("redis-server")
	if err != nil {
		b.note("Redis was not measured: redis-server is not installed")
		return nil
	}
	socket := filepath.Join(b.dir, "redis.sock")
	server, err := spawn(ctx, "redis-server", program, []string{"--port", "0", "--unixsocket", socket, "--save", "", "--dir", b.dir}, nil,
		func(line string, _ *child) bool {
			return strings.Contains(strings.ToLower(line), "ready to accept connections")
		})
	if err != nil {
		return err
	}
	defer func() { _ = server.stop() }() // it keeps nothing
	r, err := redisstore.Open("unix://"+socket, redisstore.Options{})
	if err != nil {
		return err
	}
	defer r.Close()
	return b.grow(ctx, "Redis", r)
}

// marks are the lengths of a history at which the store is measured.
func (b *bench) marks() []int {
	marks := []int{10}
	for n := 1000; n <= b.Turns; n *= 10 {
		marks = append(marks, n)
	}
	return marks
}

// grow lets a user's history grow, and measures the store on the way. The floor
// is what it took at the beginning.
func (b *bench) grow(ctx context.Context, name string, store history.Store) error {
	const user = "bench"
	var appended, read [2]float64
	have := 0
	marks := b.marks()
	for i, mark := range marks {
		if err := b.lengthen(ctx, store, user, have, mark); err != nil {
			return err
		}
		have = max(have, mark)
		var took, got samples
		for range 300 {
			began := time.Now()
			if err := store.Append(ctx, benchTurn(user, have)); err != nil {
				return err
			}
			took.add(time.Since(began))
			have++
			began = time.Now()
			if _, err := store.Recent(ctx, user, 20); err != nil {
				return err
			}
			got.add(time.Since(began))
		}
		at := min(i, 1)
		appended[at], read[at] = took.ms(.5), got.ms(.5)
		b.tell("      %s with %d turns: append p50 %.3f p99 %.3f ms, read the last 20 p50 %.3f ms", name, mark, took.ms(.5), took.ms(.99), got.ms(.5))
	}
	last := marks[len(marks)-1]
	b.add(1, fmt.Sprintf("%s, append with %d turns p50", name, last), "ms", appended[1:], "with 10", appended[:1], goal{1.3, true})
	b.add(1, fmt.Sprintf("%s, read the last 20 of %d p50", name, last), "ms", read[1:], "with 10", read[:1], goal{1.3, true})
	return nil
}

// lengthen appends turns, several at a time: a million would take half an hour
// one after the other.
func (b *bench) lengthen(ctx context.Context, store history.Store, user string, from, to int) error {
	appends, ctx := errgroup.WithContext(ctx)
	appends.SetLimit(16)
	for n := from; n < to && ctx.Err() == nil; n++ {
		if n > from && n%100_000 == 0 {
			b.tell("      %d of %d turns", n, to)
		}
		appends.Go(func() error { return store.Append(ctx, benchTurn(user, n)) })
	}
	return appends.Wait()
}

func benchTurn(user string, n int) history.Turn {
	now := time.Now().UTC()
	return history.Turn{
		ID: uuid.Must(uuid.NewV7()).String(), UserID: user, SessionID: "bench", Number: n + 1, Status: history.Done,
		StartedAt: now, EndedAt: now, Language: "en",
		ATOTText: "please tell me something about tea, and about the way in which it is made where you live",
		TTOTText: "Warm water water water water water water tea. Warm water water water water water water tea.",
	}
}
