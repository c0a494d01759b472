package realtime

import (
	"encoding/json"
	"maps"
	"slices"
)

// Limits of a session's configuration, in bytes unless something else is said.
const (
	maxInstructions = 16 << 10
	maxVoice        = 128
	maxTools        = 64 // tools
	maxToolName     = 64
	maxToolText     = 2 << 10
	maxToolSchema   = 8 << 10
	maxVerbatim     = 16 << 10
	maxTokens       = 1 << 20 // tokens
)

// Apply gives the session as raw, a session.update's or a client secret's
// session, makes it: only what stands in raw changes. Names of the beta are
// understood; what sori does not know is left out of account. s stays as it is.
func (s Session) Apply(raw json.RawMessage) (Session, *Error) {
	s.Tools = slices.Clone(s.Tools)
	s.Verbatim = maps.Clone(s.Verbatim)
	if d := s.Audio.Input.TurnDetection; d != nil {
		copied := *d
		s.Audio.Input.TurnDetection = &copied
	}
	o := readObject("session", raw)
	if o.has("type") {
		if kind := o.word("type", Conversation, Transcription); kind != "" && kind != s.Type {
			o.fail(Wrong(CodeInvalidValue, "session.type", "The session's type is '%s' and can't be changed.", s.Type))
		}
	}
	if o.has("model") {
		s.Model = o.text("model", 1, 256)
	}
	s.applyReply(o)
	for _, name := range []string{"tracing", "prompt", "include", "truncation", "reasoning", "parallel_tool_calls"} {
		if o.given(name) {
			s.Verbatim[name] = o.verbatim(name, maxVerbatim)
		}
	}
	audio := o.inner("audio")
	in := audio.inner("input")
	s.Audio.Input.apply(in, "format", "transcription", "noise_reduction")
	audio.join(in)
	o.join(audio)
	s.Audio.Input.apply(o, "input_audio_format", "input_audio_transcription", "input_audio_noise_reduction")
	return s, o.err
}

// applyReply takes over what a session and a response have in common.
func (s *Session) applyReply(o *object) {
	if o.given("instructions") {
		s.Instructions = o.text("instructions", 0, maxInstructions)
	}
	for _, name := range []string{"modalities", "output_modalities"} {
		if o.has(name) {
			s.OutputModalities = readModalities(o, name)
		}
	}
	if o.given("tools") {
		s.Tools = readTools(o)
	}
	if o.has("tool_choice") {
		s.ToolChoice = readToolChoice(o)
	}
	for _, name := range []string{"max_response_output_tokens", "max_output_tokens"} {
		if o.has(name) {
			s.MaxOutputTokens = readLimit(o, name)
		}
	}
	audio := o.inner("audio")
	out := audio.inner("output")
	s.Audio.Output.apply(out, "format")
	audio.join(out)
	o.join(audio)
	s.Audio.Output.apply(o, "output_audio_format")
}

func (a *Output) apply(o *object, format string) {
	if o.has(format) {
		a.Format = readFormat(o, format, false)
	}
	if o.given("voice") {
		a.Voice = readVoice(o)
	}
	if o.has("speed") {
		a.Speed = o.number("speed", 0.25, 1.5)
	}
}

// readVoice reads a name, or an object with an id.
func readVoice(o *object) string {
	if v := o.raw["voice"]; len(v) > 0 && v[0] == '{' {
		inner := o.inner("voice")
		id := inner.text("id", 1, maxVoice)
		o.join(inner)
		return id
	}
	return o.text("voice", 0, maxVoice)
}

func (a *Input) apply(o *object, format, transcription, noise string) {
	if o.has(format) {
		a.Format = readFormat(o, format, true)
	}
	if o.given(transcription) {
		a.Transcription = nil
		if o.has(transcription) {
			t := o.inner(transcription)
			a.Transcription = &Transcriber{Model: t.text("model", 0, 256), Language: t.text("language", 0, 35), Prompt: t.text("prompt", 0, maxText)}
			o.join(t)
		}
	}
	if o.given(noise) {
		a.NoiseReduction = o.verbatim(noise, maxVerbatim)
	}
	if o.given("turn_detection") {
		a.TurnDetection = readTurnDetection(o, a.TurnDetection)
	}
}

