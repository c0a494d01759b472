package retention

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Records is where the processes that share a store tell each other who was
// deleted.
type Records interface {
	PutRecord(ctx context.Context, kind, id string, record []byte, expires time.Time) error
	Records(ctx context.Context, kind string) (map[string][]byte, error)
}

const (
	kindDeleted = "deleted"
	rememberFor = time.Hour       // how long a deletion is told of
	lookEvery   = 2 * time.Second // how often other processes look
)

// grave says that a user was deleted.
type grave struct {
	User string    `json:"user"`
	At   time.Time `json:"at"`
}

// Graves carries deletions to the other processes that share a store: they have
// sessions, turns that wait on their disks, and recordings of their own.
type Graves struct {
	records Records
	forget  func(ctx context.Context, user string, before time.Time) error // nil: nothing is carried out here
	log     *slog.Logger

	mu   sync.Mutex
	seen map[string]time.Time // deletions that were carried out here, by id
}

// NewGraves makes the messenger.
func NewGraves(records Records, log *slog.Logger) *Graves {
	return &Graves{records: records, log: log, seen: make(map[string]time.Time)}
}

// Carry says what carries a deletion out that another process began: forget
// removes what this process alone has of a user from before that time. Whoever
// came back since is a new user. It is called before Run.
func (g *Graves) Carry(forget func(ctx context.Context, user string, before time.Time) error) {
	g.forget = forget
}

// Bury tells the other processes that a user is being deleted.
func (g *Graves) Bury(ctx context.Context, user string) error {
	at := time.Now().UTC()
	record, err := json.Marshal(grave{user, at})
	if err != nil {
		return fmt.Errorf("retention: %w", err)
	}
	sum := sha256.Sum256([]byte(user))
	id := hex.EncodeToString(sum[:16])
	g.mu.Lock()
	g.seen[id] = at
	g.mu.Unlock()
	if err := g.records.PutRecord(ctx, kindDeleted, id, record, at.Add(rememberFor)); err != nil {
		return fmt.Errorf("retention: tell the other processes of a deletion: %w", err)
	}
	return nil
}

// Run carries out the deletions of other processes until ctx ends. Those from
// before it began are carried out, too: this process may have been away.
func (g *Graves) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := g.look(ctx); err != nil && ctx.Err() == nil {
			g.log.DebugContext(ctx, "deletions of other processes can't be seen now", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (g *Graves) look(ctx context.Context) error {
	records, err := g.records.Records(ctx, kindDeleted)
	if err != nil {
		return err
	}
	var failed error
	for id, record := range records {
		var d grave
		if json.Unmarshal(record, &d) != nil || d.User == "" || d.At.IsZero() {
			failed = errors.Join(failed, fmt.Errorf("retention: the record %s of a deletion is damaged", id))
			continue
		}
		g.mu.Lock()
		done := !d.At.After(g.seen[id])
		g.mu.Unlock()
		if done {
			continue
		}
		if err := g.forget(ctx, d.User, d.At); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		g.mu.Lock()
		g.seen[id] = d.At
		g.mu.Unlock()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for id, at := range g.seen {
		if _, told := records[id]; !told && time.Since(at) > rememberFor {
			delete(g.seen, id)
		}
	}
	return failed
}
