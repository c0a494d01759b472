package bench

import (
	"context"
	"time"
)

// rested is what sessions that do nothing take, per session, and what stays of
// them.
type rested struct {
	kb, heap, stack float64 // KB in RAM, of objects, of goroutines' stacks
	stay            float64 // goroutines that stay when all sessions have gone
}

// idle measures the memory of sessions that do nothing.
func (b *bench) idle(ctx context.Context, n int) error {
	got := map[string][]rested{}
	var failed error
	ways := []over{b.floorOver(floorCoder), b.soriOver("sori", plainSettings)}
	for range b.Rounds {
		for _, w := range ways {
			var r rested
			if r, failed = b.idleAt(ctx, w, n); failed != nil {
				break
			}
			got[w.name] = append(got[w.name], r)
		}
		if failed != nil {
			break
		}
	}
	ours := got["sori"]
	if len(ours) == 0 {
		return failed
	}
	kb := func(r rested) float64 { return r.kb }
	b.add(n, "memory per idle session", "KB", each(ours, kb), "", nil, goal{16, false})
	b.add(n, "memory per idle session / plain handler", "KB", each(ours, kb), floorCoder, each(got[floorCoder], kb), goal{.7, true})
	b.add(n, "of it, objects", "KB", each(ours, func(r rested) float64 { return r.heap }), floorCoder, each(got[floorCoder], func(r rested) float64 { return r.heap }), goal{})
	b.add(n, "of it, stacks of goroutines", "KB", each(ours, func(r rested) float64 { return r.stack }), floorCoder, each(got[floorCoder], func(r rested) float64 { return r.stack }), goal{})
	b.add(n, "goroutines that stay when all have gone", "", each(ours, func(r rested) float64 { return r.stay }), "", nil, goal{5, false})
	return failed
}

// resting is what a server needs when nothing happens.
type resting struct {
	rss   int64
	stats runtimeStats
}

// idleAt measures one way to hold sessions.
func (b *bench) idleAt(ctx context.Context, w over, n int) (rested, error) {
	server, stop, err := w.start(ctx)
	if err != nil {
		return rested{}, err
	}
	defer stop()
	// The first sessions pay for what all share.
	first, err := b.open(ctx, server.addr, "/ws", min(n, 50), w.configure)
	if err != nil {
		return rested{}, err
	}
	err = pause(ctx, 300*time.Millisecond)
	first.close()
	if err != nil {
		return rested{}, err
	}
	empty, err := b.settled(ctx, server)
	if err != nil {
		return rested{}, err
	}
	c, err := b.open(ctx, server.addr, "/ws", n, w.configure)
	if err != nil {
		return rested{}, err
	}
	c.listen()
	err = pause(ctx, becomeIdle)
	var full resting
	if err == nil {
		full, err = b.settled(ctx, server)
	}
	if err == nil {
		err = b.profiled(ctx, server, w.name, "heap", 0)()
	}
	c.close()
	if err != nil {
		return rested{}, err
	}
	after, err := b.settled(ctx, server)
	per := func(bytes float64) float64 { return bytes / 1024 / float64(n) }
	return rested{
		kb: per(float64(full.rss - empty.rss)), heap: per(full.stats.heap - empty.stats.heap), stack: per(full.stats.stacks - empty.stats.stacks),
		stay: after.stats.goroutines - empty.stats.goroutines,
	}, err
}

// becomeIdle is how long a session does nothing before it is called idle: until
// after the server's first ping, for whoever waits for hours is pinged, too.
const becomeIdle = 26 * time.Second

// collections is how often a server collects its garbage before its memory
// counts: each time a stack may become half as large.
const collections = 3

// settled waits until a server has nothing to do and nothing to give back.
func (b *bench) settled(ctx context.Context, server *child) (r resting, err error) {
	if err = pause(ctx, 700*time.Millisecond); err != nil {
		return r, err
	}
	for range collections {
		if err = server.trim(ctx); err != nil {
			return r, err
		}
	}
	if r.stats, err = server.stats(ctx); err != nil {
		return r, err
	}
	r.rss, err = resident(server.pid())
	return r, err
}
