package dialect

import (
	"context"
	"encoding/json"
	"slices"

	"sori/protocol"
	"sori/realtime"
	"sori/session"
	"sori/stage"
)

// seed puts the server's own settings into a new session.
func (t *Talk) seed(s *realtime.Session) {
	s.Instructions, s.Audio.Output.Voice = t.opts.Defaults.Instructions, t.opts.Defaults.Voice
	p := t.opts.Profile
	if p == nil {
		return
	}
	if p.Instructions != nil {
		s.Instructions = *p.Instructions
	}
	if p.Voice != nil {
		s.Audio.Output.Voice = *p.Voice
	}
	if p.Language != nil {
		s.Audio.Input.Transcription.Language = *p.Language
	}
	if p.Tools != nil {
		for _, tool := range *p.Tools {
			s.Tools = append(s.Tools, realtime.Tool{Type: "function", Name: tool.Name, Description: tool.Description, Parameters: tool.Parameters})
		}
	}
}

// update asks the session for a configuration. Its Ready, or what is wrong, comes
// back.
func (t *Talk) update(ctx context.Context, s realtime.Session, eventID string) {
	bound(&s)
	t.wanted = s
	c := t.configure(s)
	t.ask(ctx, session.Input{Message: c}, &asked{eventID: eventID, update: &s})
	t.push(ctx, session.Input{Order: t.conduct(s)})
	t.sound.tune(s.Audio)
}

// bound brings the knobs of turn detection to what sori can do: what is told is
// what is in force.
func bound(s *realtime.Session) {
	d := s.Audio.Input.TurnDetection
	if d == nil {
		return
	}
	copied := *d
	copied.Threshold = min(max(d.Threshold, 0.05), 0.95)
	copied.PrefixPaddingMS = min(d.PrefixPaddingMS, 2000)
	copied.SilenceDurationMS = min(max(d.SilenceDurationMS, 200), 10_000)
	s.Audio.Input.TurnDetection = &copied
}

// configure is the part of a configuration that the native protocol has words
// for.
func (t *Talk) configure(s realtime.Session) protocol.Configure {
	in, out := inputFormat(s.Audio.Input.Format), outputFormat(s.Audio.Output.Format)
	language := t.opts.Defaults.Language
	if tr := s.Audio.Input.Transcription; tr != nil && tr.Language != "" {
		language = tr.Language
	}
	voice := t.voice(s.Audio.Output.Voice)
	detection, idle := protocol.DefaultTurnDetection(), protocol.IdlePrompt{}
	if d := s.Audio.Input.TurnDetection; d != nil {
		detection.Mode = protocol.ServerVAD
		detection.Threshold, detection.PrefixPaddingMS, detection.SilenceMS = d.Threshold, d.PrefixPaddingMS, d.SilenceDurationMS
		idle.AfterMS = d.IdleTimeoutMS
		if d.Type == realtime.SemanticVAD {
			detection = protocol.DefaultTurnDetection()
			detection.Mode, detection.Eagerness = protocol.Semantic, eagerness(d.Eagerness)
			idle.AfterMS = 0
		}
	}
	if s.Type == realtime.Transcription {
		idle.AfterMS = 0
	}
	partials := s.Audio.Input.Transcription != nil && s.Audio.Input.TurnDetection != nil
	tools := toolsOf(s.Tools)
	return protocol.Configure{
		Input: &in, Output: &out, Voice: &voice, Instructions: &s.Instructions, TurnDetection: &detection, Partials: &partials,
		IdlePrompt: &idle, Tools: &tools, Language: &language,
	}
}

func eagerness(word string) protocol.Eagerness {
	if word == "auto" {
		return protocol.Medium
	}
	return protocol.Eagerness(word)
}

// conduct is the rest of it.
func (t *Talk) conduct(s realtime.Session) session.Conduct {
	d := s.Audio.Input.TurnDetection
	silent := s.Type == realtime.Transcription || d == nil || !d.CreateResponse
	patient := d != nil && !d.InterruptResponse
	speed := s.Audio.Output.Speed
	handOver, mute, tokens, choice := true, realtime.Texted(s.OutputModalities), int(s.MaxOutputTokens), choiceOf(s.ToolChoice)
	retain := retained(s.Verbatim["truncation"])
	return session.Conduct{
		Silent: &silent, Patient: &patient, HandOver: &handOver, Retain: &retain,
		Manner: session.Manner{Mute: &mute, MaxTokens: &tokens, Choice: &choice, Speed: &speed},
	}
}

// retained is how much of the conversation stays when the oldest of it goes: all
// that there is room for, unless a client wants less.
func retained(truncation json.RawMessage) float64 {
	var t struct {
		Type  string  `json:"type"`
		Ratio float64 `json:"retention_ratio"`
	}
	if json.Unmarshal(truncation, &t) != nil || t.Type != "retention_ratio" || t.Ratio <= 0 || t.Ratio > 1 {
		return 1 // "auto", which is a word
	}
	return t.Ratio
}

// voice gives the engine's voice for a name of the client's.
func (t *Talk) voice(name string) string {
	if v, ok := t.opts.Voices[name]; ok {
		return v
	}
	if slices.Contains(openAIVoices(), name) {
		return ""
	}
	return name
}

// openAIVoices are names that stand for the engine's own voice, where nothing
// else is configured: clients send one whether they care or not.
func openAIVoices() []string {
	return []string{
		"alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse",
	}
}

func toolsOf(tools []realtime.Tool) []protocol.Tool {
	all := make([]protocol.Tool, 0, len(tools))
	for _, tool := range tools {
		all = append(all, protocol.Tool{Name: tool.Name, Description: tool.Description, Parameters: tool.Parameters})
	}
	return all
}

func choiceOf(c realtime.ToolChoice) stage.Choice {
	return stage.Choice{None: c.Mode == "none", Required: c.Mode == "required", Tool: c.Name}
}

// manner is how one response is made.
func (t *Talk) manner(r realtime.ResponseOptions) session.Manner {
	m := session.Manner{Instructions: r.Instructions}
	if r.Voice != nil {
		v := t.voice(*r.Voice)
		m.Voice = &v
	}
	if r.Format != nil {
		f := outputFormat(*r.Format)
		m.Output = &f
	}
	if r.Tools != nil {
		tools := toolsOf(*r.Tools)
		m.Tools = &tools
	}
	if r.ToolChoice != nil {
		c := choiceOf(*r.ToolChoice)
		m.Choice = &c
	}
	if r.OutputModalities != nil {
		mute := realtime.Texted(r.OutputModalities)
		m.Mute = &mute
	}
	if r.MaxOutputTokens != nil {
		n := int(*r.MaxOutputTokens)
		m.MaxTokens = &n
	}
	return m
}
