package protocol

// Codes of [Problem]: what the client sent was not accepted.
const (
	ErrBadJSON       = "bad_json"       // the text frame is no JSON object, or is nested deeper than 64
	ErrBadMessage    = "bad_message"    // a field has the wrong type or a value out of range
	ErrUnknownType   = "unknown_type"   // no message has this type
	ErrNotConfigured = "not_configured" // audio, text or a commit before session.configure
	ErrUserSet       = "user_already_set"
	ErrUserForbidden = "user_forbidden"  // the caller's key belongs to another user
	ErrOddFrame      = "odd_frame"       // a PCM frame with half a sample at its end; it was dropped
	ErrBadOpus       = "bad_opus"        // a packet that is no Opus; it was dropped
	ErrFrameTooLarge = "frame_too_large" // a frame over the limit; it was dropped
	ErrNothingSaid   = "utterance_empty" // a commit with less than 100 ms of audio
	ErrTextEmpty     = "text_empty"
	ErrNoProfile     = "unknown_profile"      // the server has no profile of this name
	ErrNoDetector    = "no_voice_detector"    // the server has nothing that could detect turns; only manual mode works
	ErrLanguage      = "language_unsupported" // an engine of the session does not know the language; the message names those it knows
	ErrNoCall        = "unknown_call"         // a tool.result for a call that is not waited for
	ErrSessionQuota  = "quota_sessions"       // the user, or the key, has as many sessions as it may; the connection is closed
	ErrTurnQuota     = "quota_turns"          // the turns of this minute are used up; what was said was dropped
	ErrAudioQuota    = "quota_audio"          // the speech of this day is used up; what was said was dropped
	ErrTooManyTurns  = "too_many_turns"       // committed turns wait already; this one was not accepted
	ErrNoSession     = "session_unknown"      // there is no session to resume: it is over, or id and key do not match
	ErrSessionOpen   = "session_open"         // a session.resume that is not the first message of its connection
)

// Codes of [Warning].
const (
	WarnUtteranceLimit = "utterance_limit"  // the utterance reached its limit; it was ended and is answered
	WarnHistoryDelayed = "history_delayed"  // the store can't take the turn now; it is kept aside and written when the store is back
	WarnHistoryLost    = "history_at_risk"  // the store can't take the turn and it can't be kept on disk either; it is held in memory
	WarnHistoryUnread  = "history_unread"   // earlier turns can't be read; sori answers without remembering them
	WarnRecording      = "recording_failed" // a recording could not be written; the turn goes on without it
	WarnDetector       = "detector_failed"  // the voice detector failed; the utterance goes to ATOT unchecked
	WarnReplyLimit     = "reply_limit"      // the reply reached its limit and was cut there
	WarnEngineFallback = "engine_fallback"  // the first engine failed; another one serves the stage
)

// CloseCode is a WebSocket close code. From 4000 to 4499 a client should come
// back (after a pause), from 4500 on it should not, unless something changes.
type CloseCode int

// The close codes that sori uses.
const (
	CloseNormal      CloseCode = 1000 // the client said goodbye
	CloseGoingAway   CloseCode = 1001 // the server stops
	CloseTooBig      CloseCode = 1009 // a message over the hard limit
	CloseInternal    CloseCode = 1011 // a bug in sori
	CloseRestart     CloseCode = 1012 // the server restarts: come back
	CloseTryLater    CloseCode = 1013 // the server is full: come back later
	CloseSlowReader  CloseCode = 4000 // the client did not read its events in time
	CloseIdle        CloseCode = 4001 // nothing was heard from the client for too long
	CloseQuota       CloseCode = 4002 // the user, or the key, has as many sessions as it may: end one, or come back later
	CloseExpired     CloseCode = 4003 // the JSON Web Token that let the client in has expired: come back with a new one
	CloseBadProtocol CloseCode = 4500 // the client keeps sending what can't be understood
	CloseTaken       CloseCode = 4501 // another connection resumed the session
	CloseRevoked     CloseCode = 4502 // the key that let the client in is good no more, or its user was deleted
)

// MaxMessage is the largest WebSocket message, in bytes: a larger one closes the
// connection with [CloseTooBig].
const MaxMessage = 1 << 20