// readTurnDetection reads turn detection over what was: a change of the type
// begins anew.
func readTurnDetection(o *object, was *TurnDetection) *TurnDetection {
	if !o.has("turn_detection") {
		return nil
	}
	t := o.inner("turn_detection")
	d := DefaultTurnDetection()
	if was != nil && (!t.has("type") || t.text("type", 0, 64) == was.Type) {
		d = *was
	}
	if t.has("type") {
		d.Type = t.word("type", ServerVAD, SemanticVAD)
	}
	if t.has("threshold") {
		d.Threshold = t.number("threshold", 0, 1)
	}
	if t.has("prefix_padding_ms") {
		d.PrefixPaddingMS = int(t.whole("prefix_padding_ms", 0, 5000))
	}
	if t.has("silence_duration_ms") {
		d.SilenceDurationMS = int(t.whole("silence_duration_ms", 0, 30_000))
	}
	if t.given("idle_timeout_ms") {
		d.IdleTimeoutMS = 0
		if t.has("idle_timeout_ms") {
			d.IdleTimeoutMS = int(t.whole("idle_timeout_ms", 1000, 3_600_000))
		}
	}
	if t.has("eagerness") {
		d.Eagerness = t.word("eagerness", "low", "medium", "high", "auto")
	}
	if t.has("create_response") {
		d.CreateResponse = t.flag("create_response")
	}
	if t.has("interrupt_response") {
		d.InterruptResponse = t.flag("interrupt_response")
	}
	o.join(t)
	return &d
}

// readFormat reads a format, or the beta's word for one.
func readFormat(o *object, name string, input bool) Format {
	var word string
	if json.Unmarshal(o.raw[name], &word) == nil {
		switch word {
		case "pcm16":
			return Format{PCM, DefaultRate}
		case "g711_ulaw":
			return Format{Type: PCMU}
		case "g711_alaw":
			return Format{Type: PCMA}
		}
		o.fail(Wrong(CodeInvalidValue, o.at+name, "Invalid value: '%s'. Supported values are: 'pcm16', 'g711_ulaw', 'g711_alaw'.", shorten(word)))
		return Format{}
	}
	kinds := []string{PCM, PCMU, PCMA}
	if input {
		kinds = append(kinds, Opus)
	}
	f := o.inner(name)
	format := Format{Type: f.word("type", kinds...)}
	if format.Type == PCM {
		format.Rate = DefaultRate
		if f.has("rate") {
			format.Rate = int(f.whole("rate", minRate, maxRate))
		}
	}
	o.join(f)
	return format
}

func readModalities(o *object, name string) []string {
	audio, text := false, false
	for _, raw := range o.list(name, 2) {
		switch string(raw) {
		case `"audio"`:
			audio = true
		case `"text"`:
			text = true
		default:
			o.fail(Wrong(CodeInvalidValue, o.at+name, "Invalid value: %s. Supported values are: ['text'] and ['audio'].", shorten(string(raw))))
		}
	}
	switch {
	case audio: // the beta's ["text", "audio"] is this as well
		return []string{"audio"}
	case text:
		return []string{"text"}
	}
	o.fail(Wrong(CodeInvalidValue, o.at+name, "Invalid '%s': it has to hold 'text' or 'audio'.", o.at+name))
	return nil
}

func readTools(o *object) []Tool {
	tools := []Tool{}
	for i, raw := range o.list("tools", maxTools) {
		f := o.element("tools", i, raw)
		t := Tool{Type: "function"}
		if kind := f.text("type", 0, 64); kind != "" && kind != t.Type {
			f.fail(Wrong(CodeUnsupported, f.at+"type", "sori calls functions of the client; it has no tools of the type '%s'.", shorten(kind)))
		}
		t.Name, t.Description = f.text("name", 1, maxToolName), f.text("description", 0, maxToolText)
		if f.has("parameters") {
			if t.Parameters = f.verbatim("parameters", maxToolSchema); len(t.Parameters) > 0 && t.Parameters[0] != '{' {
				f.fail(Wrong(CodeInvalidType, f.at+"parameters", "Invalid type for '%sparameters': expected an object.", f.at))
			}
		}
		if slices.ContainsFunc(tools, func(other Tool) bool { return other.Name == t.Name }) {
			f.fail(Wrong(CodeInvalidValue, f.at+"name", "The function '%s' stands twice.", t.Name))
		}
		o.join(f)
		tools = append(tools, t)
	}
	return tools
}

func readToolChoice(o *object) ToolChoice {
	var word string
	if json.Unmarshal(o.raw["tool_choice"], &word) == nil {
		return ToolChoice{Mode: o.word("tool_choice", "auto", "none", "required")}
	}
	f := o.inner("tool_choice")
	f.word("type", "function")
	name := f.text("name", 0, maxToolName)
	if name == "" {
		inner := f.inner("function")
		name = inner.text("name", 1, maxToolName)
		f.join(inner)
	}
	o.join(f)
	return ToolChoice{Name: name}
}

func readLimit(o *object, name string) Limit {
	if string(o.raw[name]) == `"inf"` {
		return 0
	}
	return Limit(o.whole(name, 1, maxTokens))
}
