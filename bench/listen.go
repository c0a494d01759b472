package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// warmup is how long speakers speak before it counts.
const warmup = time.Second

// heard is what one measurement of speakers found.
type heard struct {
	cores    float64 // per 1,000 sessions
	p50, p99 float64 // lateness, ms
	own      float64 // lateness p99 of the scheduler itself, ms
	allocs   float64 // per frame
	lost     float64 // share of pings without an answer
	grown    float64 // memory per session since it was opened, as a share of the audio sent
	foreign  float64
}

// over is one way to take audio in.
type over struct {
	name      string
	start     func(ctx context.Context) (server *child, stop func(), err error)
	configure func(i int) (user, configure string)
	ms        int    // of a frame
	path      string // "" is /ws
	frames    [][]byte
	silent    bool // no pings: the dialect knows none
}

// plainSettings configures push to talk, voiceSettings the voice detector. In a
// run that listens, detection has to find no end of the turn.
func plainSettings(i int) (user, configure string) {
	user = "bench-" + strconv.Itoa(i)
	return user, fmt.Sprintf(`{"type":"session.configure","user":%q}`, user)
}

func voiceSettings(i int) (user, configure string) {
	user = "bench-" + strconv.Itoa(i)
	return user, fmt.Sprintf(`{"type":"session.configure","user":%q,"turn_detection":{"mode":"server_vad","silence_ms":5000},"partials":false}`, user)
}

func nothing(int) (user, configure string) { return "", "" }

// floorOver is a floor as a way to take audio in.
func (b *bench) floorOver(kind string) over {
	return over{
		name: kind, ms: frameMS, configure: nothing, frames: b.frames,
		start: func(ctx context.Context) (*child, func(), error) {
			c, err := b.floor(ctx, kind)
			if err != nil {
				return nil, nil, err
			}
			return c, func() { _ = c.stop() }, nil // it keeps nothing
		},
	}
}

// soriOver is a sori as a way to take audio in.
func (b *bench) soriOver(name string, configure func(i int) (string, string)) over {
	return over{
		name: name, ms: frameMS, configure: configure, frames: b.frames,
		start: func(ctx context.Context) (*child, func(), error) {
			server, _, stop, err := b.pair(ctx, b.Script)
			return server, stop, err
		},
	}
}

// speakAt lets n speakers speak to a server and measures it.
func (b *bench) speakAt(ctx context.Context, w over, n int) (heard, error) {
	var h heard
	server, stop, err := w.start(ctx)
	if err != nil {
		return h, err
	}
	defer stop()
	path := w.path
	if path == "" {
		path = "/ws"
	}
	c, err := b.open(ctx, server.addr, path, n, w.configure)
	if err != nil {
		return h, err
	}
	defer c.close()
	c.silent = w.silent
	c.scatter()
	c.listen()
	opened, err := resident(server.pid())
	if err != nil {
		return h, err
	}
	if err := c.speakOn(ctx, w.frames, w.ms, warmup); err != nil {
		return h, err
	}
	m, err := measure(server)
	if err != nil {
		return h, err
	}
	c.counts.Store(true)
	pings := c.pings.Load() - c.pongs.Load()
	taken := b.profiled(ctx, server, w.name, "profile", b.Duration)
	err = c.speakOn(ctx, w.frames, w.ms, b.Duration)
	if err = errors.Join(err, taken()); err != nil {
		return h, err
	}
	used, err := m.end()
	if err != nil {
		return h, err
	}
	if err := pause(ctx, 300*time.Millisecond); err != nil { // for the last answers
		return h, err
	}
	c.counts.Store(false)
	perFrame, err := b.allocations(ctx, server, c, w)
	if err != nil {
		return h, err
	}
	spoken, err := resident(server.pid())
	if err != nil {
		return h, err
	}
	h = heard{
		cores: used.child * 1000 / float64(n), p50: c.late.ms(.5), p99: c.late.ms(.99), own: c.own.ms(.99),
		allocs: perFrame, foreign: used.foreign,
		lost: max(0, float64(c.pings.Load()-c.pongs.Load()-max(0, pings))) / max(1, float64(c.pings.Load())),
	}
	seconds := (warmup + b.Duration + counted).Seconds()
	h.grown = float64(spoken-opened) / float64(n) / (seconds * 32_000)
	b.report.Foreign = append(b.report.Foreign, used.foreign)
	return h, c.trouble()
}

// counted is for how long allocations are counted. To tell of them costs more at
// one time than at another, by a thousand: that is to be little beside the frames.
const counted = 3 * time.Second

