package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// utterance is how long a user speaks in a turn, and think how long it rests at
// least before the next one. Short measurements have short utterances.
const (
	utterance = 2 * time.Second
	think     = 200 * time.Millisecond
)

func (b *bench) utterance() time.Duration {
	return min(utterance, b.Duration).Truncate(frameMS * time.Millisecond)
}

// spread is over how long the first turns begin, and settle when each speaker
// has had one.
func (b *bench) spread() time.Duration { return min(5*time.Second, 2*b.Duration) }
func (b *bench) settle() time.Duration { return min(6*time.Second, 3*b.Duration) }

// talk is a conversation of a crew: each speaks, ends its utterance, hears the
// reply, rests, and speaks again. The first begin spread over a whole cycle.
type talk struct {
	crew   *crew
	frames [][]byte
	commit []byte
	cancel time.Duration // so long after its first audio a reply is cancelled, and up to twice that; 0: it isn't
	rng    *rand.Rand    // owned by the scheduler
}

func (b *bench) newTalk(c *crew) *talk {
	t := &talk{
		crew: c, frames: b.frames[:int(b.utterance()/(frameMS*time.Millisecond))],
		commit: appendFrame(nil, opText, []byte(`{"type":"utterance.end"}`)), rng: rand.New(rand.NewPCG(5, 5)),
	}
	c.turnOver = func(s *speaker, _ string) {
		s.rests.Store(time.Now().Add(think + rand.N(400*time.Millisecond)).UnixNano())
	}
	now := time.Now()
	for _, s := range c.all {
		s.rests.Store(now.Add(t.random(b.spread())).UnixNano())
	}
	return t
}

func (t *talk) random(most time.Duration) time.Duration {
	return time.Duration(t.rng.Int64N(int64(most)))
}

// run lets them talk for d.
func (t *talk) run(ctx context.Context, d time.Duration) error {
	scratch := make([]byte, 0, 4<<10)
	return t.crew.schedule(ctx, frameMS*time.Millisecond, d, func(s *speaker, _ int, due time.Time) {
		if due.UnixNano() < s.rests.Load() {
			t.interrupt(s, due)
			return
		}
		frame := t.frames[s.at]
		s.at++
		if s.at == len(t.frames) {
			s.at = 0
			s.rests.Store(math.MaxInt64) // until the turn is over
			scratch = append(append(scratch[:0], frame...), t.commit...)
			frame = scratch
			if t.crew.counts.Load() {
				t.crew.own.add(time.Since(due))
			}
			s.mu.Lock()
			s.committed = time.Now()
			s.mu.Unlock()
		}
		s.write(frame)
	})
}

// interrupt cancels a reply that has sounded long enough.
func (t *talk) interrupt(s *speaker, due time.Time) {
	began := s.replies.Load()
	if t.cancel == 0 || began == 0 || due.UnixNano() < began+int64(t.cancel) {
		return
	}
	s.mu.Lock()
	again := !s.cancelled.IsZero()
	if !again {
		s.cancelled = time.Now()
	}
	s.mu.Unlock()
	if !again {
		s.say(`{"type":"turn.cancel"}`)
	}
}

// talked is what one measurement of turns found.
type talked struct {
	turns, failed           float64
	added                   [3]float64 // p50, p95, p99, ms
	first                   float64    // p50, ms
	legs                    [4]float64 // p50, ms
	stop                    [2]float64 // p50, p99, ms
	cpu                     float64    // ms per turn
	cores, own, rss, allocs float64    // allocs per turn; rss in KB per session
	whole, mapped           float64    // memory of the process, and of it what is mapped from files, MB
	stay, heap              float64    // goroutines, and MB of the heap, that stay when all have gone
}

// shares are the parts of a distribution that are told.
func shares() [3]float64 { return [3]float64{.5, .95, .99} }

