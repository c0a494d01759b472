//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"sori/client"
	"sori/history"
	"sori/protocol"
)

// talker is somebody who speaks marked utterances, one after the other, and
// comes back whenever the connection is lost.
type talker struct {
	who     int
	user    string
	records []history.Turn  // as sori told of their end, by this talker's own account
	outages []time.Duration // of its connection
	lost    uint64          // server messages that it missed for good
	delayed int             // turns of which it was warned that they wait for the store
	err     error

	anyOrder bool // its turns need not be in history in the order of their ends
}

// talk goes on until over is closed. Then everything said was answered.
func (p *talker) talk(ctx context.Context, address string, speech []byte, over <-chan struct{}) {
	conn, err := client.Dial(ctx, address, client.Options{Resume: time.Minute})
	if err != nil {
		p.err = err
		return
	}
	defer conn.CloseNow()
	c := format(markedRate)
	c.User = &p.user
	if _, err := conn.Configure(ctx, c, nil); err != nil {
		p.err = err
		return
	}
	for n := 0; ; n++ {
		select {
		case <-over:
			return
		default:
		}
		_, err := conn.Ask(ctx, client.Turn{PCM: marked(speech, p.who, n, 30), Rate: markedRate, Fast: n%4 != 0}, func(m client.Message) {
			if turn, ok := client.Terminal(m.Event); ok {
				p.records = append(p.records, turn)
			}
			if r, ok := m.Event.(protocol.Resumed); ok {
				p.outages = append(p.outages, m.Outage)
				p.lost += r.Lost
			}
			if w, ok := m.Event.(protocol.Warning); ok && w.Code == protocol.WarnHistoryDelayed {
				p.delayed++
			}
		}, nil)
		if err != nil {
			p.err = fmt.Errorf("utterance %d: %w", n, err)
			return
		}
		pause(ctx, 700*time.Millisecond)
	}
}

// account compares what a talker said with what history has: every utterance is
// there, whole, done and once.
func (p *talker) account(t *testing.T, s *sori) (done int) {
	t.Helper()
	if p.err != nil {
		t.Errorf("talker %d: %v", p.who, p.err)
		return 0
	}
	if p.lost > 0 {
		t.Errorf("talker %d missed %d messages", p.who, p.lost)
	}
	turnsOf(t, s, p.user, distinct(p.records)) // what waited gets there
	kept := turnIDs(t, s, p.user)
	times := map[string]int{}
	told := map[string]bool{}
	at := 0
	for _, turn := range p.records {
		if told[turn.ID] {
			continue // the process that told it first died before it noted that
		}
		told[turn.ID] = true
		if !slices.Contains(kept, turn.ID) {
			t.Errorf("talker %d: turn %s was acknowledged and is not in history", p.who, turn.ID)
		} else if i := slices.Index(kept, turn.ID); i < at && !p.anyOrder || slices.Contains(kept[i+1:], turn.ID) {
			t.Errorf("talker %d: turn %s is twice in history, or not in its order: %v", p.who, turn.ID, kept)
		} else {
			at = i
		}
		if turn.Status == history.Done {
			times[turn.ATOTText]++
			done++
		}
	}
	for n := range len(times) {
		if said := fmt.Sprintf("%d said %d in 30", p.who, n); times[said] != 1 {
			t.Errorf("talker %d: utterance %d was answered %d times: %v", p.who, n, times[said], times)
			break
		}
	}
	return done
}

// Two hundred people talk to two processes behind a plain load balancer, while
// first the one and then the other process is restarted. Nobody loses a turn, a
// word or a message; each is away for a moment.
func TestTwoHundredSessionsAndTwoRestarts(t *testing.T) {
	t.Parallel()
	crowd(t, 200, 100, restarts(func(s *sori) { _ = s.stop() }))
}

// The same with fewer people, and processes that die without a word.
func TestProcessesDieUnderACrowd(t *testing.T) {
	t.Parallel()
	crowd(t, 40, 20, restarts(func(s *sori) { s.kill() }))
}

