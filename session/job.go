package session

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"sori/audio"
	"sori/history"
	"sori/protocol"
	"sori/session/words"
	"sori/stage"
)

// job is the immutable snapshot that a turn's goroutines work on.
type job struct {
	id       string
	session  string
	number   int
	entry    entry
	settings settings
	opts     Options
	deps     Deps
	log      *slog.Logger
	history  []stage.Exchange
	told     *[]stage.Exchange // instead of history and of what was heard; nil: those
	load     bool              // ask the store for earlier turns first
	draft    bool              // it may come to nothing

	confirmed chan struct{} // closed when the turn is certain to be one
}

// turnOut is one thing that a turn's goroutines tell the actor. Exactly one
// field but aside is set.
type turnOut struct {
	event    protocol.Event
	caption  *protocol.StagePartial // what sounds from here on
	aside    bool                   // the caption's words are no part of the reply
	audio    *audio.Frame
	call     *toolCall
	asks     chan<- *job // whether the turn is answered, and as which job
	finished *float64    // probability that the user has finished; of a draft only
}

// result is what a turn made.
type result struct {
	atotText, ttotText  string
	spoken              string // the part of ttotText that became audio
	inputWAV, outputWAV *string
	outputMS            int64
	engines             history.Engines
	timings             history.Timings
	failure             *stage.Error
	apology             string       // for the failure, "" if there was none
	calls               []stage.Call // that were handed over
	loaded              bool
	earlier             []stage.Exchange
}

// saveTimeout bounds the writing of one recording, loadTimeout the reading of
// earlier turns.
const (
	saveTimeout = 10 * time.Second
	loadTimeout = time.Second
)

// run is the turn: transcription, then the reply. all ends everything, reply
// ends TTOT and TTS. It tells out what happens; the result comes last.
func (j *job) run(all, reply context.Context, out chan<- turnOut) *result {
	w := &worker{job: j, out: out}
	w.turn(all, reply)
	return &w.result
}

// since is the time from the end of speech, in milliseconds.
func (j *job) since(t time.Time) *float64 {
	ms := millis(t.Sub(j.entry.spoken))
	return &ms
}

func (j *job) free() {
	if j.entry.clip != nil {
		j.entry.clip.Release()
	}
}

// worker carries a turn through its stages. result is owned by the goroutine of
// job.run; what the reply's other goroutines make is joined there.
type worker struct {
	*job

	out    chan<- turnOut
	result result
	handed []stage.Call // owned by the TTOT stage
}

// guard runs one stage's use of its engine and turns a panic, a bug, into the
// stage's failure: other sessions live on.
func (w *worker) guard(name stage.Name, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			w.log.Error("stage panicked", "stage", string(name), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = stage.AsError(name, fmt.Errorf("panic: %v", p))
		}
	}()
	return f()
}