// talkAt lets n speakers talk to a server.
func (b *bench) talkAt(ctx context.Context, server, engines *child, n int, d time.Duration, change func(*crew, *talk)) (talked, error) {
	var r talked
	if err := server.trim(ctx); err != nil {
		return r, err
	}
	empty, err := resident(server.pid())
	if err != nil {
		return r, err
	}
	start, err := server.stats(ctx)
	if err != nil {
		return r, err
	}
	c, err := b.open(ctx, server.addr, "/ws", n, plainSettings)
	if err != nil {
		return r, err
	}
	t := b.newTalk(c)
	if change != nil {
		change(c, t)
	}
	c.listen()
	defer c.close()
	if err := t.run(ctx, b.settle()); err != nil {
		return r, err
	}
	before, err := server.stats(ctx)
	if err != nil {
		return r, err
	}
	m, err := measure(server, engines)
	if err != nil {
		return r, err
	}
	c.counts.Store(true)
	taken := b.profiled(ctx, server, "sori", "profile", d)
	err = t.run(ctx, d)
	if err = errors.Join(err, taken()); err != nil {
		return r, err
	}
	used, err := m.end()
	if err != nil {
		return r, err
	}
	c.counts.Store(false)
	after, err := server.stats(ctx)
	if err != nil {
		return r, err
	}
	full, mapped, err := memory(server.pid())
	if err != nil {
		return r, err
	}
	b.report.Foreign = append(b.report.Foreign, used.foreign)
	turns := float64(c.turns.Load())
	r = talked{
		turns: turns, failed: float64(c.bad.Load()), first: c.first.ms(.5), cores: used.child, own: c.own.ms(.99),
		cpu: used.child * used.wall.Seconds() * 1000 / max(1, turns), rss: float64(full-empty) / 1024 / float64(n), whole: float64(full) / (1 << 20), mapped: float64(mapped) / (1 << 20),
		allocs: (after.mallocs - before.mallocs) / max(1, turns), stop: [2]float64{c.stop.ms(.5), c.stop.ms(.99)},
	}
	for i, p := range shares() {
		r.added[i] = c.added.ms(p)
	}
	for i := range r.legs {
		r.legs[i] = c.legs[i].ms(.5)
	}
	if err := c.trouble(); err != nil {
		return r, err
	}
	if turns == 0 {
		return r, fmt.Errorf("no turn ended in %s", d)
	}
	c.close()
	if err := pause(ctx, 2*time.Second); err != nil {
		return r, err
	}
	end, err := b.settled(ctx, server)
	if err != nil {
		return r, err
	}
	// Connections to the engines are kept for a while, with two goroutines each.
	e, err := tell(ctx, engines)
	r.stay, r.heap = end.stats.goroutines-start.goroutines-2*e.Connections, (end.stats.heap-start.heap)/(1<<20)
	return r, err
}

// turns measures whole turns beside the same calls made without a server.
func (b *bench) turns(ctx context.Context, n int) error {
	if b.URL != "" {
		return b.turnsTo(ctx, n)
	}
	rounds, direct, err := b.talkBeside(ctx, n)
	if len(rounds) == 0 {
		return err
	}
	of := func(f func(talked) float64) []float64 { return each(rounds, f) }
	floor := func(f func(called) float64) []float64 { return each(direct, f) }
	limits := [3]float64{2, 0, 8}
	if n > 200 {
		limits = [3]float64{0, 0, 20}
	}
	for i, name := range [3]string{"turn overhead p50", "turn overhead p95", "turn overhead p99"} {
		b.add(n, name, "ms", of(func(r talked) float64 { return r.added[i] }), "direct", floor(func(f called) float64 { return f.added[i] }), goal{limits[i], false})
	}
	b.add(n, "time to first audio p50", "ms", of(func(r talked) float64 { return r.first }), "direct", floor(func(f called) float64 { return f.first }), goal{})
	for i, name := range [4]string{"leg: end of utterance to ATOT", "leg: ATOT to TTOT", "leg: sentence to TTS", "leg: TTS to client"} {
		b.add(n, name+" p50", "ms", of(func(r talked) float64 { return r.legs[i] }), "", nil, goal{})
	}
	b.add(n, "CPU per turn", "ms", of(func(r talked) float64 { return r.cpu }), "", nil, goal{})
	b.add(n, "server CPU", "cores", of(func(r talked) float64 { return r.cores }), "", nil, goal{})
	b.add(n, "memory per talking session", "KB", of(func(r talked) float64 { return r.rss }), "", nil, goal{})
	b.add(n, "allocations a turn", "", of(func(r talked) float64 { return r.allocs }), "", nil, goal{})
	b.add(n, "turns", "", of(func(r talked) float64 { return r.turns }), "", nil, goal{})
	b.add(n, "turns that failed", "", of(func(r talked) float64 { return r.failed }), "", nil, goal{.5, false})
	b.add(n, "the speakers' own lateness p99", "ms", of(func(r talked) float64 { return r.own }), "", nil, goal{})
	b.add(n, "goroutines that stay when all have gone", "", of(func(r talked) float64 { return r.stay }), "", nil, goal{5, false})
	b.add(n, "heap that stays when all have gone", "MB", of(func(r talked) float64 { return r.heap }), "", nil, goal{})
	return err
}

