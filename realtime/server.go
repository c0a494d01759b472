package realtime

import "encoding/json"

// ServerEvent is what the server says.
type ServerEvent interface {
	// Type is the event's name on the wire.
	Type() string
}

// Response is what the model answers.
type Response struct {
	ID               string          `json:"id"`
	Object           string          `json:"object"`
	Status           string          `json:"status"`
	StatusDetails    *StatusDetails  `json:"status_details"`
	Output           []Item          `json:"output"`
	ConversationID   *string         `json:"conversation_id"` // nil: out of band
	OutputModalities []string        `json:"output_modalities"`
	MaxOutputTokens  Limit           `json:"max_output_tokens"`
	Audio            ResponseAudio   `json:"audio"`
	Usage            *Usage          `json:"usage"`
	Metadata         json.RawMessage `json:"metadata"`
}

// ResponseAudio is how a response sounds.
type ResponseAudio struct {
	Output ResponseOutput `json:"output"`
}

// ResponseOutput is a response's format and voice.
type ResponseOutput struct {
	Format Format `json:"format"`
	Voice  string `json:"voice"`
}

// Why a response was not completed.
const (
	TurnDetected    = "turn_detected"
	ClientCancelled = "client_cancelled"
	TokenLimit      = "max_output_tokens"
)

// StatusDetails says why a response was not completed.
type StatusDetails struct {
	Type   string         `json:"type"` // the response's status
	Reason string         `json:"reason,omitempty"`
	Error  *ResponseError `json:"error,omitempty"`
}

// ResponseError says why a response failed.
type ResponseError struct {
	Type    string `json:"type"`
	Code    string `json:"code"`
	Message string `json:"message,omitempty"` // for people; more than OpenAI says
}

// Usage counts the tokens of a response.
type Usage struct {
	TotalTokens        int         `json:"total_tokens"`
	InputTokens        int         `json:"input_tokens"`
	OutputTokens       int         `json:"output_tokens"`
	InputTokenDetails  InputUsage  `json:"input_token_details"`
	OutputTokenDetails OutputUsage `json:"output_token_details"`
}

// InputUsage counts what was said to the model.
type InputUsage struct {
	TextTokens   int `json:"text_tokens"`
	AudioTokens  int `json:"audio_tokens"`
	CachedTokens int `json:"cached_tokens"`
}

// OutputUsage counts what the model said.
type OutputUsage struct {
	TextTokens  int `json:"text_tokens"`
	AudioTokens int `json:"audio_tokens"`
}

// RateLimit is one limit of the client.
type RateLimit struct {
	Name         string  `json:"name"` // requests or tokens
	Limit        int     `json:"limit"`
	Remaining    int     `json:"remaining"`
	ResetSeconds float64 `json:"reset_seconds"`
}

// Part is a message's content while it is made.
type Part struct {
	Type       string  `json:"type"` // audio or text
	Text       *string `json:"text,omitempty"`
	Transcript *string `json:"transcript,omitempty"`
}

// DurationUsage is what a transcription cost.
type DurationUsage struct {
	Type    string  `json:"type"` // duration
	Seconds float64 `json:"seconds"`
}

