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
	ledger

	who     int
	user    string
	outages []time.Duration // of its connection
	err     error
}

// talk goes on until over is closed. Then everything said was answered. It calls
// began once it has a session, or never will.
func (p *talker) talk(ctx context.Context, address string, speech []byte, began func(), over <-chan struct{}) {
	began = sync.OnceFunc(began)
	defer began()
	conn, err := client.Dial(ctx, address, client.Options{Resume: time.Minute})
	if err != nil {
		p.err = err
		return
	}
	defer conn.CloseNow()
	c := format(markedRate)
	c.User = &p.user
	if _, err := conn.Configure(ctx, c, p.see); err != nil {
		p.err = err
		return
	}
	began()
	for n := 0; ; n++ {
		select {
		case <-over:
			return
		default:
		}
		_, err := conn.Ask(ctx, client.Turn{PCM: marked(speech, p.who, n, 30), Rate: markedRate, Fast: n%4 != 0}, func(m client.Message) {
			p.see(m)
			if _, ok := m.Event.(protocol.Resumed); ok {
				p.outages = append(p.outages, m.Outage)
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
	p.compare(t, s, p.user)
	times := map[string]int{}
	for _, turn := range p.records {
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
	var wg, begun sync.WaitGroup
	begun.Add(people)
	for who := range people {
		p := &talker{who: who, user: fmt.Sprintf("crowd-%d", who)}
		all[who] = p
		wg.Go(func() {
			pause(ctx, time.Duration(who)*5*time.Millisecond)
			p.talk(ctx, "ws://"+balancer.addr()+"/ws", speech, begun.Done, over)
		})
	}
	begun.Wait() // on a busy machine that takes a while
	pause(ctx, 2*time.Second)
	st := &scene{t: t, two: two, args: args, balancer: balancer}
	happens(ctx, st)
	close(over)
	wg.Wait()

	done, ended, outages := 0, 0, []time.Duration(nil)
	for _, p := range all {
		done += p.account(t, two[0])
		st.delayed += p.delayed
		ended += len(p.records)
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
	t.Logf("%d people, %d turns ended, %d of them done, all in history once and in order; %d resumptions, median %v, longest %v", people, ended, done,
		len(outages), median.Round(time.Millisecond), longest.Round(time.Millisecond))
	return st
}
