package protocol

// ClientMessage is what a client can say in a text frame.
//
//sumtype:decl
type ClientMessage interface{ clientMessage() }

// The types of client messages, as they stand in "type".
const (
	TypeConfigure = "session.configure"
	TypeCommit    = "utterance.end"
	TypeClear     = "utterance.clear"
	TypeText      = "text"
	TypeCancel    = "turn.cancel"
	TypePlayback  = "playback"
	TypePing      = "ping"
	TypeTool      = "tool.result"
	TypeResume    = "session.resume"
	TypeAck       = "ack"
)

// Configure opens a session and may be sent again at any time: what is absent
// stays as it is. User can be set only once. A change takes effect with the
// next utterance.
type Configure struct {
	User         *string `json:"user,omitempty"`         // opaque, 1 to 128 bytes; default: the server's
	Input        *Format `json:"input,omitempty"`        // what the client sends; default pcm_s16le, 16,000 Hz
	Output       *Format `json:"output,omitempty"`       // what the client wants; default pcm_s16le, 16,000 Hz
	Language     *string `json:"language,omitempty"`     // BCP 47, such as "en" or "ko"; default: the server's
	Voice        *string `json:"voice,omitempty"`        // a name that the TTS engine knows; default: the engine's
	Instructions *string `json:"instructions,omitempty"` // for TTOT, at most 16 KiB

	Profile       *string        `json:"profile,omitempty"`          // a name that the server has settings under; they come first, the rest of the message over them
	TurnDetection *TurnDetection `json:"turn_detection,omitempty"`   // default manual
	PaceMS        *int           `json:"pace_ms,omitempty"`          // audio goes out at most so far ahead of the voice, 20 to 60,000; 0: at once; default 400
	Playback      *bool          `json:"playback_reports,omitempty"` // the client sends playback messages: a turn lasts until they say that it was heard; default false
	Partials      *bool          `json:"partials,omitempty"`         // transcripts while the user speaks; default: true unless turn detection is manual
	IdlePrompt    *IdlePrompt    `json:"idle_prompt,omitempty"`      // default none
	Tools         *[]Tool        `json:"tools,omitempty"`            // functions of the client that the model may call; default none
}

// Format is an audio format.
type Format struct {
	Encoding string `json:"encoding"` // "pcm_s16le", or for input "opus"
	Rate     int    `json:"rate"`     // Hz, 8,000 to 48,000; for opus the decoder's output is 16,000 whatever is said here
}

// The audio encodings.
const (
	EncodingPCM  = "pcm_s16le"
	EncodingOpus = "opus"
)

// Commit ends the utterance: what was pushed since the last one is the user's
// turn. A commit while a turn is live stops that turn's reply.
type Commit struct{}

// Clear throws away the audio pushed since the last commit.
type Clear struct{}

// Text is a turn that was typed instead of spoken.
type Text struct {
	Text string `json:"text"` // 1 to 16,384 bytes of UTF-8
}

// Cancel stops the live turn, or the turn with the given number if that is
// still the live one; with nothing to stop it does nothing.
type Cancel struct {
	Turn int `json:"turn,omitempty"`
}

// Playback reports how much of a turn's reply the user has heard.
type Playback struct {
	Turn int   `json:"turn"`
	MS   int64 `json:"ms"` // milliseconds of that turn's audio that left the loudspeaker
}

// Ping asks for a [Pong] with the same id.
type Ping struct {
	ID string `json:"id,omitempty"` // at most 64 bytes
}

func (Configure) clientMessage() {}
func (Commit) clientMessage()    {}
func (Clear) clientMessage()     {}
func (Text) clientMessage()      {}
func (Cancel) clientMessage()    {}
func (Playback) clientMessage()  {}
func (Ping) clientMessage()      {}
