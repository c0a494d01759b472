package client

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sori/audio"
	"sori/history"
	"sori/protocol"
)

// frameLength is how much audio goes into one frame.
const frameLength = 20 * time.Millisecond

// Turn is what a user says: speech, or text when PCM is empty.
type Turn struct {
	PCM  []byte // mono, signed 16-bit little-endian
	Rate int    // Hz; the session has to be configured for it
	Text string
	Fast bool // send the audio as fast as the connection takes it, not in real time
}

// Answer is what came of a turn.
type Answer struct {
	Message  Message           // the terminal event
	Record   history.Turn      // what it says about the turn
	Problem  *protocol.Problem // set when sori did not take the turn; then there is no terminal event
	Audio    []byte            // the reply, in the session's output format
	Said     time.Time         // when the utterance was over
	FirstOut time.Time         // when the first audio of the reply came, zero without any
}

// Done says whether the turn went well.
func (a *Answer) Done() bool {
	_, ok := a.Message.Event.(protocol.TurnDone)
	return ok
}

// Delay is the time from the end of the utterance to the first audio of the
// reply; ok is false when there was none.
func (a *Answer) Delay() (d time.Duration, ok bool) {
	return a.FirstOut.Sub(a.Said), !a.FirstOut.IsZero() && !a.Said.IsZero()
}

// Configure configures the session and waits for the answer. Each message that
// comes until then is given to see, which may be nil.
func (c *Conn) Configure(ctx context.Context, m protocol.Configure, see func(Message)) (protocol.Ready, error) {
	if err := c.Send(ctx, m); err != nil {
		return protocol.Ready{}, err
	}
	for {
		got, err := c.Receive(ctx)
		if err != nil {
			return protocol.Ready{}, err
		}
		if see != nil {
			see(got)
		}
		if ready, ok := got.Event.(protocol.Ready); ok {
			return ready, nil
		}
		if p, ok := got.Event.(protocol.Problem); ok {
			return protocol.Ready{}, fmt.Errorf("sori does not take the configuration (%s): %s", p.Code, p.Message)
		}
	}
}

// Ask says a turn and waits for its end. Each message that comes is given to
// see before Ask does anything with it. said is called by another goroutine when
// the end of the utterance was sent. Both may be nil. When ctx ends first, the
// connection is broken.
func (c *Conn) Ask(ctx context.Context, t Turn, see func(Message), said func()) (*Answer, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var ( // of the goroutine that speaks, until spoken is closed
		at    time.Time
		wrong error
	)
	spoken := make(chan struct{})
	c.pings++
	first := c.pings
	go func() {
		defer close(spoken)
		if at, wrong = c.say(ctx, t); wrong != nil {
			if _, broken := errors.AsType[*CloseError](wrong); !broken {
				stop() // nothing will be answered
			}
			return
		}
		if said != nil {
			said()
		}
		// What the pong does not find under way was not taken.
		wrong = c.Send(ctx, protocol.Ping{ID: pingID(first)})
	}()
	a := &Answer{}
	err := c.hear(ctx, a, first, spoken, see)
	stop()
	<-spoken
	a.Said = at
	if wrong != nil && (err == nil || errors.Is(err, context.Canceled)) {
		err = wrong
	}
	return a, err
}

// hear takes messages until the turn is over and no other follows it: audio
// over the server's limit makes a turn before the utterance was ended, and a
// pong behind a terminal event tells whether that was the last one.
func (c *Conn) hear(ctx context.Context, a *Answer, first int, spoken <-chan struct{}, see func(Message)) error {
	back, live := 0, false // the highest pong
	for {
		m, err := c.Receive(ctx)
		if err != nil {
			return err
		}
		if pong, ok := m.Event.(protocol.Pong); ok && strings.HasPrefix(pong.ID, pingPrefix) {
			// An earlier one may come twice: it was sent again to another process.
			n, _ := strconv.Atoi(strings.TrimPrefix(pong.ID, pingPrefix)) // 0 is none of ours
			if back = max(back, n); back == c.pings && !live {
				return nil
			}
			continue
		}
		if see != nil {
			see(m)
		}
		a.take(m)
		if _, ok := m.Event.(protocol.TurnStarted); ok {
			live = true
		}
		if _, ok := Terminal(m.Event); !ok {
			continue
		}
		live = false
		if back < first && !over(spoken) {
			continue // the first pong is still to come
		}
		c.pings++
		if err := c.Send(ctx, protocol.Ping{ID: pingID(c.pings)}); err != nil {
			return err
		}
	}
}

func over(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// take notes what a message says about the turn.
func (a *Answer) take(m Message) {
	if m.Audio != nil {
		if a.FirstOut.IsZero() {
			a.FirstOut = time.Now()
		}
		a.Audio = append(a.Audio, m.Audio...)
		return
	}
	if _, ok := m.Event.(protocol.TurnStarted); ok {
		*a = Answer{}
	}
	if p, ok := m.Event.(protocol.Problem); ok {
		a.Problem = &p
	}
	if record, ok := Terminal(m.Event); ok {
		a.Message, a.Record = m, record
	}
}

// Terminal gives the record of a turn when e is the event that ends it.
func Terminal(e protocol.Event) (record history.Turn, ok bool) {
	if done, is := e.(protocol.TurnDone); is {
		return done.Record, true
	}
	if cancelled, is := e.(protocol.TurnCancelled); is {
		return cancelled.Record, true
	}
	failed, is := e.(protocol.TurnFailed)
	return failed.Record, is
}

// say sends a turn and gives the time at which it was over.
func (c *Conn) say(ctx context.Context, t Turn) (at time.Time, err error) {
	if len(t.PCM) == 0 {
		at = time.Now()
		return at, c.Send(ctx, protocol.Text{Text: t.Text})
	}
	frame := max(audio.Bytes(frameLength, t.Rate), audio.BytesPerSample)
	begin := time.Now()
	for from := 0; from < len(t.PCM); from += frame {
		end := min(from+frame, len(t.PCM))
		if !t.Fast {
			// A microphone has a frame when its time is over.
			if err := until(ctx, begin.Add(audio.Duration(end, t.Rate))); err != nil {
				return at, err
			}
		}
		if err := c.SendAudio(ctx, t.PCM[from:end]); err != nil {
			return at, err
		}
	}
	at = time.Now()
	return at, c.Send(ctx, protocol.Commit{})
}

func until(ctx context.Context, at time.Time) error {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

const pingPrefix = "ask-"

func pingID(n int) string { return pingPrefix + strconv.Itoa(n) }
