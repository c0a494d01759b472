package session

import (
	"context"
	"strings"
	"sync"
	"time"

	"sori/protocol"
	"sori/session/clause"
	"sori/stage"
)

// stall is how long TTOT may pause before the beginning of its first sentence is
// spoken as it is.
const stall = 150 * time.Millisecond

// Bounds of what waits between the stages of a reply. When they are full, the
// stage before them is held up.
const (
	maxDeltas  = 64
	maxClauses = 4
)

// reply answers the user: TTOT writes, the splitter cuts clauses, TTS speaks
// them, all at the same time.
func (w *worker) reply(ctx context.Context, earlier []stage.Exchange) {
	deltas := make(chan string, maxDeltas)
	clauses := make(chan string, maxClauses)
	var made writing
	var unwritten error
	var flow sync.WaitGroup
	flow.Go(func() {
		defer close(deltas)
		unwritten = w.guard(stage.TTOT, func() error { return w.write(ctx, earlier, &made, deltas) })
	})
	flow.Go(func() {
		defer close(clauses)
		w.split(ctx, deltas, clauses)
	})
	v := newVoice(w)
	v.speak(ctx, clauses)
	flow.Wait()

	r := &w.result
	r.ttotText = strings.TrimSpace(made.text.String())
	r.engines.TTOT = made.engine
	r.timings.TTOTFirst, r.timings.TTOTDone = made.first, made.done
	v.finish(ctx)
	if unwritten != nil {
		w.fail(ctx, stage.AsError(stage.TTOT, unwritten))
	}
}

// recite speaks a text that nobody wrote for this turn: an idle prompt.
func (w *worker) recite(ctx context.Context, text string) {
	clauses := make(chan string, 1)
	clauses <- clause.Spoken(text)
	close(clauses)
	v := newVoice(w)
	v.speak(ctx, clauses)
	w.result.ttotText = text
	v.finish(ctx)
}

// writing is what TTOT made.
type writing struct {
	engine      string
	text        strings.Builder
	first, done *float64
}

// write is the TTOT stage. It hands the pieces of the reply on as they come.
func (w *worker) write(ctx context.Context, earlier []stage.Exchange, made *writing, deltas chan<- string) error {
	made.engine = w.deps.TTOT.Engine()
	if err := w.emit(ctx, protocol.StageStarted{Stage: stage.TTOT, Engine: made.engine}); err != nil {
		return err
	}
	began := time.Now()
	p := stage.Prompt{
		UserID: w.settings.user, SessionID: w.session, Text: w.result.atotText,
		Language: w.settings.language, Instructions: w.settings.instructions, History: earlier,
		Tools: w.tools(), Call: w.call,
	}
	for delta, err := range w.deps.TTOT.Respond(w.watch(ctx, &made.engine), p) {
		if err != nil {
			return err
		}
		if delta == "" {
			continue
		}
		if made.first == nil {
			made.first = w.since(time.Now())
		}
		made.text.WriteString(delta)
		if err := w.emit(ctx, protocol.StagePartial{Stage: stage.TTOT, Text: delta}); err != nil {
			return err
		}
		select {
		case deltas <- delta:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	made.done = w.since(time.Now())
	text := strings.TrimSpace(made.text.String())
	if text == "" {
		return &stage.Error{Stage: stage.TTOT, Code: stage.CodeEmptyReply, Message: "The TTOT engine gave an empty reply."}
	}
	return w.emit(ctx, protocol.StageDone{Stage: stage.TTOT, Text: text, TookMS: millis(time.Since(began))})
}

// split cuts the stream of pieces into clauses that can be spoken.
func (w *worker) split(ctx context.Context, deltas <-chan string, clauses chan<- string) {
	s := clause.New(clause.Options{})
	hand := func(c string) bool {
		select {
		case clauses <- c:
			return true
		case <-ctx.Done():
			return false
		}
	}
	var stalled <-chan time.Time
	for {
		select {
		case d, ok := <-deltas:
			if !ok {
				if c, ok := s.Flush(); ok {
					hand(c)
				}
				return
			}
			for _, c := range s.Add(d) {
				if !hand(c) {
					return
				}
			}
			stalled = time.After(stall)
		case <-stalled:
			stalled = nil
			if c, ok := s.Stall(); ok && !hand(c) {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}
