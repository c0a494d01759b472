//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sori/client"
	"sori/history"
	"sori/protocol"
)

// trouble is something that a schedule does to a link.
type trouble struct {
	name     string
	do, mend func(l *link)
	atMost   time.Duration // from do to mend
}

func troubles() []trouble {
	none := func(*link) {}
	return []trouble{
		{name: "cut", do: (*link).cut, mend: none},
		{name: "slow", do: func(l *link) { l.slow(150 * time.Millisecond) }, mend: func(l *link) { l.slow(0) }, atMost: time.Second},
		{name: "black hole", do: func(l *link) { l.blackhole(true) }, mend: func(l *link) { l.blackhole(false) }, atMost: 1500 * time.Millisecond},
		{name: "refused", do: func(l *link) { l.refuse(true); l.cut() }, mend: func(l *link) { l.refuse(false) }, atMost: time.Second},
	}
}

// spoil does so many troubles to each link, one after the other, at moments of
// a seeded schedule, and mends all of it at the end.
func spoil(ctx context.Context, seed uint64, rounds int, links map[string]*link) (done []string) {
	rng := rand.New(rand.NewPCG(seed, seed)) //nolint:gosec // a seeded schedule
	all := troubles()
	for range rounds {
		for _, name := range []string{"engines", "store", "client"} {
			l := links[name]
			if l == nil || ctx.Err() != nil {
				continue
			}
			x := all[rng.IntN(len(all))]
			done = append(done, name+" "+x.name)
			x.do(l)
			if x.atMost > 0 {
				pause(ctx, time.Duration(rng.Int64N(int64(x.atMost))))
			}
			x.mend(l)
			pause(ctx, time.Duration(rng.IntN(200))*time.Millisecond)
		}
	}
	return done
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// While the links to the engines, to Redis and to the clients are cut, slowed,
// swallowed and refused on a schedule, people go on talking: each of their turns
// ends once, done or failed for a named reason, what ATOT heard is what was
// said, and all of it is in Redis in the end, in order, once.
func TestSpoiltLinks(t *testing.T) {
	t.Parallel()
	r := newRedis(t)
	r.start()
	store := newLink(t, fmt.Sprintf("127.0.0.1:%d", r.port))
	engines := newLink(t, strings.TrimPrefix(scripted(t), "http://"))
	s := serve(t, append(scriptedArgs("http://"+engines.addr()),
		"--store", "redis://"+store.addr()+"/0", "--engine-timeout", "2s")...)
	front := newLink(t, s.addr)
	speech := ownSpeech(t).pcm

	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	over := make(chan struct{})
	var resumed atomic.Int64
	const people = 8
	records := make([][]history.Turn, people)
	var wg sync.WaitGroup
	for who := range people {
		wg.Go(func() {
			user := fmt.Sprintf("talker-%d", who)
			c := format(markedRate)
			c.User = &user
			atOnce := 0
			c.PaceMS = &atOnce
			conn, err := client.Dial(ctx, "ws://"+front.addr()+"/ws", client.Options{Resume: time.Minute})
			if err != nil {
				t.Errorf("talker %d: %v", who, err)
				return
			}
			defer conn.CloseNow()
			if _, err := conn.Configure(ctx, c, nil); err != nil {
				t.Errorf("talker %d: %v", who, err)
				return
			}
			for n := 0; ; n++ {
				select {
				case <-over:
					return
				default:
				}
				a, err := conn.Ask(ctx, client.Turn{PCM: marked(speech, who, n, 40), Rate: markedRate, Fast: true}, func(m client.Message) {
					if r, ok := m.Event.(protocol.Resumed); ok {
						resumed.Add(1)
						if r.Lost > 0 {
							t.Errorf("talker %d missed %d messages", who, r.Lost)
						}
					}
				}, nil)
				if err != nil || a.Problem != nil {
					t.Errorf("talker %d, utterance %d: %v, %+v", who, n, err, a.Problem)
					return
				}
				heard, want := a.Record.ATOTText, fmt.Sprintf("%d said %d in 40", who, n)
				if heard != want && (heard != "" || a.Record.Error == nil) {
					t.Errorf("talker %d: ATOT heard %q, want %q", who, heard, want)
				}
				records[who] = append(records[who], a.Record)
				pause(ctx, 50*time.Millisecond)
			}
		})
	}
	did := spoil(ctx, 7, 8, map[string]*link{"engines": engines, "store": store, "client": front})
	close(over)
	wg.Wait()

	failed := map[string]int{}
	total, done := 0, 0
	for who, said := range records {
		user := fmt.Sprintf("talker-%d", who)
		turnsOf(t, s, user, len(said))
		kept := turnsIn(t, s, user)
		if len(kept) != len(said) {
			t.Errorf("talker %d: %d turns in Redis, want %d", who, len(kept), len(said))
			continue
		}
		for i, turn := range said {
			if kept[i].ID != turn.ID {
				t.Errorf("talker %d: turn %d in Redis is %s, want %s", who, i, kept[i].ID, turn.ID)
			}
			total++
			if turn.Status == history.Done {
				done++
			} else if turn.Error != nil {
				failed[turn.Error.Code]++
			}
		}
	}
	t.Logf("%s\n%d turns: %d done, failed %v; %d resumptions", strings.Join(did, ", "), total, done, failed, resumed.Load())
	if resumed.Load() == 0 {
		t.Error("nobody's connection was lost")
	}
	if done < people {
		t.Errorf("%d of %d turns went well: that is no conversation", done, total)
	}
}
