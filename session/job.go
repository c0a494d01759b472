package session

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"sori/audio"
	"sori/history"
	"sori/protocol"
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
	load     bool // ask the store for earlier turns first
}

// turnOut is one thing that a turn's goroutines tell the actor. Exactly one
// field is set; home is the last.
type turnOut struct {
	event protocol.Event
	audio *audio.Frame
	home  *result
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
// ends TTOT and TTS. It always sends a result, last.
func (j *job) run(all, reply context.Context, out chan<- turnOut) {
	w := &worker{job: j, out: out}
	w.turn(all, reply)
	out <- turnOut{home: &w.result}
}

func (j *job) since(t time.Time) *float64 {
	ms := float64(t.Sub(j.entry.committed).Microseconds()) / 1000
	return &ms
}

func (j *job) free() {
	if j.entry.clip != nil {
		j.entry.clip.Release()
	}
}

// worker carries a turn through its stages. result is owned by the goroutine of
// job.run; the reply's goroutines have results of their own, joined there.
type worker struct {
	*job

	out    chan<- turnOut
	result result
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
			w.result.earlier = <-earlier
			return
		}
		w.result.atotText = text
	} else {
		w.result.atotText = w.entry.text
	}
	w.result.earlier = <-earlier
	if reply.Err() != nil {
		return
	}
	w.reply(reply, append(w.history, w.result.earlier...))
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
