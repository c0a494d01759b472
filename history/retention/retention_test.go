package retention_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sori/history/retention"
)

// kept are turns, recordings and a quarantine that note what goes.
type kept struct {
	mu     sync.Mutex
	users  []string
	before map[string][]time.Time // by what was expired
	fail   error
}

func (k *kept) note(what string, before time.Time) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail != nil {
		return 0, k.fail
	}
	k.before[what] = append(k.before[what], before)
	return 1, nil
}

func (k *kept) UserIDs(context.Context) ([]string, error) { return k.users, nil }
func (k *kept) ExpireTurns(_ context.Context, user string, before time.Time) (int, error) {
	return k.note("turns of "+user, before)
}

func (k *kept) Expire(_ context.Context, before time.Time) (int, error) {
	return k.note("recordings", before)
}

func (k *kept) ForgetBad(user string, before time.Time) (int, error) {
	return k.note("quarantine"+user, before)
}

func (k *kept) seen() map[string][]time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.before)
}

func TestWhatIsTooOldGoes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		o    retention.Options
		want []string
	}{
		"all":             {retention.Options{KeepTurns: 24 * time.Hour, KeepRecordings: time.Hour}, []string{"quarantine", "recordings", "turns of a", "turns of b"}},
		"recordings only": {retention.Options{KeepRecordings: time.Hour}, []string{"recordings"}},
		"nothing":         {retention.Options{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := &kept{users: []string{"a", "b"}, before: map[string][]time.Time{}}
				tt.o.Turns, tt.o.Recordings, tt.o.Quarantine = k, k, k
				began := time.Now()
				ctx, stop := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				wg.Go(func() { retention.NewJanitor(tt.o).Run(ctx) })
				time.Sleep(2*time.Hour + time.Minute)
				stop()
				wg.Wait()
				seen := k.seen()
				if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, tt.want) {
					t.Errorf("went %q, want %q", got, tt.want)
				}
				for what, times := range seen {
					keep := tt.o.KeepTurns
					if what == "recordings" {
						keep = tt.o.KeepRecordings
					}
					for i, before := range times {
						if want := began.Add(time.Duration(i)*time.Hour - keep); !before.Equal(want) {
							t.Errorf("%s, round %d: before %v, want %v", what, i, before, want)
						}
					}
					if len(times) != 3 {
						t.Errorf("%s: %d rounds", what, len(times))
					}
				}
			})
		})
	}
}

func TestATroubledRoundIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := &kept{users: []string{"a"}, before: map[string][]time.Time{}, fail: errors.New("the store is gone")}
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { retention.NewJanitor(retention.Options{Turns: k, KeepTurns: time.Hour}).Run(ctx) })
		time.Sleep(time.Minute)
		k.mu.Lock()
		k.fail = nil
		k.mu.Unlock()
		time.Sleep(time.Hour)
		stop()
		wg.Wait()
		if n := len(k.seen()["turns of a"]); n != 1 {
			t.Errorf("%d rounds after the trouble", n)
		}
	})
}

// shared are the records of processes that share a store.
type shared struct {
	mu      sync.Mutex
	records map[string][]byte
	expires map[string]time.Time
}

func (s *shared) PutRecord(_ context.Context, _, id string, record []byte, expires time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[id], s.expires[id] = record, expires
	return nil
}

func (s *shared) Records(context.Context, string) (map[string][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, at := range s.expires {
		if !time.Now().Before(at) {
			delete(s.records, id)
			delete(s.expires, id)
		}
	}
	return maps.Clone(s.records), nil
}

// forgotten is what a process was told to forget.
type forgotten struct {
	mu   sync.Mutex
	user []string
	at   []time.Time
	fail error
}

func (f *forgotten) forget(_ context.Context, user string, before time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.user, f.at = append(f.user, user), append(f.at, before)
	err := f.fail
	f.fail = nil
	return err
}

func TestADeletionReachesEveryProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &shared{records: map[string][]byte{}, expires: map[string]time.Time{}}
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		process := func(f *forgotten) *retention.Graves {
			g := retention.NewGraves(s, slog.New(slog.DiscardHandler))
			g.Carry(f.forget)
			wg.Go(func() { g.Run(ctx) })
			return g
		}
		var mine, other, late forgotten
		other.fail = errors.New("not now")
		g := process(&mine)
		process(&other)
		if err := g.Bury(t.Context(), "kim"); err != nil {
			t.Fatal(err)
		}
		first := time.Now()
		time.Sleep(10 * time.Second)
		process(&late) // it was away
		time.Sleep(10 * time.Second)
		if err := g.Bury(t.Context(), "kim"); err != nil { // she came back, and goes again
			t.Fatal(err)
		}
		second := time.Now()
		time.Sleep(2 * time.Hour)
		stop()
		wg.Wait()
		if len(mine.user) != 0 {
			t.Errorf("the process that began it was told: %v", mine.user)
		}
		if !slices.Equal(late.user, []string{"kim", "kim"}) || !late.at[0].Equal(first) || !late.at[1].Equal(second) {
			t.Errorf("a process that was away forgot %v before %v", late.user, late.at)
		}
		if !slices.Equal(other.user, []string{"kim", "kim", "kim"}) {
			t.Errorf("a process that failed once forgot %v", other.user)
		}
	})
}

// FuzzGraves reads what other processes wrote of deletions: nobody is forgotten whom
// it does not name.
func FuzzGraves(f *testing.F) {
	for _, text := range []string{`{"user":"kim","at":"2026-11-23T00:00:00Z"}`, `{"at":"2099-01-01T00:00:00Z"}`, `{}`, `null`, `[]`, `{"user":7}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		synctest.Test(t, func(t *testing.T) {
			s := &shared{records: map[string][]byte{"x": text}, expires: map[string]time.Time{"x": time.Now().Add(time.Hour)}}
			var told forgotten
			g := retention.NewGraves(s, slog.New(slog.DiscardHandler))
			g.Carry(told.forget)
			ctx, stop := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() { g.Run(ctx) })
			time.Sleep(5 * time.Second)
			stop()
			wg.Wait()
			for i, user := range told.user {
				if user == "" || told.at[i].IsZero() || i > 0 {
					t.Errorf("%q: forgets %q before %v", text, user, told.at[i])
				}
			}
		})
	})
}
