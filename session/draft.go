package session

import (
	"context"
	"time"

	"sori/protocol"
	"sori/session/words"
	"sori/stage"
)

// maxDraftBytes is how much audio a draft makes before it waits to be confirmed.
const maxDraftBytes = 96 << 10

// speculate begins the next turn in a pause that may be the end of the
// utterance. Nothing of it leaves before the turn is certain; if the user goes
// on, the work is dropped.
func (s *Session) speculate(ctx context.Context) {
	if _, free := s.phase.(idle); !free || s.opts.Prudent || s.draft != nil {
		return
	}
	if s.utterance.Duration() < s.opts.MinUtterance {
		return
	}
	if s.opts.Allowance != nil && s.opts.Allowance.Check() != nil {
		return
	}
	now := time.Now()
	e := entry{
		id: newID(), clip: s.utterance.Copy(), spoken: now.Add(-s.attention.ear.Quiet()), voiced: s.attention.ear.Voiced(),
		silent: s.settings.silent,
	}
	s.draft = s.launch(ctx, s.lastTurn+1, e, true)
}

// dropDraft gives a draft up. Its goroutines come home by themselves; Run waits
// for them at its end.
func (s *Session) dropDraft() {
	d := s.draft
	if d == nil {
		return
	}
	s.draft = nil
	d.stopAll(stopped{abandoned})
	for _, o := range d.pending {
		o.audio.Free()
	}
}

// takeFromDraft keeps what a draft makes. Its transcript is news already.
func (s *Session) takeFromDraft(o turnOut) {
	d := s.draft
	if o.call != nil || o.audio != nil || o.event != nil || o.caption != nil || o.asks != nil {
		d.pending = append(d.pending, o)
	}
	if o.audio != nil {
		d.pendingBytes += len(o.audio.Data)
	}
	switch e := o.event.(type) {
	case protocol.StageDone:
		if e.Stage == stage.ATOT {
			s.transcribed(e.Text)
		}
	case protocol.StageFailed:
		if e.Stage == stage.ATOT && e.Code == stage.CodeNoSpeech {
			s.transcribed("")
		}
	}
	if o.finished != nil && s.settings.detection.Mode == protocol.Semantic {
		s.attention.ear.SetPatience(patienceFor(s.settings.detection.Eagerness, *o.finished < 0.5))
	}
}

// transcribed takes in what the draft heard: a partial for the client, and in
// semantic mode the measure of patience.
func (s *Session) transcribed(text string) {
	d := s.draft
	d.transcript = &text
	s.publish(text)
	if s.settings.detection.Mode == protocol.Semantic && s.deps.EndOfTurn == nil {
		s.attention.ear.SetPatience(patienceFor(s.settings.detection.Eagerness, words.Unfinished(text)))
	}
}

// patienceFor is how much silence ends a turn in semantic mode. What looks
// finished is answered soon, an open clause gets time.
func patienceFor(e protocol.Eagerness, unfinished bool) time.Duration {
	switch {
	case e == protocol.High && unfinished:
		return 1200 * time.Millisecond
	case e == protocol.High:
		return 300 * time.Millisecond
	case e == protocol.Low && unfinished:
		return 4 * time.Second
	case e == protocol.Low:
		return 900 * time.Millisecond
	case unfinished:
		return 2 * time.Second
	}
	return 500 * time.Millisecond
}