// emit sends an event, unless ctx ends first.
func (w *worker) emit(ctx context.Context, e protocol.Event) error {
	select {
	case w.out <- turnOut{event: e}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (w *worker) turn(all, reply context.Context) {
	var side sync.WaitGroup
	defer side.Wait()
	earlier := make(chan []stage.Exchange, 1)
	side.Go(func() { earlier <- w.recall(all) })
	if w.entry.clip != nil {
		input := make(chan *string, 1)
		side.Go(func() { input <- w.save(all, "input", w.entry.clip) })
		defer func() { w.result.inputWAV = <-input }()
		var text string
		err := w.guard(stage.ATOT, func() (err error) {
			text, err = w.transcribe(all)
			return err
		})
		if err != nil {
			w.fail(all, stage.AsError(stage.ATOT, err))
			if !w.entry.silent {
				w.apologize(reply)
			}
			w.result.earlier = <-earlier
			return
		}
		w.result.atotText = text
		w.askEndOfTurn(all, text)
	} else {
		w.result.atotText = w.entry.text
	}
	w.result.earlier = <-earlier
	if !w.entry.silent {
		w.answer(reply)
		return
	}
	if j := w.isAnswered(all); j != nil {
		r := &worker{job: j, out: w.out, result: w.result} // of its own: others read this one's job
		r.answer(reply)
		w.result = r.result
	}
}

// answer makes the reply.
func (w *worker) answer(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	if w.entry.say != "" {
		w.recite(ctx, w.entry.say)
		return
	}
	w.reply(ctx, slices.Concat(w.result.earlier, w.history))
	w.apologize(ctx)
}

// isAnswered asks the actor whether a turn that was overheard is answered, and
// how.
func (w *worker) isAnswered(ctx context.Context) *job {
	reply := make(chan *job, 1)
	select {
	case w.out <- turnOut{asks: reply}:
	case <-ctx.Done():
		return nil
	}
	select {
	case j := <-reply:
		return j
	case <-ctx.Done():
		return nil
	}
}

// endOfTurnTime bounds the question whether the user has finished.
const endOfTurnTime = 500 * time.Millisecond

// askEndOfTurn asks the engine that knows, while the turn is a draft.
func (w *worker) askEndOfTurn(ctx context.Context, text string) {
	if !w.draft || w.deps.EndOfTurn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, endOfTurnTime)
	defer cancel()
	u := stage.Utterance{UserID: w.settings.user, SessionID: w.session, Language: w.settings.language, Audio: w.entry.clip}
	p, err := w.deps.EndOfTurn.Finished(ctx, u, text)
	if err != nil {
		if isStopped(ctx) {
			return
		}
		w.log.Debug("end-of-turn engine failed", "error", err)
		p = 1
		if words.Unfinished(text) {
			p = 0
		}
	}
	select {
	case w.out <- turnOut{finished: &p}:
	case <-ctx.Done():
	}
}

// recall asks the store for what was said before this session.
func (w *worker) recall(ctx context.Context) []stage.Exchange {
	if !w.load {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	turns, err := w.deps.History.Recent(ctx, w.settings.user, w.opts.Window)
	if err != nil && !isStopped(ctx) {
		w.log.Warn("earlier turns are not readable", "error", err)
		_ = w.emit(ctx, protocol.Warning{Code: protocol.WarnHistoryUnread, Message: "Earlier turns can't be read from the history store now. sori answers without remembering them."})
	}
	w.result.loaded = err == nil
	var xs []stage.Exchange
	for i := range turns {
		if t := &turns[i]; t.ATOTText != "" {
			xs = append(xs, stage.Exchange{User: t.ATOTText, Reply: t.TTOTText})
		}
	}
	return xs
}

// watch gives the context for a call of an engine. When another engine than the
// first answers, it is noted in engine and the client is told.
func (w *worker) watch(ctx context.Context, engine *string) context.Context {
	return stage.WithServed(ctx, func(s stage.Served) {
		*engine = s.Engine
		if s.Failed == "" {
			return // it was meant for what is said
		}
		w.log.Warn("another engine serves the stage", "stage", string(s.Stage), "engine", s.Engine, "failed", s.Failed, "error", s.Err)
		_ = w.emit(ctx, protocol.Warning{
			Code:    protocol.WarnEngineFallback,
			Message: "The " + string(s.Stage) + " engine " + s.Failed + " does not answer; " + s.Engine + " serves this turn.",
		})
	})
}

// fail notes why a stage failed and tells the client, unless the turn was
// stopped: then it is no failure.
func (w *worker) fail(ctx context.Context, e *stage.Error) {
	if isStopped(ctx) {
		return
	}
	w.log.Warn("stage failed", "stage", string(e.Stage), "code", e.Code, "error", e)
	if w.result.failure == nil {
		w.result.failure = e
	}
	_ = w.emit(ctx, protocol.StageFailed{Stage: e.Stage, Code: e.Code, Message: e.Message})
}