// allocations counts what a frame allocates, with nothing between the frames that
// has to be answered.
func (b *bench) allocations(ctx context.Context, server *child, c *crew, w over) (perFrame float64, err error) {
	before, err := server.stats(ctx)
	if err != nil {
		return 0, err
	}
	// Telling costs allocations, too: they are no frame's.
	again, err := server.stats(ctx)
	if err != nil {
		return 0, err
	}
	c.silent = true
	c.frames.Store(0)
	c.counts.Store(true)
	err = c.speakOn(ctx, w.frames, w.ms, counted)
	c.counts.Store(false)
	if err != nil {
		return 0, err
	}
	after, err := server.stats(ctx)
	telling := again.mallocs - before.mallocs
	return max(0, after.mallocs-again.mallocs-telling) / max(1, float64(c.frames.Load())), err
}

// series are the measurements of one way, round by round.
type series map[string][]heard

func (s series) of(name string, f func(heard) float64) []float64 {
	var all []float64
	for _, h := range s[name] {
		all = append(all, f(h))
	}
	return all
}

// interleave measures several ways in turns.
func (b *bench) interleave(ctx context.Context, n int, ways ...over) (series, error) {
	s := series{}
	for round := range b.Rounds {
		for _, w := range ways {
			h, err := b.speakAt(ctx, w, n)
			if err != nil {
				return s, fmt.Errorf("%s: %w", w.name, err)
			}
			b.tell("      round %d of %d, %d sessions over %-10s %.3f cores/1000, p99 %.1f ms late, %.2f allocations a frame; others %.2f cores",
				round+1, b.Rounds, n, w.name, h.cores, h.p99, h.allocs, h.foreign)
			s[w.name] = append(s[w.name], h)
		}
	}
	return s, nil
}

func cores(h heard) float64  { return h.cores }
func late(h heard) float64   { return h.p99 }
func allocs(h heard) float64 { return h.allocs }

// listen measures speakers that push audio and end no turn.
func (b *bench) listen(ctx context.Context, n int) error {
	if b.URL != "" {
		return b.listenTo(ctx, n)
	}
	s, err := b.interleave(ctx, n, b.floorOver(floorTCP), b.floorOver(floorCoder),
		b.soriOver("sori", plainSettings), b.soriOver("sori+vad", voiceSettings))
	coder := s.of(floorCoder, cores)
	b.add(n, "plain TCP, CPU per 1,000 sessions", "cores", s.of(floorTCP, cores), "", nil, goal{})
	b.add(n, "bare coder/websocket, CPU per 1,000 sessions", "cores", coder, floorTCP, s.of(floorTCP, cores), goal{})
	b.add(n, "push to talk, CPU per 1,000 sessions", "cores", s.of("sori", cores), floorCoder, coder, goal{1.3, true})
	b.add(n, "energy detector, CPU per 1,000 sessions", "cores", s.of("sori+vad", cores), floorCoder, coder, goal{1.5, true})
	b.add(n, "push to talk, lateness p50", "ms", s.of("sori", func(h heard) float64 { return h.p50 }), floorTCP, s.of(floorTCP, func(h heard) float64 { return h.p50 }), goal{})
	b.add(n, "push to talk, lateness p99", "ms", s.of("sori", late), floorTCP, s.of(floorTCP, late), goal{20, false})
	b.add(n, "energy detector, lateness p99", "ms", s.of("sori+vad", late), floorTCP, s.of(floorTCP, late), goal{20, false})
	b.add(n, "the speakers' own lateness p99", "ms", s.of("sori", func(h heard) float64 { return h.own }), "", nil, goal{})
	b.add(n, "push to talk, allocations a frame", "", s.of("sori", allocs), floorCoder, s.of(floorCoder, allocs), goal{.05, false})
	b.add(n, "energy detector, allocations a frame, with the drafts that pauses begin", "", s.of("sori+vad", allocs), "", nil, goal{})
	b.add(n, "memory per speaking session / audio held", "", s.of("sori", func(h heard) float64 { return h.grown }), "", nil, goal{1.3, false})
	b.add(n, "pings without an answer", "", s.of("sori", func(h heard) float64 { return h.lost }), "", nil, goal{.001, false})
	return err
}

// listenTo measures a server that runs already, by lateness alone.
func (b *bench) listenTo(ctx context.Context, n int) error {
	c, err := b.open(ctx, b.URL, "/ws", n, plainSettings)
	if err != nil {
		return err
	}
	defer c.close()
	c.scatter()
	c.listen()
	if err := c.speakOn(ctx, b.frames, frameMS, warmup); err != nil {
		return err
	}
	c.counts.Store(true)
	if err := c.speakOn(ctx, b.frames, frameMS, b.Duration); err != nil {
		return err
	}
	if err := pause(ctx, 500*time.Millisecond); err != nil {
		return err
	}
	b.add(n, "lateness p50", "ms", []float64{c.late.ms(.5)}, "", nil, goal{})
	b.add(n, "lateness p99", "ms", []float64{c.late.ms(.99)}, "", nil, goal{})
	b.add(n, "the speakers' own lateness p99", "ms", []float64{c.own.ms(.99)}, "", nil, goal{})
	if c.late.count() == 0 {
		return fmt.Errorf("no ping was answered: %s is no sori, or far too busy", b.URL)
	}
	return c.trouble()
}
