//go:build e2e

package e2e_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"sori/client"
	"sori/history"
)

// Whenever the process is killed: a turn whose end the client saw is in history,
// and what was in history stays there. A hundred moments, half of them with
// turns in an SQLite file, half in Redis; the schedule is seeded.
func TestKilledAtAHundredMoments(t *testing.T) {
	t.Parallel()
	const kills = 50 // on each store
	engines := scripted(t)
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		killAndCompare(t, kills, 1, scriptedArgs(engines))
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		r := newRedis(t)
		r.start()
		killAndCompare(t, kills, 2, append(scriptedArgs(engines), "--store", r.url()))
	})
}

// killAndCompare lets four users talk, kills the server at a moment of the
// schedule, starts it again on the same folder, and looks. The moment counts from
// the start, and in every second life from the first turn that was acknowledged:
// on a slow disk nothing is before.
func killAndCompare(t *testing.T, kills int, seed uint64, args []string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // a seeded schedule
	args = append(args, "--data", t.TempDir())
	var mu sync.Mutex
	var acknowledged []string
	known := map[string]bool{} // turns that were seen in history
	for n := range kills {
		s := serve(t, args...)
		first, one := make(chan struct{}), sync.Once{}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				talkUntilItDies(t, s, func(id string) {
					one.Do(func() { close(first) })
					mu.Lock()
					defer mu.Unlock()
					acknowledged = append(acknowledged, id)
				})
			})
		}
		if n%2 == 1 {
			select {
			case <-first:
			case <-time.After(time.Minute):
				t.Fatalf("life %d: no turn was acknowledged within a minute", n+1)
			}
		}
		time.Sleep(time.Duration(rng.IntN(300)) * time.Millisecond) // the moment is what the test is about
		s.kill()
		wg.Wait()
		if n%10 != 9 && n != kills-1 {
			continue
		}
		have := idsOf(t, serve(t, args...), "10")
		for _, id := range acknowledged {
			if !have[id] {
				t.Fatalf("kill %d: turn %s was acknowledged and is not in history", n+1, id)
			}
		}
		for id := range known {
			if !have[id] {
				t.Fatalf("kill %d: turn %s was in history and is gone", n+1, id)
			}
		}
		known = have
	}
	t.Logf("%d kills, %d turns acknowledged, %d in history, none lost", kills, len(acknowledged), len(known))
}

// talkUntilItDies types one turn after another and tells of each that sori
// acknowledged.
func talkUntilItDies(t *testing.T, s *sori, acknowledged func(id string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := client.Dial(ctx, s.ws(), client.Options{})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	atOnce := 0
	c := format(16000)
	c.PaceMS = &atOnce
	if _, err := conn.Configure(ctx, c, nil); err != nil {
		return
	}
	for {
		a, err := conn.Ask(ctx, client.Turn{Text: "hello"}, nil, nil)
		if err != nil {
			return
		}
		acknowledged(a.Record.ID)
	}
}

// idsOf gives all turns of a user that are in history.
func idsOf(t *testing.T, s *sori, user string) map[string]bool {
	t.Helper()
	have := map[string]bool{}
	for _, turn := range turnsIn(t, s, user) {
		have[turn.ID] = true
	}
	return have
}

// turnsIn gives all turns of a user that are in history, oldest first: none of
// one who is not known, or not yet, since all turns wait.
func turnsIn(t *testing.T, s *sori, user string) (turns []history.Turn) {
	t.Helper()
	before := ""
	for {
		var page struct {
			Turns []history.Turn
			More  bool
		}
		code := s.get("/users/"+user+"/turns?limit=100&before="+before, &page)
		if code == http.StatusNotFound && before == "" {
			return nil
		}
		if code != http.StatusOK {
			t.Fatalf("GET turns of %s: %d", user, code)
		}
		turns = append(turns, page.Turns...)
		if !page.More {
			slices.Reverse(turns)
			return turns
		}
		before = turns[len(turns)-1].ID
	}
}
