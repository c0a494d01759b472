package session_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sori/audio"
	"sori/history"
	"sori/protocol"
	"sori/session"
	"sori/stage"
)

// Fakes are structs of funcs.

type atot struct {
	transcribe func(ctx context.Context, u stage.Utterance) iter.Seq2[stage.Transcript, error]
}

func (f atot) Engine() string { return "fake-atot" }
func (f atot) Transcribe(ctx context.Context, u stage.Utterance) iter.Seq2[stage.Transcript, error] {
	return f.transcribe(ctx, u)
}

type ttot struct {
	respond func(ctx context.Context, p stage.Prompt) iter.Seq2[string, error]
}

func (f ttot) Engine() string { return "fake-ttot" }
func (f ttot) Respond(ctx context.Context, p stage.Prompt) iter.Seq2[string, error] {
	return f.respond(ctx, p)
}

type tts struct {
	synthesize func(ctx context.Context, s stage.Speech) iter.Seq2[stage.Chunk, error]
}

func (f tts) Engine() string { return "fake-tts" }
func (f tts) Synthesize(ctx context.Context, s stage.Speech) iter.Seq2[stage.Chunk, error] {
	return func(yield func(stage.Chunk, error) bool) {
		for c, err := range f.synthesize(ctx, s) {
			lent := bytes.Clone(c.PCM)
			more := yield(stage.Chunk{PCM: lent, Rate: c.Rate}, err)
			for i := range lent { // it was valid until now
				lent[i] = spoilt
			}
			if !more {
				return
			}
		}
	}
}

// spoilt is what is found in a chunk that was kept for too long.
const spoilt = 0xA5

// store keeps turns in a slice. The tests read it when the bubble is still.
type store struct {
	turns  []history.Turn
	keep   func(history.Turn) (delayed, err error)
	recent func() ([]history.Turn, error)
}

func (f *store) Keep(_ context.Context, t history.Turn) (delayed, err error) {
	f.turns = append(f.turns, t)
	if f.keep != nil {
		return f.keep(t)
	}
	return nil, nil
}

func (f *store) Recent(context.Context, string, int) ([]history.Turn, error) {
	if f.recent != nil {
		return f.recent()
	}
	return nil, nil
}

type recordings struct {
	save func(kind string, wav io.Reader) (string, error)
}

func (f recordings) Save(_ context.Context, user, turn, kind string, wav io.Reader) (string, error) {
	if f.save != nil {
		return f.save(kind, wav)
	}
	if _, err := io.Copy(io.Discard, wav); err != nil {
		return "", err
	}
	return "/users/" + user + "/recordings/" + turn + "-" + kind + ".wav", nil
}

type detector struct{ p float32 }

func (d detector) Detect([]int16) (float32, error) { return d.p, nil }
func (detector) Reset()                            {}
func (detector) Close()                            {}

// sleep waits in fake time, as an engine does that obeys its context.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// hears is an ATOT that takes d and hears text.
func hears(d time.Duration, text string) atot {
	return atot{func(ctx context.Context, _ stage.Utterance) iter.Seq2[stage.Transcript, error] {
		return func(yield func(stage.Transcript, error) bool) {
			if err := sleep(ctx, d); err != nil {
				yield(stage.Transcript{}, err)
				return
			}
			yield(stage.Transcript{Text: text, Final: true}, nil)
		}
	}}
}

// says is a TTOT that writes the pieces, d before each.
func says(d time.Duration, pieces ...string) ttot {
	return ttot{func(ctx context.Context, _ stage.Prompt) iter.Seq2[string, error] {
		return func(yield func(string, error) bool) {
			for _, p := range pieces {
				if err := sleep(ctx, d); err != nil {
					yield("", err)
					return
				}
				if !yield(p, nil) {
					return
				}
			}
		}
	}}
}

// speaks is a TTS that makes one second of 16 kHz sound a clause, in ten chunks
// that take d each.
func speaks(d time.Duration) tts {
	return tts{func(ctx context.Context, _ stage.Speech) iter.Seq2[stage.Chunk, error] {
		return func(yield func(stage.Chunk, error) bool) {
			for range 10 {
				if err := sleep(ctx, d); err != nil {
					yield(stage.Chunk{}, err)
					return
				}
				if !yield(stage.Chunk{PCM: slices.Repeat([]byte{1, 2}, 1600), Rate: 16000}, nil) {
					return
				}
			}
		}
	}}
}

func failsAtOnce[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		yield(zero, err)
	}
}

var errBroken = errors.New("it broke")

// rig is a session in a bubble with a client that reads everything at once.
type rig struct {
	t      *testing.T
	s      *session.Session
	store  *store
	end    context.CancelFunc
	err    error
	over   chan struct{}
	pause  chan bool // true: the client stops reading
	died   bool      // a process did, perhaps between audio.begin and audio.end
	behind bool      // the next one knew an older state: its clock, too, stood earlier

	// Written by the client's goroutine, read when the bubble is still; the lock
	// is for the race detector, which does not know of fake time.
	mu    sync.Mutex
	got   []session.Output
	at    []time.Duration
	size  []int // of each output's audio, bytes
	sound []byte
	start time.Time
}

// deps are engines that answer "Hello there." after 100 ms at each stage.
func deps() session.Deps {
	return session.Deps{
		ATOT: hears(100*time.Millisecond, "hello"), TTOT: says(50*time.Millisecond, "Hello there, ", "my friend. ", "How are you today?"), TTS: speaks(10 * time.Millisecond),
		History: &store{}, Recordings: recordings{},
	}
}

