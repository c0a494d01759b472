package bench

import (
	"context"
	"os"
	"path/filepath"
	"time"
)

// tooLate is the lateness from which a server counts as full, in ms.
const tooLate = 20

// capacity finds how many speakers plain TCP carries, and how sori does at 90 %
// of that.
func (b *bench) capacity(ctx context.Context, n int) error {
	most, err := b.carried(ctx, n)
	if err != nil {
		return err
	}
	b.add(most, "speakers that plain TCP carries", "", []float64{float64(most)}, "", nil, goal{})
	many := most * 9 / 10
	var got []heard
	for range b.Rounds {
		var h heard
		if h, err = b.speakAt(ctx, b.soriOver("sori", plainSettings), many); err != nil {
			break
		}
		got = append(got, h)
	}
	if len(got) > 0 {
		b.add(many, "lateness p99 at 90 % of them", "ms", each(got, late), "", nil, goal{tooLate, false})
		b.add(many, "the speakers' own lateness p99", "ms", each(got, func(h heard) float64 { return h.own }), "", nil, goal{})
	}
	return err
}

// scale compares the CPU time per session with few sessions and with four times
// as many.
func (b *bench) scale(ctx context.Context, n int) error {
	few := max(1, n/4)
	at := map[int][]heard{}
	var failed error
	for range b.Rounds {
		for _, n := range []int{few, n} {
			var h heard
			if h, failed = b.speakAt(ctx, b.soriOver("sori", plainSettings), n); failed != nil {
				break
			}
			at[n] = append(at[n], h)
		}
		if failed != nil {
			break
		}
	}
	if len(at[n]) > 0 {
		b.add(n, "CPU per 1,000 sessions, beside a quarter of them", "cores", each(at[n], cores), "a quarter", each(at[few], cores), goal{1, true})
		b.add(n, "lateness p99", "ms", each(at[n], late), "", nil, goal{})
		b.add(n, "the speakers' own lateness p99", "ms", each(at[n], func(h heard) float64 { return h.own }), "", nil, goal{})
	}
	return failed
}

// carried is how many speakers plain TCP carries; n is where to stop looking, 0
// for as many as there may be.
func (b *bench) carried(ctx context.Context, n int) (int, error) {
	limit, err := files()
	if err != nil {
		return 0, err
	}
	limit -= spare
	if n > 0 {
		limit = min(limit, n)
	}
	best := 0
	for next := min(1000, limit); next <= limit; next += max(1, next/5) {
		h, err := b.speakAt(ctx, b.floorOver(floorTCP), next)
		if err != nil {
			return 0, err
		}
		b.tell("      plain TCP, %d sessions: p99 %.1f ms late, the speakers %.1f; others %.2f cores", next, h.p99, h.own, h.foreign)
		if h.p99 >= tooLate || h.lost > .001 {
			break
		}
		best = next
		if next == limit {
			break
		}
	}
	if best == 0 {
		best = min(500, limit)
		b.note("plain TCP is late with %d speakers already: the machine is busy", min(1000, limit))
	}
	return best, nil
}

// start measures how long a server with local engines takes until it is ready, on
// all processors: with the engines that every installation has, and with all
// that were fetched.
func (b *bench) start(ctx context.Context, _ int) error {
	if b.Pin && b.cpus > 1 {
		unpin(b.cpus)
		defer func() { _ = pin(os.Getpid(), 0) }() // what comes next would be measured a little less well
	}
	var plain, all []float64
	var failed error
	for range b.Rounds {
		for _, one := range []struct {
			to   *[]float64
			more []string
		}{{&plain, []string{"--atot", "local:moonshine", "--tts", "local:flite"}}, {&all, nil}} {
			var took time.Duration
			if took, failed = b.startOnce(ctx, one.more...); failed != nil {
				break
			}
			*one.to = append(*one.to, took.Seconds())
		}
		if failed != nil {
			break
		}
	}
	if len(plain) == 0 && ctx.Err() == nil {
		b.note("not measured: %v", failed)
		return nil
	}
	b.add(1, "start to ready with the local engines", "s", plain, "", nil, goal{1.5, false})
	b.add(1, "start to ready with all that were fetched", "s", all, "", nil, goal{})
	return failed
}

func (b *bench) startOnce(ctx context.Context, more ...string) (time.Duration, error) {
	args := []string{"serve", "--addr", "127.0.0.1:0", "--log-format", "json", "--data", filepath.Join(b.dir, "start"), "--ttot", "local:"}
	c, err := spawn(ctx, "sori", b.Program, append(args, more...), nil, isReady)
	if err != nil {
		return 0, err
	}
	_ = c.stop() // it kept nothing
	return c.took, pause(ctx, 100*time.Millisecond)
}
