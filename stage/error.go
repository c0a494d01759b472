package stage

import (
	"context"
	"errors"
	"fmt"
)

// Codes of a stage that failed. They are part of the public protocol.
const (
	CodeUnreachable  = "engine_unreachable"   // nobody listens at the engine's address, or the connection broke before the answer began
	CodeTimeout      = "engine_timeout"       // no answer, or no end of it, within the stage's timeout
	CodeStatus       = "engine_status"        // the engine answered with an HTTP error status
	CodeBadReply     = "engine_bad_reply"     // the engine answered with something that is no valid reply (HTML, broken JSON, broken audio)
	CodeCutOff       = "engine_cut_off"       // the engine began an answer and closed before the end of it
	CodeRejected     = "engine_rejected"      // the engine says that the input is wrong (HTTP 400, 413, 422): a retry can't help
	CodeBusy         = "engine_busy"          // the engine says that it has too much to do (HTTP 429, 503)
	CodeUnauthorized = "engine_unauthorized"  // the engine refuses sori's key (HTTP 401, 403)
	CodeNotSet       = "engine_not_set"       // no engine is configured for the stage
	CodeNoSpeech     = "no_speech"            // the utterance holds no speech, or ATOT heard no word in it
	CodeEmptyReply   = "empty_reply"          // TTOT gave no text, or none that can be spoken
	CodeLanguage     = "language_unsupported" // the engine does not know the session's language
	CodeProcessLost  = "process_lost"         // the sori process that made the turn died
	CodeInternal     = "internal"             // a bug in sori
)

// Error says which stage failed, with what, and what to do about it.
type Error struct {
	Stage   Name
	Code    string // one of the codes above, for machines
	Message string // a sentence for people, without secrets: it reaches the client
	Engine  string // the engine's name, "" when none was reached
	Err     error  // the cause, for the log; may be nil
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Stage, e.Code, e.Err)
	}
	return fmt.Sprintf("%s: %s: %s", e.Stage, e.Code, e.Message)
}

func (e *Error) Unwrap() error { return e.Err }

// AsError gives err as a stage error. An error that is none yet becomes one:
// a deadline is CodeTimeout, anything else CodeInternal.
func AsError(name Name, err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &Error{Stage: name, Code: CodeTimeout, Message: "The " + string(name) + " engine did not answer in time.", Err: err}
	}
	return &Error{Stage: name, Code: CodeInternal, Message: "Something broke inside sori at " + string(name) + ".", Err: err}
}
