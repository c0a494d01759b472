package session

import (
	"context"
	"encoding/json"
	"io"
	"iter"

	"sori/history"
	"sori/stage"
)

// Transcriber is ATOT. The stream's last transcript is Final; an error ends it.
// Breaking out of the stream, or ending ctx, cancels the engine's work.
type Transcriber interface {
	Transcribe(ctx context.Context, u stage.Utterance) iter.Seq2[stage.Transcript, error]
	// Engine is the name that history and clients see, such as "moonshine-tiny-en".
	Engine() string
}

// Responder is TTOT. The stream yields the reply piece by piece.
type Responder interface {
	Respond(ctx context.Context, p stage.Prompt) iter.Seq2[string, error]
	Engine() string
}

// Synthesizer is TTS. It speaks one clause; all chunks have the same rate.
type Synthesizer interface {
	Synthesize(ctx context.Context, s stage.Speech) iter.Seq2[stage.Chunk, error]
	Engine() string
}

// engineFor names the engine of a stage for a language. One that is several, each
// for other languages, says so.
func engineFor(e interface{ Engine() string }, language string) string {
	if several, ok := e.(interface {
		EngineFor(language string) string
	}); ok {
		return several.EngineFor(language)
	}
	return e.Engine()
}

// VoiceDetector tells speech from everything else. It is used by one goroutine
// at a time.
type VoiceDetector interface {
	// Detect takes the next 512 samples at 16,000 Hz (32 ms) and gives the
	// probability, 0 to 1, that they hold speech.
	Detect(window []int16) (float32, error)
	// Reset forgets what was heard.
	Reset()
	// Close frees what the detector holds.
	Close()
}

// EndOfTurn says how likely a pause is the end of what the user wants to say.
type EndOfTurn interface {
	// Finished gives the probability, 0 to 1, for an utterance and its transcript.
	Finished(ctx context.Context, u stage.Utterance, text string) (float64, error)
}

// Tools are functions of the server that the model may call.
type Tools interface {
	List() []stage.Tool
	// Call runs a tool; ok is false when it is none of the server's.
	Call(ctx context.Context, userID, name string, arguments json.RawMessage) (output string, ok bool, err error)
}

// History is what a session needs of the store.
type History interface {
	// Keep takes a finished turn. A nil error says that the turn is safe: in the
	// store, or set aside on disk until the store is back; then delayed says why,
	// and the client is warned. An error says that the turn is only in memory.
	Keep(ctx context.Context, t history.Turn) (delayed error, err error)
	// Recent gives the user's last n turns, oldest first.
	Recent(ctx context.Context, userID string, n int) ([]history.Turn, error)
}

// Recordings keeps the audio of turns. It is given whole WAV files.
type Recordings interface {
	// Save writes one recording and gives the path at which it can be read below
	// the server's address. kind is "input" or "reply".
	Save(ctx context.Context, userID, turnID, kind string, wav io.Reader) (path string, err error)
}