// The server events. Where a response, an item and a part are named, Place does.
type (
	// SessionCreated opens the session.
	SessionCreated struct {
		Session Session `json:"session"`
	}
	// SessionUpdated answers session.update.
	SessionUpdated struct {
		Session Session `json:"session"`
	}
	// ErrorEvent says what was wrong with a client event.
	ErrorEvent struct{ Err Error }
	// RateLimits says how much the client may still use.
	RateLimits struct {
		RateLimits []RateLimit `json:"rate_limits"`
	}

	// SpeechStarted says that the user began to speak.
	SpeechStarted struct {
		AudioStartMS int64  `json:"audio_start_ms"`
		ItemID       string `json:"item_id"`
	}
	// SpeechStopped says that the user has finished.
	SpeechStopped struct {
		AudioEndMS int64  `json:"audio_end_ms"`
		ItemID     string `json:"item_id"`
	}
	// Committed says that the input buffer became an item.
	Committed struct {
		PreviousItemID *string `json:"previous_item_id"`
		ItemID         string  `json:"item_id"`
	}
	// Cleared answers input_audio_buffer.clear.
	Cleared struct{}
	// TimeoutTriggered says that the user was silent for idle_timeout_ms.
	TimeoutTriggered struct {
		AudioStartMS int64  `json:"audio_start_ms"`
		AudioEndMS   int64  `json:"audio_end_ms"`
		ItemID       string `json:"item_id"`
	}
	// OutputAudioCleared answers output_audio_buffer.clear.
	OutputAudioCleared struct {
		ResponseID string `json:"response_id"`
	}

	// ItemAdded says that an item is in the conversation.
	ItemAdded struct {
		PreviousItemID *string `json:"previous_item_id"`
		Item           Item    `json:"item"`
	}
	// ItemDone says that it is whole.
	ItemDone struct {
		PreviousItemID *string `json:"previous_item_id"`
		Item           Item    `json:"item"`
	}
	// ItemRetrieved answers conversation.item.retrieve.
	ItemRetrieved struct {
		Item Item `json:"item"`
	}
	// ItemDeleted answers conversation.item.delete.
	ItemDeleted struct {
		ItemID string `json:"item_id"`
	}
	// ItemTruncated answers conversation.item.truncate.
	ItemTruncated struct {
		ItemID       string `json:"item_id"`
		ContentIndex int    `json:"content_index"`
		AudioEndMS   int64  `json:"audio_end_ms"`
	}
	// TranscriptionDelta is more of what the user says.
	TranscriptionDelta struct {
		ItemID       string `json:"item_id"`
		ContentIndex int    `json:"content_index"`
		Delta        string `json:"delta"`
	}
	// TranscriptionCompleted is what the user said.
	TranscriptionCompleted struct {
		ItemID       string        `json:"item_id"`
		ContentIndex int           `json:"content_index"`
		Transcript   string        `json:"transcript"`
		Usage        DurationUsage `json:"usage"`
	}
	// TranscriptionFailed says that it is not known.
	TranscriptionFailed struct {
		ItemID       string        `json:"item_id"`
		ContentIndex int           `json:"content_index"`
		Error        ResponseError `json:"error"`
	}

	// ResponseCreated opens a response.
	ResponseCreated struct {
		Response Response `json:"response"`
	}
	// ResponseDone ends it.
	ResponseDone struct {
		Response Response `json:"response"`
	}
	// OutputItemAdded opens an item of a response.
	OutputItemAdded struct {
		ResponseID  string `json:"response_id"`
		OutputIndex int    `json:"output_index"`
		Item        Item   `json:"item"`
	}
	// OutputItemDone ends it.
	OutputItemDone struct {
		ResponseID  string `json:"response_id"`
		OutputIndex int    `json:"output_index"`
		Item        Item   `json:"item"`
	}
	// Place says where in a response something belongs.
	Place struct {
		ResponseID   string `json:"response_id"`
		ItemID       string `json:"item_id"`
		OutputIndex  int    `json:"output_index"`
		ContentIndex int    `json:"content_index"`
	}
	// PartAdded opens a part of a message.
	PartAdded struct {
		Place
		Part Part `json:"part"`
	}
	// PartDone ends it.
	PartDone struct {
		Place
		Part Part `json:"part"`
	}
	// TextDelta is more of a written message.
	TextDelta struct {
		Place
		Delta string `json:"delta"`
	}
	// TextDone is all of it.
	TextDone struct {
		Place
		Text string `json:"text"`
	}
	// TranscriptDelta is more of the words of a spoken message.
	TranscriptDelta struct {
		Place
		Delta string `json:"delta"`
	}
	// TranscriptDone is all of them.
	TranscriptDone struct {
		Place
		Transcript string `json:"transcript"`
	}
	// AudioDelta is more of its sound. AppendEvent writes it without a copy.
	AudioDelta struct {
		Place
		Audio []byte
	}
	// AudioDone says that there is no more sound.
	AudioDone struct{ Place }
	// ArgumentsDelta is more of a call's arguments.
	ArgumentsDelta struct {
		ResponseID  string `json:"response_id"`
		ItemID      string `json:"item_id"`
		OutputIndex int    `json:"output_index"`
		CallID      string `json:"call_id"`
		Delta       string `json:"delta"`
	}
	// ArgumentsDone is all of them.
	ArgumentsDone struct {
		ResponseID  string `json:"response_id"`
		ItemID      string `json:"item_id"`
		OutputIndex int    `json:"output_index"`
		CallID      string `json:"call_id"`
		Name        string `json:"name"`
		Arguments   string `json:"arguments"`
	}
)

