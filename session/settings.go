package session

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sori/audio"
	"sori/history"
	"sori/protocol"
	"sori/stage"
)

// settings is what the client configured. A turn gets a copy.
type settings struct {
	user         string
	language     string
	voice        string
	instructions string
	profile      string
	input        protocol.Format
	output       protocol.Format
	detection    protocol.TurnDetection
	paceMS       int
	reports      bool  // the client says what it has played
	partials     *bool // nil: as the mode of turn detection has it
	idle         protocol.IdlePrompt
	tools        []protocol.Tool

	// What only an order sets.
	silent    bool    // utterances are not answered of themselves
	patient   bool    // a reply goes on when the user speaks over it
	handOver  bool    // a call of the client's tools ends the turn
	mute      bool    // replies are written and not spoken
	maxTokens int     // of a reply; 0: no limit
	speed     float64 // of speech; 0 and 1: as the engine speaks
	choice    stage.Choice
}

func newSettings(o Options) settings {
	format := protocol.Format{Encoding: protocol.EncodingPCM, Rate: audio.Rate}
	return settings{
		user: o.User, language: o.Language, voice: o.Voice, instructions: o.Instructions,
		input: format, output: format,
		detection: protocol.DefaultTurnDetection(),
		paceMS:    int(max(0, o.Pace).Milliseconds()),
	}
}

func (s *settings) wantsPartials() bool {
	if s.partials != nil {
		return *s.partials
	}
	return s.detection.Mode != protocol.Manual
}

func (s *settings) pace() time.Duration { return time.Duration(s.paceMS) * time.Millisecond }

// prepare works out what a configuration makes of the settings, or why it can't
// be used.
func (s *Session) prepare(c protocol.Configure) (*cargo, *protocol.Problem) {
	to := &cargo{settings: s.settings}
	set := &to.settings
	if c.User != nil && *c.User != set.user {
		if s.opts.UserFixed {
			return nil, &protocol.Problem{Code: protocol.ErrUserForbidden, Message: "The key that opened this connection belongs to another user."}
		}
		if s.userIsSet {
			return nil, &protocol.Problem{Code: protocol.ErrUserSet, Message: "The session belongs to a user already. Open another session for another user."}
		}
		set.user = *c.User
	}
	if c.Profile != nil && *c.Profile != "" {
		p, ok := s.opts.Profiles[*c.Profile]
		if !ok {
			return nil, &protocol.Problem{Code: protocol.ErrNoProfile, Message: "The server has no profile of this name."}
		}
		set.conduct(p)
	}
	assign(&set.profile, c.Profile)
	assign(&set.input, c.Input)
	assign(&set.output, c.Output)
	set.conduct(c)
	if !s.userIsSet || set.language != s.settings.language {
		if p := s.unspoken(set); p != nil {
			return nil, p
		}
	}
	if s.input == nil || set.input != s.settings.input {
		in, err := audio.NewInput(set.input.Encoding, set.input.Rate)
		if err != nil {
			return nil, &protocol.Problem{Code: protocol.ErrBadMessage, Message: "The input format can't be used: " + err.Error()}
		}
		to.input = in
	}
	if set.detection.Mode != protocol.Manual && s.attention == nil {
		a, err := s.newAttention()
		if err != nil {
			s.log().Warn("no voice detector", "error", err)
			return nil, &protocol.Problem{Code: protocol.ErrNoDetector, Message: "This server has no voice detector, so the end of a turn can't be found in the sound. Use the mode \"manual\"."}
		}
		to.attention = a
	}
	return to, nil
}

// unspoken says which stage does not know the language of the settings. A stage
// whose languages are not known may be asked for any.
func (s *Session) unspoken(set *settings) *protocol.Problem {
	base, _, _ := strings.Cut(strings.ToLower(set.language), "-")
	switch base {
	case "", "und", "mul", "auto":
		return nil
	}
	known := s.languages()
	for _, one := range []struct {
		stage     stage.Name
		languages []string
		idle      bool
	}{{stage.ATOT, known.ATOT, false}, {stage.TTOT, known.TTOT, false}, {stage.TTS, known.TTS, set.mute}} {
		if len(one.languages) > 0 && !one.idle && !slices.Contains(one.languages, base) {
			return &protocol.Problem{Code: protocol.ErrLanguage, Message: fmt.Sprintf("The %s engine of this server does not know the language %q; it knows %s.",
				one.stage, set.language, strings.Join(one.languages, ", "))}
		}
	}
	return nil
}

// conduct takes over how the conversation is held.
func (s *settings) conduct(c protocol.Configure) {
	assign(&s.language, c.Language)
	assign(&s.voice, c.Voice)
	assign(&s.instructions, c.Instructions)
	assign(&s.detection, c.TurnDetection)
	assign(&s.paceMS, c.PaceMS)
	assign(&s.reports, c.Playback)
	assign(&s.idle, c.IdlePrompt)
	if c.Partials != nil {
		s.partials = c.Partials
	}
	if c.Tools != nil {
		s.tools = slices.Clone(*c.Tools)
	}
}

func assign[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// configure takes the new settings over and tells the client what is in force.
// A new input format counts from the next frame on, a new way to find the end of
// a turn at once.
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
	switch {
	case to.attention != nil:
		s.attention = to.attention
	case set.detection.Mode == protocol.Manual && s.attention != nil:
		s.dropDraft()
		s.attention.detector.Close()
		s.attention = nil
	}
	s.attune()
	s.emitState(0, protocol.Ready{
		Session: s.id, User: set.user, Input: set.input, Output: set.output,
		Language: set.language, Voice: set.voice, Instructions: set.instructions,
		Profile: set.profile, TurnDetection: set.detection, PaceMS: set.paceMS, Playback: set.reports, Partials: set.wantsPartials(),
		IdlePrompt: set.idle, Tools: slices.Concat([]protocol.Tool{}, set.tools),
		Engines:   history.Engines{ATOT: engineFor(s.deps.ATOT, set.language), TTOT: engineFor(s.deps.TTOT, set.language), TTS: engineFor(s.deps.TTS, set.language)},
		Languages: s.languages(),
		Voices:    s.voices(),
		Limits: protocol.Limits{
			FrameBytes: protocol.MaxAudioFrame, TextBytes: protocol.MaxTextFrame,
			UtteranceMS: s.opts.MaxUtterance.Milliseconds(),
		},
		Resume: protocol.Resumption{Key: s.opts.ResumeKey, WaitMS: s.opts.ResumeWait.Milliseconds()},
	})
	s.tellQuota(0)
}

// voices is what the client is told of the voices.
func (s *Session) voices() []string {
	if s.deps.Voices == nil {
		return []string{}
	}
	return append([]string{}, s.deps.Voices()...)
}

// languages is what the client is told of the engines' languages.
func (s *Session) languages() protocol.Languages {
	if s.deps.Languages == nil {
		return protocol.Languages{}
	}
	return s.deps.Languages()
}
