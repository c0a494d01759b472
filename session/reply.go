package session

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

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
	r := &w.result
	defer func() {
		if unwritten != nil {
			w.fail(ctx, stage.AsError(stage.TTOT, unwritten))
		}
	}()
	if w.settings.mute {
		close(clauses)
		flow.Go(func() {
			for range deltas {
			}
		})
		unwritten = w.guard(stage.TTOT, func() error { return w.write(ctx, earlier, &made, deltas) })
		close(deltas)
		flow.Wait()
		r.take(w, &made)
		return
	}
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

	r.take(w, &made)
	v.finish(ctx)
}

// take notes what TTOT made.
func (r *result) take(w *worker, made *writing) {
	r.ttotText = strings.TrimSpace(made.text.String())
	r.engines.TTOT = made.engine
	r.timings.TTOTFirst, r.timings.TTOTDone = made.first, made.done
	r.calls = w.handed
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
func (w *worker) write(ctx context.Context, earlier []stage.Exchange, made *writing, deltas chan<- string) (err error) {
	made.engine = engineFor(w.deps.TTOT, w.settings.language)
	if err := w.emit(ctx, protocol.StageStarted{Stage: stage.TTOT, Engine: made.engine}); err != nil {
		return err
	}
	began := time.Now()
	under, seen := w.deps.Observer.StageBegan(ctx, stage.TTOT, made.engine)
	defer func() { w.endStage(ctx, seen, stage.TTOT, made.engine, err) }()
	p := stage.Prompt{
		UserID: w.settings.user, SessionID: w.session, Text: w.result.atotText,
		Language: w.settings.language, Instructions: w.settings.instructions, History: earlier,
		Tools: w.tools(), Call: w.call, Choice: w.settings.choice,
	}
	if w.told != nil {
		p.History, p.Text = unanswered(*w.told)
	} else if w.entry.respond != nil && w.entry.clip == nil {
		p.History, p.Text = unanswered(earlier)
	}
	took := stage.Usage{}
	if w.opts.Notices {
		under = stage.WithUsage(under, func(u stage.Usage) {
			took.Input, took.Cached, took.Output = took.Input+u.Input, took.Cached+u.Cached, took.Output+u.Output
		})
		defer func() {
			if took != (stage.Usage{}) {
				_ = w.emit(ctx, Counted{took})
			}
		}()
	}
	for delta, err := range w.deps.TTOT.Respond(w.watch(under, &made.engine), p) {
		if errors.Is(err, stage.ErrHandedOver) {
			break
		}
		if err != nil {
			return err
		}
		piece, over := w.limit(&made.text, delta)
		if over {
			_ = w.emit(ctx, protocol.Warning{Code: protocol.WarnReplyLimit, Message: "The reply reached its limit of " + strconv.Itoa(w.settings.maxTokens) + " tokens and was cut there."})
		}
		if piece == "" && over {
			break
		}
		if piece == "" {
			continue
		}
		if made.first == nil {
			made.first = w.since(time.Now())
			seen.First()
		}
		made.text.WriteString(piece)
		if err := w.emit(ctx, protocol.StagePartial{Stage: stage.TTOT, Text: piece}); err != nil {
			return err
		}
		select {
		case deltas <- piece:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if over {
			break
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	made.done = w.since(time.Now())
	text := strings.TrimSpace(made.text.String())
	if text == "" && len(w.handed) > 0 {
		return nil
	}
	if text == "" {
		return &stage.Error{Stage: stage.TTOT, Code: stage.CodeEmptyReply, Message: "The TTOT engine gave an empty reply."}
	}
	return w.emit(ctx, protocol.StageDone{Stage: stage.TTOT, Text: text, TookMS: millis(time.Since(began))})
}

// unanswered takes what the user said last and nobody answered out of the
// conversation, as the text to answer. It is empty when there is no such thing.
func unanswered(told []stage.Exchange) (earlier []stage.Exchange, text string) {
	n := len(told)
	for n > 0 && told[n-1].User != "" && told[n-1].Reply == "" && len(told[n-1].Calls) == 0 {
		n--
	}
	var said []string
	for _, x := range told[n:] {
		said = append(said, x.User)
	}
	return told[:n], strings.Join(said, "\n")
}

// limit cuts a piece of a reply where the reply reaches its limit.
func (w *worker) limit(before *strings.Builder, piece string) (cut string, over bool) {
	if w.settings.maxTokens == 0 {
		return piece, false
	}
	left := stage.LettersPerToken*w.settings.maxTokens - utf8.RuneCountInString(before.String())
	for i := range piece {
		if left <= 0 {
			return piece[:i], true
		}
		left--
	}
	return piece, false
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
