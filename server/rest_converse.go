package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"sori/audio"
	"sori/protocol"
	"sori/session"
	"sori/stage"
)

const (
	// uploadFrame is how much of an upload goes to the session at once, in bytes.
	uploadFrame = 16 << 10

	defaultUtterance = 60 * time.Second // the longest utterance where nothing else is configured
)

var errNoEnd = errors.New("server: the session ended without the end of its turn")

// converse runs one turn of a session of its own, as if a client had connected:
// there is one way in which sori answers.
func (s *Server) converse(ctx context.Context, r *run, tell progress) outcome {
	if !s.registry.reserve() {
		return outcome{err: &requestError{status: http.StatusServiceUnavailable, code: "too_many_sessions"}}
	}
	defer s.registry.release(nil)
	input, source, err := s.open(r)
	if err != nil {
		return outcome{err: err}
	}
	o := s.cfg.Session
	o.Apology = nil     // the caller gets the error itself
	if r.grant != nil { // a nil pointer in an interface is not nil
		o.Allowance = r.grant
	}
	sess := s.cfg.NewSession(o)
	// The session outlives the request by what it takes to keep the turn.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()

	var crew sync.WaitGroup
	var fed error
	ran := make(chan struct{})
	crew.Go(func() {
		defer close(ran)
		if err := runGuarded(running, sess); err != nil {
			s.log.ErrorContext(ctx, "session failed", "session", sess.ID(), "error", err)
		}
		cancel()
	})
	crew.Go(func() {
		if fed = feed(running, sess, r, input, source); fed != nil {
			cancel()
		}
	})
	l := &listener{tell: tell, end: cancel}
	for open := true; open; {
		select {
		case out, ok := <-sess.Events():
			if open = ok; ok {
				l.take(out)
			}
		case <-ran: // without closing its events: it panicked
			open = false
		}
	}
	cancel()
	crew.Wait()
	switch {
	case l.over:
		return l.outcome()
	case fed != nil: // before ctx, which a read that timed out ends too
		return outcome{err: fed}
	case ctx.Err() != nil:
		return outcome{err: ctx.Err()}
	case l.refused != nil:
		return outcome{err: l.refused}
	}
	return outcome{err: errNoEnd}
}

// runGuarded runs a session. A panic, a bug, becomes an error: other sessions
// live on.
func runGuarded(ctx context.Context, s Session) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("session panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return s.Run(ctx)
}

// open gives the configuration of a run's session, and its audio.
func (s *Server) open(r *run) (protocol.Configure, pcmSource, error) {
	c := r.configure
	c.User = &r.user
	now := 0
	c.PaceMS = &now // the caller waits for all of it
	if r.outputRate != 0 {
		c.Output = &protocol.Format{Encoding: protocol.EncodingPCM, Rate: r.outputRate}
	}
	if r.source != fromAudio {
		return c, nil, nil
	}
	source, err := r.openAudio()
	if err != nil {
		return c, nil, err
	}
	limit := s.cfg.Session.MaxUtterance
	if limit == 0 {
		limit = defaultUtterance
	}
	c.Input = &protocol.Format{Encoding: protocol.EncodingPCM, Rate: source.rate()}
	return c, bound(source, limit), nil
}

// feed says what a client would.
func feed(ctx context.Context, sess Session, r *run, c protocol.Configure, source pcmSource) error {
	push := func(in session.Input) error {
		if err := sess.Push(ctx, in); err != nil && !errors.Is(err, session.ErrEnded) && ctx.Err() == nil {
			return err
		}
		return nil // what ended the session is known elsewhere
	}
	if err := push(session.Input{Message: c}); err != nil {
		return err
	}
	if source == nil {
		return push(session.Input{Message: protocol.Text{Text: r.text}})
	}
	for ctx.Err() == nil {
		frame := audio.NewFrame(uploadFrame)
		n, err := source.read(frame.Data)
		frame.Data = frame.Data[:n]
		if err != nil && !errors.Is(err, io.EOF) {
			frame.Free()
			return err
		}
		if n == 0 {
			frame.Free()
		} else if err := push(session.Input{Audio: frame}); err != nil {
			return err
		}
		if err != nil {
			break
		}
	}
	return push(session.Input{Message: protocol.Commit{}})
}

// listener takes what the session of a run says.
type listener struct {
	tell progress
	end  func() // ends the session

	pcm     []byte
	rate    int
	last    protocol.Event // the terminal event
	over    bool
	refused error
}

func (l *listener) take(out session.Output) {
	if out.Audio != nil {
		l.pcm = append(l.pcm, out.Audio.Data...)
		out.Audio.Free()
		return
	}
	switch e := out.Event.(type) {
	case protocol.StageStarted:
		l.tell(e.Stage, stepJSON{Status: stepStarted, Engine: e.Engine})
	case protocol.StagePartial:
		l.tell(e.Stage, stepJSON{Status: stepPartial, Text: e.Text})
	case protocol.StageDone:
		l.tell(e.Stage, stepJSON{Status: stepDone, Text: e.Text, TookMS: e.TookMS})
	case protocol.StageFailed:
		l.tell(e.Stage, stepJSON{Status: stepFailed, Code: e.Code, Message: e.Message})
	case protocol.AudioBegin:
		l.rate = e.Rate
	case protocol.Problem:
		l.refuse(e)
	case protocol.TurnDone, protocol.TurnCancelled, protocol.TurnFailed:
		l.last, l.over = e, true
		l.end()
	}
}

// refuse ends a run of which the session does not take something.
func (l *listener) refuse(p protocol.Problem) {
	if l.refused == nil && !l.over {
		l.refused = &requestError{
			status: http.StatusUnprocessableEntity, code: p.Code, args: []any{p.Message},
			err: fmt.Errorf("the session refused: %s", p.Code),
		}
		l.end()
	}
}

// outcome is what the terminal event says.
func (l *listener) outcome() outcome {
	var o outcome
	switch e := l.last.(type) {
	case protocol.TurnDone:
		o.record = e.Record
	case protocol.TurnFailed:
		o.record = e.Record
		o.failed = &stage.Error{Stage: e.Stage, Code: e.Code, Message: e.Message}
	case protocol.TurnCancelled:
		return outcome{err: &requestError{status: http.StatusServiceUnavailable, code: "turn_cancelled"}}
	}
	if len(l.pcm) > 0 {
		o.wav = slices.Concat(audio.AppendHeader(nil, l.rate, 1, len(l.pcm)), l.pcm)
	}
	return o
}
