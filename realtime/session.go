package realtime

import (
	"encoding/json"
	"strconv"
)

// The types of sessions.
const (
	Conversation  = "realtime"
	Transcription = "transcription"
)

// Session is a session's effective configuration.
type Session struct {
	Type             string // Conversation or Transcription
	ID               string
	Model            string
	Instructions     string
	OutputModalities []string
	Tools            []Tool
	ToolChoice       ToolChoice
	MaxOutputTokens  Limit
	Audio            Audio
	ExpiresAt        int64 // Unix seconds; 0: never
	// Verbatim is what sori takes and gives back without a meaning of its own:
	// tracing, prompt, include, truncation, reasoning, parallel_tool_calls.
	Verbatim map[string]json.RawMessage
}

// Audio is a session's sound.
type Audio struct {
	Input  Input
	Output Output
}

// Input is what the client sends.
type Input struct {
	Format         Format          `json:"format"`
	Transcription  *Transcriber    `json:"transcription"` // nil: the client is told no transcripts
	NoiseReduction json.RawMessage `json:"noise_reduction"`
	TurnDetection  *TurnDetection  `json:"turn_detection"` // nil: the client commits
}

// Output is what the client gets.
type Output struct {
	Format Format  `json:"format"`
	Voice  string  `json:"voice"`
	Speed  float64 `json:"speed"`
}

// The audio formats.
const (
	PCM  = "audio/pcm"
	PCMU = "audio/pcmu"
	PCMA = "audio/pcma"
	Opus = "audio/opus" // an extension: one packet in each append
)

// Format is an audio format.
type Format struct {
	Type string `json:"type"`
	Rate int    `json:"rate,omitempty"` // Hz, of PCM: 8,000 to 48,000
}

// Bounds of PCM's rate, in Hz.
const (
	DefaultRate = 24_000
	minRate     = 8_000
	maxRate     = 48_000
	lawRate     = 8_000 // of pcmu and pcma
)

// Hz is the format's rate.
func (f Format) Hz() int {
	if f.Type == PCM {
		return f.Rate
	}
	return lawRate
}

// Transcriber says what the client is told of its own speech.
type Transcriber struct {
	Model    string `json:"model,omitempty"`
	Language string `json:"language,omitempty"`
	Prompt   string `json:"prompt,omitempty"`
}

// Ways of turn detection.
const (
	ServerVAD   = "server_vad"
	SemanticVAD = "semantic_vad"
)

// TurnDetection says how the end of the user's turn is found.
type TurnDetection struct {
	Type              string
	Threshold         float64 // of server_vad, 0 to 1
	PrefixPaddingMS   int     // of server_vad
	SilenceDurationMS int     // of server_vad
	IdleTimeoutMS     int     // of server_vad; 0: none
	Eagerness         string  // of semantic_vad: low, medium, high or auto
	CreateResponse    bool
	InterruptResponse bool
}

// DefaultTurnDetection is server_vad with OpenAI's values.
func DefaultTurnDetection() TurnDetection {
	return TurnDetection{
		Type: ServerVAD, Threshold: 0.5, PrefixPaddingMS: 300, SilenceDurationMS: 500, Eagerness: "auto",
		CreateResponse: true, InterruptResponse: true,
	}
}

// MarshalJSON writes the fields of the type.
func (d TurnDetection) MarshalJSON() ([]byte, error) {
	if d.Type == SemanticVAD {
		return json.Marshal(struct {
			Type              string `json:"type"`
			Eagerness         string `json:"eagerness"`
			CreateResponse    bool   `json:"create_response"`
			InterruptResponse bool   `json:"interrupt_response"`
		}{d.Type, d.Eagerness, d.CreateResponse, d.InterruptResponse})
	}
	var idle *int
	if d.IdleTimeoutMS != 0 {
		idle = &d.IdleTimeoutMS
	}
	return json.Marshal(struct {
		Type              string  `json:"type"`
		Threshold         float64 `json:"threshold"`
		PrefixPaddingMS   int     `json:"prefix_padding_ms"`
		SilenceDurationMS int     `json:"silence_duration_ms"`
		IdleTimeoutMS     *int    `json:"idle_timeout_ms"`
		CreateResponse    bool    `json:"create_response"`
		InterruptResponse bool    `json:"interrupt_response"`
	}{d.Type, d.Threshold, d.PrefixPaddingMS, d.SilenceDurationMS, idle, d.CreateResponse, d.InterruptResponse})
}

