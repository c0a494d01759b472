package session

import (
	"context"
	"errors"
	"time"

	"sori/audio"
	"sori/history"
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
		s.handleWith(ctx, typed{}, &cargo{entry: func() entry {
			return entry{text: m.Text, committed: time.Now()}
		}})
	case protocol.Cancel:
		s.handle(ctx, cancelled{m.Turn})
	case protocol.Playback:
		// Nothing depends on what was heard yet; the report is valid all the same.
	case protocol.Ping:
		s.emit(protocol.Pong{ID: m.ID})
	}
}

// prepare works out what a configuration makes of the settings, or why it can't
// be used.
func (s *Session) prepare(c protocol.Configure) (*cargo, *protocol.Problem) {
	to := &cargo{settings: s.settings}
	set := &to.settings
	if c.User != nil && *c.User != set.user {
		if s.userIsSet {
			return nil, &protocol.Problem{Code: protocol.ErrUserSet, Message: "The session belongs to a user already. Open another session for another user."}
		}
		set.user = *c.User
	}
	assign(&set.input, c.Input)
	assign(&set.output, c.Output)
	assign(&set.language, c.Language)
	assign(&set.voice, c.Voice)
	assign(&set.instructions, c.Instructions)
	if s.input == nil || set.input != s.settings.input {
		in, err := audio.NewInput(set.input.Encoding, set.input.Rate)
		if err != nil {
			return nil, &protocol.Problem{Code: protocol.ErrBadMessage, Message: "The input format can't be used: " + err.Error()}
		}
		to.input = in
	}
	return to, nil
}

func assign[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// configure takes the new settings over and tells the client what is in force.
// A new input format counts from the next frame on.
func (s *Session) configure(to *cargo) {
	if to.input != nil {
		if s.input != nil {
			s.scratch = s.input.Flush(s.scratch[:0])
			s.utterance.Write(s.scratch)
		}
		s.input = to.input
	}
	set := to.settings
	s.settings, s.userIsSet = set, true
	s.emit(protocol.Ready{
		Session: s.id, User: set.user, Input: set.input, Output: set.output,
		Language: set.language, Voice: set.voice, Instructions: set.instructions,
		Engines: history.Engines{ATOT: s.deps.ATOT.Engine(), TTOT: s.deps.TTOT.Engine(), TTS: s.deps.TTS.Engine()},
		Limits: protocol.Limits{
			FrameBytes: protocol.MaxAudioFrame, TextBytes: protocol.MaxTextFrame,
			UtteranceMS: s.opts.MaxUtterance.Milliseconds(),
		},
	})
}

// hear decodes one frame of audio. The hot path: nothing here allocates.
func (s *Session) hear(ctx context.Context, f *audio.Frame) {
	defer f.Free()
	if s.input == nil {
		s.handle(ctx, heard{})
		return
	}
	pcm, err := s.input.Decode(s.scratch[:0], f.Data)
	s.scratch = pcm
	if err != nil {
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

// listen adds the decoded frame to the utterance, and ends an utterance that is
// full.
func (s *Session) listen(ctx context.Context) {
	pcm := s.scratch
	for len(pcm) > 0 {
		n := s.utterance.Write(pcm)
		pcm = pcm[n:]
		if !s.utterance.Full() {
			return
		}
		before := s.lastTurn + len(s.waiting)
		s.commit(ctx, true)
		if s.lastTurn+len(s.waiting) == before { // it was refused
			return
		}
	}
}

// commit ends the utterance. full says that its length limit does.
func (s *Session) commit(ctx context.Context, full bool) {
	if s.input != nil && !full {
		s.scratch = s.input.Flush(s.scratch[:0])
		s.utterance.Write(s.scratch)
	}
	if full && s.fullTold {
		return
	}
	e := committed{empty: s.utterance.Duration() < s.opts.MinUtterance}
	before := s.lastTurn + len(s.waiting)
	s.handleWith(ctx, e, &cargo{entry: func() entry {
		return entry{clip: s.utterance.Take(), committed: time.Now(), limited: full}
	}})
	s.fullTold = full && s.lastTurn+len(s.waiting) == before
}

// forget drops the pending audio.
func (s *Session) forget() {
	s.scratch = s.input.Flush(s.scratch[:0])
	ms := s.utterance.Duration().Milliseconds()
	s.utterance.Reset()
	s.fullTold = false
	s.emit(protocol.Cleared{InputMS: ms})
}