// Type is the event's name.
func (SessionCreated) Type() string     { return "session.created" }
func (SessionUpdated) Type() string     { return "session.updated" }
func (ErrorEvent) Type() string         { return "error" }
func (RateLimits) Type() string         { return "rate_limits.updated" }
func (SpeechStarted) Type() string      { return "input_audio_buffer.speech_started" }
func (SpeechStopped) Type() string      { return "input_audio_buffer.speech_stopped" }
func (Committed) Type() string          { return "input_audio_buffer.committed" }
func (Cleared) Type() string            { return "input_audio_buffer.cleared" }
func (TimeoutTriggered) Type() string   { return "input_audio_buffer.timeout_triggered" }
func (OutputAudioCleared) Type() string { return "output_audio_buffer.cleared" }
func (ItemAdded) Type() string          { return "conversation.item.added" }
func (ItemDone) Type() string           { return "conversation.item.done" }
func (ItemRetrieved) Type() string      { return "conversation.item.retrieved" }
func (ItemDeleted) Type() string        { return "conversation.item.deleted" }
func (ItemTruncated) Type() string      { return "conversation.item.truncated" }
func (TranscriptionDelta) Type() string {
	return "conversation.item.input_audio_transcription.delta"
}

func (TranscriptionCompleted) Type() string {
	return "conversation.item.input_audio_transcription.completed"
}

func (TranscriptionFailed) Type() string { return "conversation.item.input_audio_transcription.failed" }
func (ResponseCreated) Type() string     { return "response.created" }
func (ResponseDone) Type() string        { return "response.done" }
func (OutputItemAdded) Type() string     { return "response.output_item.added" }
func (OutputItemDone) Type() string      { return "response.output_item.done" }
func (PartAdded) Type() string           { return "response.content_part.added" }
func (PartDone) Type() string            { return "response.content_part.done" }
func (TextDelta) Type() string           { return "response.output_text.delta" }
func (TextDone) Type() string            { return "response.output_text.done" }
func (TranscriptDelta) Type() string     { return "response.output_audio_transcript.delta" }
func (TranscriptDone) Type() string      { return "response.output_audio_transcript.done" }
func (AudioDelta) Type() string          { return "response.output_audio.delta" }
func (AudioDone) Type() string           { return "response.output_audio.done" }
func (ArgumentsDelta) Type() string      { return "response.function_call_arguments.delta" }
func (ArgumentsDone) Type() string       { return "response.function_call_arguments.done" }

// events gives an empty event of every kind.
func events() []ServerEvent {
	return []ServerEvent{
		SessionCreated{},
		SessionUpdated{},
		ErrorEvent{},
		RateLimits{},
		SpeechStarted{},
		SpeechStopped{},
		Committed{},
		Cleared{},
		TimeoutTriggered{},
		OutputAudioCleared{},
		ItemAdded{},
		ItemDone{},
		ItemRetrieved{},
		ItemDeleted{},
		ItemTruncated{},
		TranscriptionDelta{},
		TranscriptionCompleted{},
		TranscriptionFailed{},
		ResponseCreated{},
		ResponseDone{},
		OutputItemAdded{},
		OutputItemDone{},
		PartAdded{},
		PartDone{},
		TextDelta{},
		TextDone{},
		TranscriptDelta{},
		TranscriptDone{},
		AudioDelta{},
		AudioDone{},
		ArgumentsDelta{},
		ArgumentsDone{},
	}
}

// ServerTypes gives every type of server event that sori sends.
func ServerTypes() []string {
	var types []string
	for _, e := range events() {
		types = append(types, e.Type())
	}
	return types
}

// Unsupported gives the types of the API's server events that sori never sends:
// those of tools that run at OpenAI, of telephony, and of WebRTC's own buffer.
func Unsupported() []string {
	return []string{
		"conversation.created", "conversation.item.input_audio_transcription.segment", "input_audio_buffer.dtmf_event_received",
		"output_audio_buffer.started", "output_audio_buffer.stopped",
		"mcp_list_tools.in_progress", "mcp_list_tools.completed", "mcp_list_tools.failed",
		"response.mcp_call.in_progress", "response.mcp_call.completed", "response.mcp_call.failed",
		"response.mcp_call_arguments.delta", "response.mcp_call_arguments.done",
	}
}