// Tool is a function that the model may call.
type Tool struct {
	Type        string          `json:"type"`
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters,omitempty"`
}

// ToolChoice says whether the model calls a tool.
type ToolChoice struct {
	Mode string // auto, none or required
	Name string // of the function to call; Mode is then empty
}

// MarshalJSON writes the mode, or the function.
func (c ToolChoice) MarshalJSON() ([]byte, error) {
	if c.Name == "" {
		return json.Marshal(c.Mode)
	}
	return json.Marshal(struct {
		Type string `json:"type"`
		Name string `json:"name"`
	}{"function", c.Name})
}

// Limit is how many tokens a response may have; 0 stands for "inf".
type Limit int

// MarshalJSON writes the number, or "inf".
func (l Limit) MarshalJSON() ([]byte, error) {
	if l == 0 {
		return []byte(`"inf"`), nil
	}
	return strconv.AppendInt(nil, int64(l), 10), nil
}

// NewSession is what a session begins with.
func NewSession(kind string) Session {
	detection := DefaultTurnDetection()
	format := Format{PCM, DefaultRate}
	return Session{
		Type: kind, OutputModalities: []string{"audio"}, Tools: []Tool{}, ToolChoice: ToolChoice{Mode: "auto"},
		Audio: Audio{
			Input:  Input{Format: format, Transcription: &Transcriber{}, TurnDetection: &detection},
			Output: Output{Format: format, Speed: 1},
		},
		Verbatim: map[string]json.RawMessage{},
	}
}

// MarshalJSON writes the whole configuration.
func (s Session) MarshalJSON() ([]byte, error) {
	var expires *int64
	if s.ExpiresAt != 0 {
		expires = &s.ExpiresAt
	}
	type input struct {
		Input Input `json:"input"`
	}
	if s.Type == Transcription {
		return json.Marshal(struct {
			Type      string          `json:"type"`
			ID        string          `json:"id"`
			Object    string          `json:"object"`
			Audio     input           `json:"audio"`
			Include   json.RawMessage `json:"include"`
			ExpiresAt *int64          `json:"expires_at,omitempty"`
		}{s.Type, s.ID, "realtime.transcription_session", input{s.Audio.Input}, s.Verbatim["include"], expires})
	}
	return json.Marshal(struct {
		Type              string          `json:"type"`
		ID                string          `json:"id"`
		Object            string          `json:"object"`
		Model             string          `json:"model"`
		OutputModalities  []string        `json:"output_modalities"`
		Instructions      string          `json:"instructions"`
		Tools             []Tool          `json:"tools"`
		ToolChoice        ToolChoice      `json:"tool_choice"`
		MaxOutputTokens   Limit           `json:"max_output_tokens"`
		Tracing           json.RawMessage `json:"tracing"`
		Truncation        json.RawMessage `json:"truncation"`
		Prompt            json.RawMessage `json:"prompt"`
		Include           json.RawMessage `json:"include"`
		Reasoning         json.RawMessage `json:"reasoning,omitempty"`
		ParallelToolCalls json.RawMessage `json:"parallel_tool_calls,omitempty"`
		ExpiresAt         *int64          `json:"expires_at,omitempty"`
		Audio             wireAudio       `json:"audio"`
	}{
		s.Type, s.ID, "realtime.session", s.Model, s.OutputModalities, s.Instructions, append([]Tool{}, s.Tools...), s.ToolChoice,
		s.MaxOutputTokens, s.Verbatim["tracing"], orAuto(s.Verbatim["truncation"]), s.Verbatim["prompt"], s.Verbatim["include"],
		s.Verbatim["reasoning"], s.Verbatim["parallel_tool_calls"], expires, wireAudio(s.Audio),
	})
}

// wireAudio is Audio as it is written.
type wireAudio struct {
	Input  Input  `json:"input"`
	Output Output `json:"output"`
}

func orAuto(v json.RawMessage) json.RawMessage {
	if len(v) == 0 || string(v) == "null" {
		return json.RawMessage(`"auto"`)
	}
	return v
}
