package session

import (
	"context"
	"slices"
	"time"

	"sori/audio"
	"sori/protocol"
	"sori/stage"
)

// Bounds of what a session makes beside its turns.
const (
	maxApart      = 4  // at a time
	maxApartWaits = 12 // until one of those is done
	maxApartQueue = 32 // outputs that wait for the client; with more, what is made apart is held up
)

// Apart has something made beside the conversation: an utterance transcribed, or
// a reply written and spoken. It takes the floor from nobody, nothing of it is
// remembered or kept, and its sound is not paced. Outputs with its name say what
// comes of it; the last one is [ApartDone].
type Apart struct {
	ID     string      // names it; unique in the session
	Clip   *audio.Clip // is transcribed; the session owns it. nil: a reply is made
	Manner Manner      // of the reply
	// Told is what the model is told; nil: the conversation as it stands.
	Told *[]stage.Exchange
}

// Abandon stops what [Apart] asked for.
type Abandon struct{ ID string }

func (Apart) order()   {}
func (Abandon) order() {}

// ApartDone says that nothing more comes of an [Apart].
type ApartDone struct {
	Stopped bool         // by [Abandon], or by the end of the session
	Failure *stage.Error // nil: it went well, as far as it went
}

// Type is for logs: no client sees it.
func (ApartDone) Type() string { return "session.apart_done" }

// beside is what a session makes beside its turns. Owned by the goroutine of Run.
type beside struct {
	live  map[string]*apart
	waits []Apart
	out   chan apartOut // unbuffered: what the actor does not take holds the stages up
}

// apart is one [Apart] under way.
type apart struct {
	stop    context.CancelCauseFunc
	stopped bool
}

// apartOut is what comes from the goroutines of one. home comes last.
type apartOut struct {
	id   string
	one  turnOut
	home *result
}

// makeApart begins an Apart, or has it wait.
func (s *Session) makeApart(ctx context.Context, o Apart) {
	_, early := s.phase.(unready)
	refused := ""
	switch b := &s.beside; {
	case early:
		refused = protocol.ErrNotConfigured
	case s.barred(): // it told the client
		o.free()
		return
	case len(b.live) < maxApart:
		s.launchApart(ctx, o)
	case len(b.waits) < maxApartWaits:
		b.waits = append(b.waits, o)
	default:
		refused = protocol.ErrTooManyTurns
	}
	if refused != "" {
		o.free()
		s.refuse(refused)
	}
}

func (a *Apart) free() {
	if a.Clip != nil {
		a.Clip.Release()
	}
}

// launchApart lets the stages of an Apart begin.
func (s *Session) launchApart(ctx context.Context, o Apart) {
	now := time.Now()
	e := entry{id: newID(), clip: o.Clip, silent: o.Clip != nil, spoken: now, committed: now}
	if o.Clip == nil {
		e.respond = &Respond{}
		if o.Told == nil {
			told := s.memory.told()
			o.Told = &told
		}
		s.emitApart(o.ID, Answering{o.ID})
	}
	set, deps := s.settings, s.deps
	set.manner(o.Manner)
	deps.Recordings = nil
	j := &job{
		id: e.id, session: s.id, entry: e, settings: set, opts: s.opts, deps: deps, log: s.log().With("turn_id", e.id),
		told: o.Told, confirmed: make(chan struct{}),
	}
	close(j.confirmed)
	s.spend(0, &e)
	all, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	if s.beside.live == nil {
		s.beside.live, s.beside.out = make(map[string]*apart), make(chan apartOut)
	}
	s.beside.live[o.ID] = &apart{stop: stop}
	out := s.beside.out
	s.crew.Go(func() { s.carry(all, o.ID, j, out) })
}

// carry runs a job and brings what it makes to the actor, until that takes
// nothing more.
func (s *Session) carry(ctx context.Context, id string, j *job, to chan<- apartOut) {
	defer j.free()
	out, home := make(chan turnOut), make(chan *result, 1)
	go func() {
		defer close(out)
		home <- j.run(ctx, ctx, out)
	}()
	for o := range out { // until the job is home
		switch {
		case o.asks != nil:
			o.asks <- nil // it is transcribed, and that is all
			continue
		case o.call != nil:
			o.call.answer <- protocol.ToolResult{Error: "The client's tools are for turns of the conversation."}
			continue
		}
		select {
		case to <- apartOut{id: id, one: o}:
		case <-ctx.Done():
			o.audio.Free()
		}
	}
	select {
	case to <- apartOut{id: id, home: <-home}:
	case <-s.done:
	}
}

// fromBeside is where the output of what is made apart is taken from.
func (s *Session) fromBeside() <-chan apartOut {
	if len(s.beside.live) > 0 && s.out.events.len() < maxApartQueue {
		return s.beside.out
	}
	return nil
}

// takeApart hands on what is made apart.
func (s *Session) takeApart(ctx context.Context, o apartOut) {
	switch {
	case o.home != nil:
		a := s.beside.live[o.id]
		delete(s.beside.live, o.id)
		a.stop(nil)
		if s.opts.Allowance != nil {
			s.opts.Allowance.Spoken(ms(int(o.home.outputMS)))
		}
		s.emitApart(o.id, ApartDone{Stopped: a.stopped, Failure: o.home.failure})
		if len(s.beside.waits) > 0 {
			next := s.beside.waits[0]
			s.beside.waits = slices.Delete(s.beside.waits, 0, 1)
			s.launchApart(ctx, next)
		}
	case o.one.audio != nil:
		s.out.events.push(item{apart: o.id, ms: s.now(), audio: o.one.audio})
	case o.one.caption != nil:
		s.emitApart(o.id, *o.one.caption)
	case o.one.event != nil:
		s.emitApart(o.id, o.one.event)
	}
}

func (s *Session) emitApart(id string, e protocol.Event) {
	s.out.events.push(item{apart: id, ms: s.now(), event: e, ref: s.ref})
}

// abandon stops one Apart. Its end comes when its goroutines are home.
func (s *Session) abandon(id string) {
	if a := s.beside.live[id]; a != nil {
		a.stopped = true
		a.stop(stopped{protocol.CancelledByClient})
		return
	}
	for i := range s.beside.waits {
		if w := &s.beside.waits[i]; w.ID == id {
			w.free()
			s.beside.waits = slices.Delete(s.beside.waits, i, i+1)
			s.emitApart(id, ApartDone{Stopped: true})
			return
		}
	}
}

// endBeside stops all that is made apart, at the end of the session. The
// goroutines are in the crew.
func (s *Session) endBeside() {
	for id, a := range s.beside.live {
		a.stop(stopped{protocol.CancelledByEnd})
		s.emitApart(id, ApartDone{Stopped: true})
	}
	for i := range s.beside.waits {
		s.beside.waits[i].free()
		s.emitApart(s.beside.waits[i].ID, ApartDone{Stopped: true})
	}
	s.beside.live, s.beside.waits = nil, nil
}
