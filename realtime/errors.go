package realtime

import "fmt"

// Codes of [Error]. Clients key on them.
const (
	CodeInvalidJSON      = "invalid_json"               // the frame is no JSON object
	CodeInvalidValue     = "invalid_value"              // a parameter is out of range, or not one of its values
	CodeInvalidType      = "invalid_type"               // a parameter has another JSON type
	CodeMissing          = "missing_required_parameter" // a parameter is not there
	CodeUnknownEvent     = "unknown_event"              // no client event has this type
	CodeInvalidAudio     = "invalid_audio"              // the audio is no base64, or longer than 15 MiB
	CodeUnsupported      = "unsupported_content_type"   // an item or a part of another kind than what was asked needs
	CodeCommitEmpty      = "input_audio_buffer_commit_empty"
	CodeActiveResponse   = "conversation_already_has_active_response"
	CodeNothingToCancel  = "response_cancel_not_active"
	CodeRetrieveItem     = "item_retrieve_invalid_item_id"
	CodeDeleteItem       = "item_delete_invalid_item_id"
	CodeTruncateItem     = "item_truncate_invalid_item_id"
	CodePreviousItem     = "item_create_invalid_previous_item_id"
	CodeDuplicateItem    = "item_create_duplicate_item_id"
	CodeToolCall         = "invalid_tool_call_id"
	CodeSessionExpired   = "session_expired"
	CodeRateLimit        = "rate_limit_exceeded"
	CodeTooManyResponses = "too_many_responses" // more out-of-band responses at once than a session makes, or turns that wait
	CodeNoTurnDetection  = "turn_detection_unavailable"
	CodeServer           = "server_error"
)

// Kinds of [Error].
const (
	InvalidRequest = "invalid_request_error"
	ServerError    = "server_error"
	RateLimited    = "rate_limit_error"
)

// Error is what is wrong with a client event. It never ends the session.
type Error struct {
	Type    string // InvalidRequest, ServerError or RateLimited
	Code    string
	Message string // a sentence for people
	Param   string // the parameter at fault, such as "session.audio.input.format"; "" for none
	EventID string // the client event's own id; "" when it has none
}

func (e *Error) Error() string { return "realtime: " + e.Code + ": " + e.Message }

// Wrong gives an error about a parameter of a client event.
func Wrong(code, param, format string, args ...any) *Error {
	return &Error{Type: InvalidRequest, Code: code, Param: param, Message: fmt.Sprintf(format, args...)}
}
