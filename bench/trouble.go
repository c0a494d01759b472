package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// bargeIn measures replies that are cancelled: until when audio still comes, and
// whether the engines hear of it.
func (b *bench) bargeIn(ctx context.Context, n int) error {
	script := b.Script
	script.Sentences, script.Speed = 5, 1.1 // TTS is still at work
	var rounds []talked
	var aborted []float64
	var failed error
	for range b.Rounds {
		failed = b.withPair(ctx, script, func(server, engines *child) error {
			r, err := b.talkAt(ctx, server, engines, n, 2*b.Duration, func(_ *crew, t *talk) { t.cancel = 500 * time.Millisecond })
			if err != nil {
				return err
			}
			e, err := tell(ctx, engines)
			if err != nil {
				return err
			}
			rounds, aborted = append(rounds, r), append(aborted, e.Aborted/max(1, e.Calls))
			return nil
		})
		if failed != nil {
			break
		}
	}
	if len(rounds) == 0 {
		return failed
	}
	b.add(n, "cancel to last audio p50", "ms", each(rounds, func(r talked) float64 { return r.stop[0] }), "", nil, goal{})
	b.add(n, "cancel to last audio p99", "ms", each(rounds, func(r talked) float64 { return r.stop[1] }), "", nil, goal{40, false})
	b.add(n, "engine calls that were given up", "", aborted, "", nil, goal{})
	if slices.Contains(aborted, 0) {
		return errors.New("no engine heard that its reply was cancelled")
	}
	return failed
}

// told is what the scripted engines tell of themselves.
type told struct{ Calls, Aborted, Connections float64 }

func tell(ctx context.Context, engines *child) (t told, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+engines.addr+"/stats", http.NoBody)
	if err != nil {
		return t, err
	}
	req.Close = true // it is none of the connections that count
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return t, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return t, err
	}
	err = json.Unmarshal(body, &t)
	t.Connections--
	return t, err
}

// stall measures what a client that does not read and an engine that hangs do to
// the others.
func (b *bench) stall(ctx context.Context, n int) error {
	var quiet, troubled []talked
	var failed error
	for range b.Rounds {
		failed = b.withPair(ctx, b.Script, func(server, engines *child) error {
			q, err := b.talkAt(ctx, server, engines, n, 2*b.Duration, nil)
			if err != nil {
				return err
			}
			t, err := b.amongTrouble(ctx, server, engines, n)
			if err == nil {
				quiet, troubled = append(quiet, q), append(troubled, t)
			}
			return err
		})
		if failed != nil {
			break
		}
	}
	if len(quiet) == 0 {
		return failed
	}
	p99 := func(t talked) float64 { return t.added[2] }
	b.add(n, "turn overhead p99 beside one stalled client and one hanging engine", "ms", each(troubled, p99), "without", each(quiet, p99), goal{1.2, true})
	return failed
}

// amongTrouble lets n speakers talk beside one that does not read, and one whose
// engine hangs.
func (b *bench) amongTrouble(ctx context.Context, server, engines *child, n int) (talked, error) {
	bad, err := b.open(ctx, server.addr, "/ws", 2, func(i int) (string, string) {
		user := hangs + "-" + strconv.Itoa(i)
		if i == 0 {
			user = "stalled"
		}
		return user, fmt.Sprintf(`{"type":"session.configure","user":%q,"pace_ms":0}`, user)
	})
	if err != nil {
		return talked{}, err
	}
	defer bad.close()
	bad.expendable = true // the server may throw them out
	reads := func(s *speaker) bool { return !strings.HasPrefix(s.user, "stalled") }
	bad.stalled = func(s *speaker) bool { return !reads(s) }
	bad.listen()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for pause(ctx, time.Second) == nil {
			bad.all[0].say(`{"type":"text","text":"tell me a long story"}`)
			for _, frame := range b.frames[:50] {
				bad.all[1].write(frame)
			}
			bad.all[1].say(`{"type":"utterance.end"}`)
		}
	}()
	r, err := b.talkAt(ctx, server, engines, n, 2*b.Duration, nil)
	cancel()
	<-ended
	return r, err
}
