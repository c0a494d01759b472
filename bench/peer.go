package bench

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// peerScenario needs a command of another server.
const peerScenario = "peer"

// peerEngines is the variable that tells a peer where the engines are.
const peerEngines = "BENCH_ENGINES"

// spawnPeer starts the other server over engines, and gives what it calls
// itself.
func (b *bench) spawnPeer(ctx context.Context, engines *child) (c *child, name string, err error) {
	command := strings.Fields(b.Peer)
	c, err = spawn(ctx, "the peer", command[0], command[1:], []string{peerEngines + "=http://" + engines.addr}, introduces(&name))
	if err != nil {
		return nil, "", err
	}
	if name == "" {
		name = command[0]
	}
	if err := b.isolate(c); err != nil {
		return nil, "", errors.Join(err, c.stop())
	}
	return c, name, nil
}

// introduces looks for the line "peer NAME", and then for the one that says
// where the peer listens.
func introduces(name *string) func(string, *child) bool {
	return func(line string, c *child) bool {
		if is, ok := strings.CutPrefix(line, "peer "); ok {
			*name = is
			return false
		}
		return says(line, c)
	}
}

// beside are rounds of both servers.
type beside struct {
	name         string
	ours, theirs []talked
}

// peer measures whole turns of sori and of another server, in turns, with the
// same speakers and engines. Each round has fresh processes of all.
func (b *bench) peer(ctx context.Context, n int) error {
	if command := strings.Fields(b.Peer); len(command) == 0 {
		return errors.New("--peer is no command")
	} else if _, err := exec.LookPath(command[0]); err != nil {
		return fmt.Errorf("the peer can't be started: %w", err)
	}
	var both beside
	var failed error
	for round := range b.Rounds {
		if failed = b.peerRound(ctx, n, round, &both); failed != nil {
			break
		}
	}
	if len(both.ours) > 0 {
		b.compare(n, &both)
	}
	return failed
}

// peerRound measures one server and then the other; which is first changes from
// round to round.
func (b *bench) peerRound(ctx context.Context, n, round int, both *beside) error {
	ours := func() (talked, error) {
		var r talked
		err := b.withPair(ctx, b.Script, func(server, engines *child) (err error) {
			r, err = b.talkAt(ctx, server, engines, n, 2*b.Duration, nil)
			return err
		})
		return r, err
	}
	theirs := func() (talked, error) {
		engines, err := b.engines(ctx, b.Script)
		if err != nil {
			return talked{}, err
		}
		defer func() { _ = engines.stop() }() // they keep nothing
		server, name, err := b.spawnPeer(ctx, engines)
		if err != nil {
			return talked{}, err
		}
		defer func() { _ = server.stop() }() // nor does it
		both.name = name
		r, err := b.talkAt(ctx, server, engines, n, 2*b.Duration, nil)
		if err != nil {
			err = fmt.Errorf("%s: %w\n%s", name, err, server.lines)
		}
		return r, err
	}
	order := [2]func() (talked, error){ours, theirs}
	first := round % 2
	var found [2]talked
	for i := range order {
		at := (first + i) % 2
		var err error
		if found[at], err = order[at](); err != nil {
			return err
		}
		who := [2]string{"sori", both.name}[at]
		r := found[at]
		b.tell("      round %d of %d, %s, %d sessions: %.0f turns, %.0f failed, added p50 %.2f p99 %.2f ms, %.1f ms CPU a turn, %.2f cores, %.0f MB",
			round+1, b.Rounds, who, n, r.turns, r.failed, r.added[0], r.added[2], r.cpu, r.cores, r.whole)
	}
	both.ours, both.theirs = append(both.ours, found[0]), append(both.theirs, found[1])
	return nil
}

// compare adds the figures of both, sori's over the peer's.
func (b *bench) compare(n int, both *beside) {
	for _, f := range []struct {
		name, unit string
		of         func(talked) float64
		goal       goal
	}{
		{"CPU per turn", "ms", func(r talked) float64 { return r.cpu }, goal{1. / 4, true}},
		{"turn overhead p50", "ms", func(r talked) float64 { return r.added[0] }, goal{}},
		{"turn overhead p95", "ms", func(r talked) float64 { return r.added[1] }, goal{}},
		{"turn overhead p99", "ms", func(r talked) float64 { return r.added[2] }, goal{1. / 10, true}},
		{"time to first audio p50", "ms", func(r talked) float64 { return r.first }, goal{}},
		{"memory of the process", "MB", func(r talked) float64 { return r.whole }, goal{1. / 8, true}},
		{"of it, not mapped from files", "MB", func(r talked) float64 { return r.whole - r.mapped }, goal{}},
		{"memory per talking session", "KB", func(r talked) float64 { return r.rss }, goal{}},
		{"server CPU", "cores", func(r talked) float64 { return r.cores }, goal{}},
		{"leg: end of utterance to ATOT p50", "ms", func(r talked) float64 { return r.legs[0] }, goal{}},
		{"leg: ATOT to TTOT p50", "ms", func(r talked) float64 { return r.legs[1] }, goal{}},
		{"leg: sentence to TTS p50", "ms", func(r talked) float64 { return r.legs[2] }, goal{}},
		{"leg: TTS to client p50", "ms", func(r talked) float64 { return r.legs[3] }, goal{}},
		{"the speakers' own lateness p99", "ms", func(r talked) float64 { return r.own }, goal{}},
		{"turns", "", func(r talked) float64 { return r.turns }, goal{}},
		{"turns that failed", "", func(r talked) float64 { return r.failed }, goal{}},
	} {
		b.add(n, f.name, f.unit, each(both.ours, f.of), "peer", each(both.theirs, f.of), f.goal)
	}
	b.note("the peer is %s", both.name)
}