// A process is frozen for longer than its leases last, with turns under way, and
// wakes up: for a moment two processes believe that they have the same sessions.
// The fence holds: nothing is said or kept twice.
func TestTwoProcessesBelieveTheyHaveASession(t *testing.T) {
	t.Parallel()
	crowd(t, 20, 5, func(ctx context.Context, st *scene) {
		signal := func(sig syscall.Signal) {
			if err := syscall.Kill(st.two[0].cmd.Process.Pid, sig); err != nil {
				t.Error(err)
			}
		}
		signal(syscall.SIGSTOP)
		st.balancer.lead(st.two[1].addr)
		st.balancer.cut()
		pause(ctx, 5*time.Second)
		signal(syscall.SIGCONT)
		pause(ctx, 3*time.Second)
	})
}

// Redis is killed under load, and comes back: conversations go on meanwhile, and
// everything is in history in the end.
func TestRedisDiesUnderACrowd(t *testing.T) {
	t.Parallel()
	crowd(t, 40, 0, func(ctx context.Context, st *scene) {
		for range 2 {
			st.redis.stop()
			pause(ctx, 3*time.Second)
			st.redis.start()
			pause(ctx, 3*time.Second)
		}
	})
}

// scene is where a crowd talks.
type scene struct {
	t        *testing.T
	two      []*sori
	args     []string
	balancer *link
	redis    *redis // nil where the test brings its own kind
	anyOrder bool   // as of a talker
	delayed  int    // turns that waited for the store, as everybody was told; known afterwards
}

// restarts ends one process after the other, and starts it again.
func restarts(end func(*sori)) func(context.Context, *scene) {
	return func(ctx context.Context, st *scene) {
		for i, s := range st.two {
			end(s)
			st.two[i] = serve(st.t, append(st.args, "--addr", s.addr, "--data", s.data)...)
			pause(ctx, 2*time.Second)
		}
	}
}

// crowd lets people talk over two processes while something happens to those, and
// accounts for all that was said. So many connections at least are lost by it.
func crowd(t *testing.T, people, lost int, happens func(context.Context, *scene)) {
	t.Helper()
	r := newRedis(t)
	r.start()
	crowdOn(t, r.url(), people, lost, func(ctx context.Context, st *scene) {
		st.redis = r
		happens(ctx, st)
	})
}

// crowdOn is crowd on a Redis of any kind, with more arguments for sori.
func crowdOn(t *testing.T, url string, people, lost int, happens func(context.Context, *scene), more ...string) *scene {
	t.Helper()
	args := append(scriptedArgs(scripted(t)), "--store", url, "--lease-time", "2s", "--max-per-address", "0")
	args = append(args, more...)
	two := []*sori{serve(t, args...), serve(t, args...)}
	balancer := newLink(t, two[0].addr, two[1].addr)
	speech := ownSpeech(t).pcm

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	over := make(chan struct{})
	all := make([]*talker, people)
	var wg sync.WaitGroup
	for who := range people {
		p := &talker{who: who, user: fmt.Sprintf("crowd-%d", who)}
		all[who] = p
		wg.Go(func() {
			pause(ctx, time.Duration(who)*5*time.Millisecond)
			p.talk(ctx, "ws://"+balancer.addr()+"/ws", speech, over)
		})
	}
	pause(ctx, 3*time.Second)
	st := &scene{t: t, two: two, args: args, balancer: balancer}
	happens(ctx, st)
	close(over)
	wg.Wait()

	done, ended, again, outages := 0, 0, 0, []time.Duration(nil)
	for _, p := range all {
		p.anyOrder = st.anyOrder
		done += p.account(t, two[0])
		st.delayed += p.delayed
		ended += len(p.records)
		again += len(p.records) - distinct(p.records)
		outages = append(outages, p.outages...)
	}
	slices.Sort(outages)
	if len(outages) < lost {
		t.Fatalf("only %d connections were lost: the test shows little", len(outages))
	}
	median, longest := time.Duration(0), time.Duration(0)
	if n := len(outages); n > 0 {
		median, longest = outages[n/2], outages[n-1]
	}
	t.Logf("%d people, %d turns ended, %d of them done, %d told twice, all in history; %d resumptions, median %v, longest %v", people, ended, done, again,
		len(outages), median.Round(time.Millisecond), longest.Round(time.Millisecond))
	return st
}

// distinct is how many turns were told of.
func distinct(records []history.Turn) int {
	ids := map[string]bool{}
	for _, turn := range records {
		ids[turn.ID] = true
	}
	return len(ids)
}
