package stage

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"
)

// Name says which stage of a turn is meant. The names are the seed system's.
type Name string

// The stages, in the order in which a turn passes through them.
const (
	ATOT Name = "atot" // audio to text
	TTOT Name = "ttot" // text to text
	TTS  Name = "tts"  // text to speech
)

// Recording is one utterance as audio: 16,000 Hz, mono, signed 16-bit. It is
// immutable, so several readers may use it at once (a retry, a copy to disk).
type Recording interface {
	// WAV gives a fresh reader over the whole WAV file, header included, and
	// the file's length in bytes. Who asks for a reader closes it: the memory
	// under it is used again once the last one is closed.
	WAV() (r io.ReadCloser, size int64)
	// Samples is the number of samples.
	Samples() int
	// Duration is Samples at 16,000 Hz.
	Duration() time.Duration
	// ReadSamples copies samples from position at into dst and returns how many
	// it copied: fewer than len(dst) only at the end.
	ReadSamples(dst []int16, at int) int
}

// Utterance is what ATOT hears.
type Utterance struct {
	UserID    string
	SessionID string
	Language  string // BCP 47, "" when unknown
	Audio     Recording
}

// Transcript is what ATOT says that it heard. Text is the whole text so far,
// not an addition; the last one of a stream is Final.
type Transcript struct {
	Text  string
	Final bool
}

// Exchange is one earlier turn, as the model should remember it: what the user
// said, what was replied, and what the model called after it. Each part may be
// missing.
type Exchange struct {
	Note  string // what the model is told in nobody's name, beside its instructions
	User  string
	Reply string
	Calls []Call
}

// Call is a call of a function that the model made in an earlier turn.
type Call struct {
	ID        string
	Name      string
	Arguments string // JSON
	Output    string // for the model
	Answered  bool   // Output is there; a call that nobody answered is not told of
}

// ErrHandedOver is what [Prompt.Call] gives for a call that is answered in a
// later turn. The responder hands over the other calls of the same message and
// ends; the error comes last in its stream and is no failure.
var ErrHandedOver = errors.New("stage: the call was handed over")

// LettersPerToken is how a reply's length is counted where no engine says it: so
// many letters are one token.
const LettersPerToken = 4

// Choice says whether the model calls a tool. The zero value leaves it to the
// model.
type Choice struct {
	None     bool   // no tool is called
	Required bool   // one is
	Tool     string // this one is
}

// Prompt is what TTOT answers.
type Prompt struct {
	UserID       string
	SessionID    string
	Text         string
	Language     string
	Instructions string
	History      []Exchange // oldest first; where Text is empty, the reply goes on from its last part
	// Tools are functions that the model may call, and Call runs one: it gives
	// what the model is to read, also where the function failed. An error means
	// that the turn is over. A responder without tools ignores both.
	Tools  []Tool
	Choice Choice
	Call   func(ctx context.Context, name string, arguments json.RawMessage) (string, error)
}

// Tool is a function that the model may call.
type Tool struct {
	Name        string
	Description string
	Parameters  json.RawMessage // a JSON Schema of an object, nil for none
}

// Speech is what TTS says: one clause or sentence.
type Speech struct {
	UserID    string
	SessionID string
	Text      string
	Voice     string // "" for the engine's default
	Language  string
}

// Chunk is a piece of synthesised speech: mono, signed 16-bit little-endian,
// always a whole number of samples. PCM is valid until the next chunk is asked
// for: who keeps it makes a copy.
type Chunk struct {
	PCM  []byte
	Rate int // samples per second, the same for all chunks of one stream
}