// talkBeside measures rounds of turns in turns with rounds of the same calls. It
// gives the whole rounds also when an error comes back.
func (b *bench) talkBeside(ctx context.Context, n int) (rounds []talked, direct []called, err error) {
	for round := range b.Rounds {
		failed := b.withPair(ctx, b.Script, func(server, engines *child) error {
			f, err := b.callDirectly(ctx, engines, n, 2*b.Duration, false)
			if err != nil {
				return err
			}
			r, err := b.talkAt(ctx, server, engines, n, 2*b.Duration, nil)
			if err != nil {
				return err
			}
			rounds, direct = append(rounds, r), append(direct, f)
			b.tell("      round %d of %d, %d sessions: %.0f turns, added p50 %.2f p99 %.2f ms (directly %.2f, %.2f), %.2f cores, legs %.2f", round+1, b.Rounds, n,
				r.turns, r.added[0], r.added[2], f.added[0], f.added[2], r.cores, r.legs)
			return nil
		})
		if failed != nil {
			return rounds, direct, failed
		}
	}
	return rounds, direct, nil
}

func each[T any](all []T, f func(T) float64) []float64 {
	values := make([]float64, 0, len(all))
	for _, one := range all {
		values = append(values, f(one))
	}
	return values
}

// turnsTo measures a server that runs already. Its engines are not scripted, so
// that only the whole time is known.
func (b *bench) turnsTo(ctx context.Context, n int) error {
	c, err := b.open(ctx, b.URL, "/ws", n, plainSettings)
	if err != nil {
		return err
	}
	t := b.newTalk(c)
	c.listen()
	defer c.close()
	c.counts.Store(true)
	if err := t.run(ctx, b.settle()+2*b.Duration); err != nil {
		return err
	}
	for i, name := range [3]string{"time to first audio p50", "time to first audio p95", "time to first audio p99"} {
		b.add(n, name, "ms", []float64{c.first.ms(shares()[i])}, "", nil, goal{})
	}
	b.add(n, "turns", "", []float64{float64(c.turns.Load())}, "", nil, goal{})
	b.add(n, "turns that failed", "", []float64{float64(c.bad.Load())}, "", nil, goal{})
	if c.turns.Load() == 0 && c.trouble() == nil {
		return fmt.Errorf("no turn ended at %s", b.URL)
	}
	return c.trouble()
}

// pipeline measures the time to first audio beside one stage after the other.
func (b *bench) pipeline(ctx context.Context, n int) error {
	for _, sentences := range []int{2, 5} {
		script := b.Script
		script.Sentences = sentences
		var ours, theirs []float64
		var failed error
		for range b.Rounds {
			failed = b.withPair(ctx, script, func(server, engines *child) error {
				f, err := b.callDirectly(ctx, engines, n, 2*b.Duration, true)
				if err != nil {
					return err
				}
				r, err := b.talkAt(ctx, server, engines, n, 2*b.Duration, nil)
				if err == nil {
					ours, theirs = append(ours, r.first), append(theirs, f.first)
				}
				return err
			})
			if failed != nil {
				break
			}
		}
		if len(ours) == 0 {
			return failed
		}
		limit := map[int]float64{2: .55, 5: .4}[sentences]
		b.add(n, fmt.Sprintf("time to first audio, %d sentences", sentences), "ms", ours, "sequential", theirs, goal{limit, true})
		if failed != nil {
			return failed
		}
	}
	return nil
}
