package protocol

import (
	"encoding/json"

	"sori/history"
	"sori/stage"
)

// Event is what the server says in a text frame.
type Event interface {
	// Type is the event's name on the wire.
	Type() string
}

// Head stands at the start of every server event.
type Head struct {
	Seq  uint64 `json:"seq"`  // 1, 2, 3 …; binary frames are counted too, [Resumed], [Ack] and [GoingAway] are not
	Turn int    `json:"turn"` // the turn's number within the session, 0 outside of a turn
	MS   int64  `json:"ms"`   // milliseconds since the session began
}

// Ready answers [Configure] with the session as it is now.
type Ready struct {
	Session       string          `json:"session"`
	User          string          `json:"user"`
	Input         Format          `json:"input"`
	Output        Format          `json:"output"`
	Language      string          `json:"language"`
	Voice         string          `json:"voice"`
	Instructions  string          `json:"instructions"`
	Profile       string          `json:"profile"`
	TurnDetection TurnDetection   `json:"turn_detection"`
	PaceMS        int             `json:"pace_ms"`
	Playback      bool            `json:"playback_reports"`
	Partials      bool            `json:"partials"`
	IdlePrompt    IdlePrompt      `json:"idle_prompt"`
	Tools         []Tool          `json:"tools"`
	Engines       history.Engines `json:"engines"`
	Languages     Languages       `json:"languages"`
	Voices        []string        `json:"voices"` // that can be asked for by name; empty: the engine does not say
	Limits        Limits          `json:"limits"`
	Resume        Resumption      `json:"resume"`
}

// Languages says what each stage's engine knows, as base tags such as "en". An
// empty list stands for an engine that does not say.
type Languages struct {
	ATOT []string `json:"atot"`
	TTOT []string `json:"ttot"`
	TTS  []string `json:"tts"`
}

// MarshalJSON writes lists, also where nothing is in them.
func (l Languages) MarshalJSON() ([]byte, error) {
	type plain Languages
	for _, list := range []*[]string{&l.ATOT, &l.TTOT, &l.TTS} {
		if *list == nil {
			*list = []string{}
		}
	}
	return json.Marshal(plain(l))
}

// Limits is what a client should stay within.
type Limits struct {
	FrameBytes  int   `json:"frame_bytes"`  // of one binary frame
	TextBytes   int   `json:"text_bytes"`   // of one text frame
	UtteranceMS int64 `json:"utterance_ms"` // a longer utterance is ended and answered at this length
}

// TurnStarted opens a turn.
type TurnStarted struct {
	ID      string `json:"id"`     // the record's id in history
	Source  Source `json:"source"` // speech or text
	InputMS int64  `json:"input_ms"`
}

// Source says how the user's turn came in.
type Source string

// The sources of a turn.
const (
	FromSpeech Source = "speech"
	FromText   Source = "text"
	FromIdle   Source = "idle" // nobody spoke: sori said its idle prompt
)

// StageStarted says that a stage has begun to work.
type StageStarted struct {
	Stage  stage.Name `json:"-"`
	Engine string     `json:"engine"`
}

// StagePartial is a stage's result so far. For atot Text is the whole
// transcript so far; for ttot it is the next piece of the reply; for tts it is
// the clause that is spoken from AudioMS of the reply's audio on.
type StagePartial struct {
	Stage   stage.Name `json:"-"`
	Text    string     `json:"text"`
	AudioMS int64      `json:"audio_ms,omitempty"` // tts only
}

// StageDone is a stage's whole result.
type StageDone struct {
	Stage   stage.Name `json:"-"`
	Text    string     `json:"text"`               // the transcript, the reply, or what was spoken
	TookMS  float64    `json:"took_ms"`            // from the stage's start
	AudioMS int64      `json:"audio_ms,omitempty"` // tts only: length of the reply's audio
}

// StageFailed says why a stage failed. The turn ends, the session goes on.
type StageFailed struct {
	Stage   stage.Name `json:"-"`
	Code    string     `json:"code"`
	Message string     `json:"message"`
}

// AudioBegin comes before the first binary frame of a reply.
type AudioBegin struct {
	Format
}

// AudioEnd comes after the last binary frame of a reply, also when it was cut.
type AudioEnd struct {
	Bytes int64 `json:"bytes"` // sent in binary frames since audio.begin
	MS    int64 `json:"audio_ms"`
}

// TurnDone ends a turn that went well.
type TurnDone struct {
	Record history.Turn `json:"record"`
}

// TurnCancelled ends a turn that was stopped.
type TurnCancelled struct {
	Reason CancelReason `json:"reason"`
	Record history.Turn `json:"record"`
}

// CancelReason says who stopped a turn.
type CancelReason string

// The reasons for which a turn is stopped.
const (
	CancelledByClient  CancelReason = "client"      // a cancel message
	CancelledByNewTurn CancelReason = "superseded"  // the user spoke or typed again
	CancelledByBargeIn CancelReason = "interrupted" // the user spoke while sori did, and took the floor
	CancelledByEnd     CancelReason = "session"     // the session ended
)

// TurnFailed ends a turn of which a stage failed.
type TurnFailed struct {
	Stage   stage.Name   `json:"stage"`
	Code    string       `json:"code"`
	Message string       `json:"message"`
	Record  history.Turn `json:"record"`
}

// Cleared answers [Clear].
type Cleared struct {
	InputMS int64 `json:"input_ms"` // how much audio was thrown away
}

// Warning says that something is not as it should be and the session goes on.
type Warning struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Problem says that something the client sent was not accepted. The session
// stays open unless a close code follows.
type Problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Apology says that the turn can't be answered, in words for the user. It comes
// before [TurnFailed], and before the audio of the same words where they are
// spoken. There are no stage events for that audio.
type Apology struct {
	Text   string `json:"text"`
	Spoken bool   `json:"spoken"` // its audio begins now; else the client should show the text
}

// QuotaUpdated says how far the limits of the user, and of the key that let the
// client in, are used. It comes after [Ready] and when a turn begins or is
// refused, where anything is limited.
type QuotaUpdated struct {
	Quotas []Quota `json:"quotas"`
}

// Quota is one limit.
type Quota struct {
	Name      string `json:"name"` // sessions, turns (a minute), audio_seconds (a day) or stored_bytes
	Limit     int64  `json:"limit"`
	Remaining int64  `json:"remaining"` // 0: no more until it is reset
	ResetMS   int64  `json:"reset_ms"`  // until all of it is there again, ms; 0: that is no matter of time, or nothing is used
}

// Pong answers [Ping].
type Pong struct {
	ID string `json:"id,omitempty"`
}

func (Ready) Type() string          { return "session.ready" }
func (TurnStarted) Type() string    { return "turn.started" }
func (e StageStarted) Type() string { return string(e.Stage) + ".started" }
func (e StagePartial) Type() string { return string(e.Stage) + ".partial" }
func (e StageDone) Type() string    { return string(e.Stage) + ".done" }
func (e StageFailed) Type() string  { return string(e.Stage) + ".failed" }
func (AudioBegin) Type() string     { return "audio.begin" }
func (AudioEnd) Type() string       { return "audio.end" }
func (TurnDone) Type() string       { return "turn.done" }
func (TurnCancelled) Type() string  { return "turn.cancelled" }
func (TurnFailed) Type() string     { return "turn.failed" }
func (Cleared) Type() string        { return "utterance.cleared" }
func (Warning) Type() string        { return "warning" }
func (Problem) Type() string        { return "error" }
func (Apology) Type() string        { return "reply.apology" }
func (QuotaUpdated) Type() string   { return "quota.updated" }
func (Pong) Type() string           { return "pong" }
