package session

import (
	"context"
	"errors"
	"time"

	"sori/audio"
	"sori/protocol"
)

// obey handles a control message.
func (s *Session) obey(ctx context.Context, m protocol.ClientMessage) {
	switch m := m.(type) {
	case protocol.Configure:
		to, problem := s.prepare(m)
		if problem != nil {
			s.emit(*problem)
			return
		}
		s.handleWith(ctx, configured{}, to)
	case protocol.Commit:
		s.commit(ctx, false)
	case protocol.Clear:
		s.handle(ctx, cleared{})
	case protocol.Text:
		if m.Text == "" {
			s.emit(protocol.Problem{Code: protocol.ErrTextEmpty, Message: "The text is empty: there is nothing to answer."})
			return
		}
		if _, unready := s.phase.(unready); !unready && s.barred() {
			return
		}
		s.handleWith(ctx, typed{}, &cargo{entry: func() entry {
			now := time.Now()
			return entry{text: m.Text, spoken: now, committed: now, settles: s.receipt.received}
		}})
	case protocol.Resume, protocol.Seen: // are about the connection, and do not come so far
	case protocol.Cancel:
		s.handle(ctx, cancelled{m.Turn})
	case protocol.Playback:
		s.played(m)
	case protocol.ToolResult:
		s.answerTool(m)
	case protocol.Ping:
		s.emit(protocol.Pong{ID: m.ID})
	}
}

// hear decodes one frame of audio. The hot path: nothing here allocates.
func (s *Session) hear(ctx context.Context, f *audio.Frame) {
	defer f.Free()
	if s.input == nil {
		s.dropped(DropUnconfigured, len(f.Data))
		s.handle(ctx, heard{})
		return
	}
	pcm, err := s.input.Decode(s.scratch[:0], f.Data)
	s.scratch = pcm
	if err != nil {
		s.dropped(DropInvalid, len(f.Data))
		s.emit(frameProblem(err))
		return
	}
	s.handle(ctx, heard{})
}

func frameProblem(err error) protocol.Problem {
	if errors.Is(err, audio.ErrOddFrame) {
		return protocol.Problem{Code: protocol.ErrOddFrame, Message: "A PCM frame must be a whole number of 16-bit samples; this one has an odd number of bytes and was dropped."}
	}
	return protocol.Problem{Code: protocol.ErrBadOpus, Message: "This frame is no Opus packet and was dropped: " + err.Error()}
}

// listen takes the decoded frame in.
func (s *Session) listen(ctx context.Context) {
	if s.attention != nil {
		s.attend(ctx, s.scratch)
		return
	}
	s.samples += int64(len(s.scratch) / 2)
	s.gather(ctx, s.scratch)
	s.transcribeInPassing(ctx)
}

// gather adds sound to the utterance, and ends an utterance that is full.
func (s *Session) gather(ctx context.Context, pcm []byte) {
	for len(pcm) > 0 {
		n := s.utterance.Write(pcm)
		pcm = pcm[n:]
		if !s.utterance.Full() {
			return
		}
		before := s.taken()
		s.receipt.split = len(pcm) > 0 || s.attention != nil // it hears in windows
		s.commit(ctx, true)
		if s.taken() == before { // it was refused
			s.dropped(DropFull, len(pcm))
			return
		}
	}
}

// taken is how many turns were committed and not refused.
func (s *Session) taken() int { return s.lastTurn + len(s.waiting) }

// commit ends the utterance. full says that its length limit does.
func (s *Session) commit(ctx context.Context, full bool) { s.commitAs(ctx, full, s.settings.silent) }

// commitAs ends the utterance; a silent one is not answered of itself.
func (s *Session) commitAs(ctx context.Context, full, silent bool) {
	if s.input != nil && !full && s.attention == nil {
		s.scratch = s.input.Flush(s.scratch[:0])
		s.utterance.Write(s.scratch)
	}
	if full && s.fullTold {
		return
	}
	empty := s.utterance.Duration() < s.opts.MinUtterance
	if _, unready := s.phase.(unready); !unready && !empty && s.barred() {
		s.drop()
		s.handle(ctx, dismissed{})
		return
	}
	floor := !silent || s.attention != nil
	var e event = committed{empty}
	switch {
	case silent:
		e = overheard{empty, floor && !s.settings.patient}
	case s.settings.patient:
		e = queued{empty}
	}
	before := s.taken()
	s.handleWith(ctx, e, &cargo{entry: func() entry {
		e := s.takeUtterance(full, silent)
		e.silent, e.patient = silent, s.settings.patient || !floor
		return e
	}})
	s.fullTold = full && s.taken() == before
	if s.taken() != before {
		s.scribe.reset()
		if s.attention != nil && !full {
			s.attention.ear.Reset()
		}
	}
}

// takeUtterance is what was said, as it is committed: what the draft was made
// for, if the user said nothing since.
func (s *Session) takeUtterance(full, silent bool) entry {
	now := time.Now()
	settles := s.receipt.received
	if full && s.receipt.split && settles > 0 {
		settles-- // a part of the frame belongs to what follows
	}
	if d := s.draft; d != nil && !full && d.job.entry.silent == silent {
		e := d.job.entry
		e.committed, e.settles = now, settles
		s.utterance.Reset()
		return e
	}
	e := entry{id: newID(), clip: s.utterance.Take(), spoken: now, committed: now, limited: full, settles: settles}
	if a := s.attention; a != nil && a.ear.Quiet() < e.clip.Duration() {
		e.spoken, e.voiced = now.Add(-a.ear.Quiet()), a.ear.Voiced()
	}
	return e
}

// played takes in what the client has played of a reply.
func (s *Session) played(p protocol.Playback) {
	t := s.turn
	if t == nil || p.Turn != t.number || t.cut {
		return
	}
	now := time.Now()
	if t.firstHeard.IsZero() && p.MS > 0 {
		t.firstHeard = now.Add(-time.Duration(p.MS) * time.Millisecond)
	}
	t.pacer.report(now, time.Duration(p.MS)*time.Millisecond)
}

// forget drops the pending audio.
func (s *Session) forget() {
	s.scratch = s.input.Flush(s.scratch[:0])
	ms := s.utterance.Duration().Milliseconds()
	s.dropped(DropCleared, s.utterance.Len())
	s.dropDraft()
	s.utterance.Reset()
	s.scribe.reset()
	if s.attention != nil {
		s.attention.ear.Reset()
	}
	s.fullTold = false
	s.emit(protocol.Cleared{InputMS: ms})
	s.awaitOn()
}

func (s *Session) refuse(code string) {
	s.emit(protocol.Problem{Code: code, Message: refusal(code)})
}

// refusal says in words why something was refused and what to do.
func refusal(code string) string {
	switch code {
	case protocol.ErrNotConfigured:
		return "Send session.configure first; what came before it was not used."
	case protocol.ErrNothingSaid:
		return "There is less than 100 ms of audio since the last utterance: push some before utterance.end."
	case protocol.ErrTooManyTurns:
		return "Too many turns wait to be answered. The audio is still here: send utterance.end again when a turn has ended."
	}
	return "That can't be done now."
}