func open(t *testing.T, o session.Options, d session.Deps) *rig {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	st, _ := d.History.(*store)
	r := &rig{t: t, s: session.New(o, d), store: st, end: end, over: make(chan struct{}), pause: make(chan bool), start: time.Now()}
	go func() {
		defer close(r.over)
		r.err = r.s.Run(ctx)
	}()
	go r.read()
	t.Cleanup(func() {
		end()
		<-r.over
	})
	return r
}

func (r *rig) read() {
	for {
		select {
		case o, ok := <-r.s.Events():
			if !ok {
				return
			}
			r.mu.Lock()
			r.got = append(r.got, o)
			r.at = append(r.at, time.Since(r.start))
			r.size = append(r.size, 0)
			if o.Audio != nil {
				r.size[len(r.size)-1] = len(o.Audio.Data)
				r.sound = append(r.sound, o.Audio.Data...)
				o.Audio.Free()
			}
			r.mu.Unlock()
		case stop := <-r.pause:
			for stop {
				stop = <-r.pause
			}
		}
	}
}

func (r *rig) send(m protocol.ClientMessage) {
	r.t.Helper()
	if err := r.s.Push(r.t.Context(), session.Input{Message: m}); err != nil {
		r.t.Fatalf("push %T: %v", m, err)
	}
}

// speak pushes d of sound in 20 ms frames, at once.
func (r *rig) speak(d time.Duration) {
	r.t.Helper()
	for range d / (20 * time.Millisecond) {
		r.frame(slices.Repeat([]byte{3, 1}, 320))
	}
}

func (r *rig) frame(data []byte) {
	r.t.Helper()
	f := audio.NewFrame(len(data))
	copy(f.Data, data)
	if err := r.s.Push(r.t.Context(), session.Input{Audio: f}); err != nil {
		r.t.Fatalf("push audio: %v", err)
	}
}

func (r *rig) configure() { r.t.Helper(); r.send(protocol.Configure{}) }

// settle lets fake time pass until d is over, and everything rest.
func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// types are the events' types in order, binary frames as "audio", repeats
// written once.
func (r *rig) types() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ts []string
	for _, o := range r.got {
		ts = append(ts, typeOf(o))
	}
	return slices.Compact(ts)
}

func typeOf(o session.Output) string {
	if o.Audio != nil {
		return "audio"
	}
	return o.Event.Type()
}

// find gives all events of one kind.
func find[E protocol.Event](r *rig) []E {
	r.mu.Lock()
	defer r.mu.Unlock()
	var es []E
	for _, o := range r.got {
		if e, ok := o.Event.(E); ok {
			es = append(es, e)
		}
	}
	return es
}

// one gives the only event of its kind.
func one[E protocol.Event](r *rig) E {
	r.t.Helper()
	es := find[E](r)
	if len(es) != 1 {
		var zero E
		r.t.Fatalf("%d events %q, want 1; all: %v", len(es), zero.Type(), r.types())
	}
	return es[0]
}

// check holds what is true of every session, whatever happened in it.
func (r *rig) check() {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var seq uint64
	var sinceBegin, clock int64
	open, lastDone := 0, 0
	sounding := false
	terminals := map[int]history.Turn{}
	for i, o := range r.got {
		if o.Head.Seq != seq+1 {
			r.t.Fatalf("event %d has seq %d after %d", i, o.Head.Seq, seq)
		}
		seq = o.Head.Seq
		if o.Event != nil && o.Head.MS < clock && !r.behind {
			r.t.Fatalf("event %d: time runs backwards: %d after %d", i, o.Head.MS, clock)
		}
		clock = max(clock, o.Head.MS)
		n := o.Head.Turn
		if n != 0 && n <= lastDone {
			r.t.Fatalf("event %d, %s, of turn %d after its terminal", i, typeOf(o), n)
		}
		switch e := o.Event.(type) {
		case nil:
			if !sounding || n != open {
				r.t.Fatalf("event %d: audio outside of audio.begin and audio.end", i)
			}
			sinceBegin += int64(r.size[i])
		case protocol.TurnStarted:
			if open != 0 || n != lastDone+1 {
				r.t.Fatalf("event %d: turn %d starts while %d is open", i, n, open)
			}
			open = n
		case protocol.AudioBegin:
			sounding, sinceBegin = true, 0
		case protocol.AudioEnd:
			if !sounding {
				r.t.Fatalf("event %d: audio.end without audio.begin", i)
			}
			if e.Bytes != sinceBegin {
				r.t.Fatalf("event %d: audio.end says %d bytes, %d came", i, e.Bytes, sinceBegin)
			}
			sounding = false
		case protocol.TurnDone:
			terminals[n] = e.Record
		case protocol.TurnCancelled:
			terminals[n] = e.Record
		case protocol.TurnFailed:
			terminals[n] = e.Record
		}
		if _, ok := terminals[n]; ok && n != 0 {
			if n != open || sounding && !r.died {
				r.t.Fatalf("event %d: terminal of turn %d, open is %d, sounding %v", i, n, open, sounding)
			}
			open, lastDone, sounding = 0, n, false
		}
	}
	kept := map[string]int{}
	for _, t := range r.store.turns {
		kept[t.ID]++
	}
	for n, rec := range terminals {
		if kept[rec.ID] != 1 {
			r.t.Fatalf("turn %d is %d times in history", n, kept[rec.ID])
		}
	}
	if len(kept) != len(terminals) {
		r.t.Fatalf("%d turns in history, %d terminal events", len(kept), len(terminals))
	}
}
