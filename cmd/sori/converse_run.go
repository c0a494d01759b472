package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sori/client"
	"sori/protocol"
)

// The microphone of a script: 20 ms of 16,000 Hz at a time.
const (
	micFrame = 640 // bytes
	micPace  = 20 * time.Millisecond
)

// conversation drives a script through a connection.
type conversation struct {
	conn   *client.Conn
	show   talkPrinter
	speech chan micSpeech      // to the microphone; capacity 1
	events chan client.Message // from the server
	ended  chan error          // why no more events come; capacity 1
	turns  int                 // that have ended
}

// micSpeech is said into the microphone; over is closed when it was.
type micSpeech struct {
	pcm  []byte
	over chan struct{}
}

// converse plays a script to its end.
func (t *talkCmd) converse(ctx context.Context, c *console, show talkPrinter) error {
	s, err := readScript(t.Converse)
	if err != nil {
		return err
	}
	m, err := s.configure()
	if err != nil {
		return err
	}
	if t.User != "" {
		m.User = &t.User
	}
	dialing, stop := context.WithTimeout(ctx, dialTimeout)
	defer stop()
	conn, err := client.Dial(dialing, t.URL, dialOptions(c))
	if err != nil {
		return err
	}
	defer conn.CloseNow()
	if _, err := conn.Configure(dialing, m, show.event); err != nil {
		return t.explain(err, dialTimeout)
	}
	v := &conversation{
		conn: conn, show: show, speech: make(chan micSpeech, 1),
		events: make(chan client.Message, 4096), ended: make(chan error, 1),
	}
	running, end := context.WithCancel(ctx)
	home := make(chan struct{}, 2)
	go func() { v.microphone(running); home <- struct{}{} }()
	go func() { v.listen(running); home <- struct{}{} }()
	err = v.play(running, s)
	end()
	_ = conn.CloseNow()
	<-home
	<-home
	if err == nil {
		fmt.Fprintf(c.err, "the conversation went as its script says: %d steps, %d turns\n", len(s.Steps), v.turns)
	}
	return err
}

// microphone sends silence, and what is said, in real time.
func (v *conversation) microphone(ctx context.Context) {
	tick := time.NewTicker(micPace)
	defer tick.Stop()
	frame := make([]byte, micFrame)
	var now micSpeech
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if now.over == nil {
			select {
			case now = <-v.speech:
			default:
			}
		}
		clear(frame)
		now.pcm = now.pcm[copy(frame, now.pcm):]
		if len(now.pcm) == 0 && now.over != nil {
			close(now.over)
			now.over = nil
		}
		if v.conn.SendAudio(ctx, frame) != nil {
			return // listen says why
		}
	}
}

// listen shows what comes and hands it to the script.
func (v *conversation) listen(ctx context.Context) {
	for {
		m, err := v.conn.Receive(ctx)
		if err != nil {
			v.ended <- err
			return
		}
		v.show.event(m)
		if m.Event == nil {
			continue
		}
		if _, over := client.Terminal(m.Event); over {
			v.turns++
		}
		select {
		case v.events <- m:
		case <-ctx.Done():
			return
		}
	}
}

// play takes the steps one after the other.
func (v *conversation) play(ctx context.Context, s *script) error {
	for i := range s.Steps {
		if err := v.step(ctx, &s.Steps[i]); err != nil {
			return fmt.Errorf("step %d of the script: %w", i+1, err)
		}
	}
	return nil
}

func (v *conversation) step(ctx context.Context, st *scriptStep) error {
	switch {
	case st.Say != "":
		over := make(chan struct{})
		v.speech <- micSpeech{st.pcm, over}
		return v.until(ctx, over)
	case st.Text != "":
		return v.conn.Send(ctx, protocol.Text{Text: st.Text})
	case st.Commit:
		return v.conn.Send(ctx, protocol.Commit{})
	case st.Cancel:
		return v.conn.Send(ctx, protocol.Cancel{})
	case st.Pause > 0:
		over := make(chan struct{})
		timer := time.AfterFunc(st.Pause, func() { close(over) })
		defer timer.Stop()
		return v.until(ctx, over)
	}
	return v.wait(ctx, st)
}

// until waits for over.
func (v *conversation) until(ctx context.Context, over <-chan struct{}) error {
	select {
	case <-over:
		return nil
	case err := <-v.ended:
		return fmt.Errorf("the server is gone: %w", err)
	case <-ctx.Done():
		return errors.New("stopped")
	}
}

// wait takes events until one is what the step waits for.
func (v *conversation) wait(ctx context.Context, st *scriptStep) error {
	limit := time.NewTimer(st.Timeout)
	defer limit.Stop()
	for {
		select {
		case m := <-v.events:
			switch m.Event.Type() {
			case st.Not:
				return fmt.Errorf("%s came, before %s: %s", st.Not, st.Wait, m.Text)
			case st.Wait:
				ok, why := st.matches(m.Text)
				if !ok {
					return fmt.Errorf("%s came, but %s", st.Wait, why)
				}
				return nil
			}
		case err := <-v.ended:
			return fmt.Errorf("the server is gone: %w", err)
		case <-limit.C:
			return fmt.Errorf("no %s came within %s", st.Wait, st.Timeout)
		case <-ctx.Done():
			return errors.New("stopped")
		}
	}
}
