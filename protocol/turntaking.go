package protocol

import (
	"encoding/json"
	"math"
	"slices"
)

// TurnDetection says how the end of the user's turn is found. What is absent
// has its default.
type TurnDetection struct {
	Mode            Mode      `json:"mode"`              // default manual
	Threshold       float64   `json:"threshold"`         // probability, 0.05 to 0.95, from which sound is speech; default 0.5
	PrefixPaddingMS int       `json:"prefix_padding_ms"` // audio before the speech that belongs to it, 0 to 2,000; default 300
	SilenceMS       int       `json:"silence_ms"`        // silence that ends the turn, 200 to 10,000; default 500. In semantic mode the eagerness decides
	MinSpeechMS     int       `json:"min_speech_ms"`     // less speech is no turn, 32 to 2,000; default 150
	Eagerness       Eagerness `json:"eagerness"`         // of semantic mode; default medium
}

// Mode is a way to find the end of a turn.
type Mode string

// The modes of turn detection. In each of them utterance.end is allowed.
const (
	Manual    Mode = "manual"     // the client says it: push to talk
	ServerVAD Mode = "server_vad" // silence says it
	Semantic  Mode = "semantic"   // silence and what was said: an unfinished clause waits longer
)

// Eagerness says how soon sori takes the floor in semantic mode.
type Eagerness string

// The kinds of eagerness.
const (
	Low    Eagerness = "low"
	Medium Eagerness = "medium"
	High   Eagerness = "high"
)

// DefaultTurnDetection is what a session begins with.
func DefaultTurnDetection() TurnDetection {
	return TurnDetection{Mode: Manual, Threshold: 0.5, PrefixPaddingMS: 300, SilenceMS: 500, MinSpeechMS: 150, Eagerness: Medium}
}

// IdlePrompt is what sori says of itself when the user has been silent.
type IdlePrompt struct {
	AfterMS int    `json:"after_ms"` // since the last reply was heard, 1,000 to 3,600,000; 0: never
	Text    string `json:"text"`     // what it says, at most 500 bytes
}

// Tool is a function that the model may call.
type Tool struct {
	Name        string          `json:"name"`                  // letters, digits, _ and -, 1 to 64
	Description string          `json:"description,omitempty"` // for the model, at most 2,048 bytes
	Parameters  json.RawMessage `json:"parameters,omitempty"`  // a JSON Schema of an object
}

// ToolResult answers [ToolCall].
type ToolResult struct {
	ID     string `json:"id"`
	Output string `json:"output"`          // for the model, at most 32 KiB
	Error  string `json:"error,omitempty"` // the call failed; for the model
}

func (ToolResult) clientMessage() {}

// SpeechStarted says that the user began to speak.
type SpeechStarted struct {
	AudioMS int64 `json:"audio_ms"` // position in all audio of the session, prefix padding included
	Over    bool  `json:"-"`        // the reply sounds meanwhile: reply.paused follows. For other dialects than this one
}

// SpeechPartial is what the user has said so far, while speaking. Words that
// stand in one partial stay in the next.
type SpeechPartial struct {
	Text string `json:"text"`
}

// SpeechStopped says that the user has finished speaking. A turn follows, unless
// Discarded says why none does.
type SpeechStopped struct {
	AudioMS   int64   `json:"audio_ms"` // where the speech ended
	Discarded Discard `json:"discarded,omitempty"`
}

// Discard says why speech that was heard made no turn.
type Discard string

// The reasons for which speech makes no turn.
const (
	DiscardNoWords Discard = "no_words" // a noise, or nothing that is a word
	DiscardNod     Discard = "nod"      // "mhm" while sori spoke: the reply goes on
	DiscardEcho    Discard = "echo"     // sori's own voice, come back through the loudspeaker
)

// ReplyPaused says that the user speaks while sori does: no more audio comes
// until it is known whether the user takes the floor. A client stops its playback
// and keeps what it has.
type ReplyPaused struct{}

// ReplyResumed says that the reply goes on where it was.
type ReplyResumed struct{}

// ReplyCorrected says what the user heard of a reply that was stopped. Only that
// stays in history and in the model's memory. A client throws away what it has
// not played.
type ReplyCorrected struct {
	Heard   string `json:"heard"`
	HeardMS int64  `json:"heard_ms"` // of the reply's audio
	Written string `json:"written"`  // the reply as far as it was written
}

// ToolCall asks the client to run one of its tools and to answer with
// [ToolResult].
type ToolCall struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

func (SpeechStarted) Type() string  { return "speech.started" }
func (SpeechPartial) Type() string  { return "speech.partial" }
func (SpeechStopped) Type() string  { return "speech.stopped" }
func (ReplyPaused) Type() string    { return "reply.paused" }
func (ReplyResumed) Type() string   { return "reply.resumed" }
func (ReplyCorrected) Type() string { return "reply.corrected" }
func (ToolCall) Type() string       { return "tool.call" }

// Limits of turn-taking.
const (
	MaxPaceMS     = 60_000   // of pace_ms
	MaxTools      = 64       // of one session
	MaxToolName   = 64       // bytes
	MaxToolText   = 2 << 10  // bytes of a description
	MaxToolSchema = 8 << 10  // bytes of the parameters' schema
	MaxToolOutput = 32 << 10 // bytes
	MaxIdleText   = 500      // bytes
	MaxProfile    = 64       // bytes
)

func readTurnDetection(parent *fields, name string) *TurnDetection {
	f, err := readFields(name+".", parent.raw[name])
	if err != nil {
		parent.fail(err)
		return nil
	}
	d := DefaultTurnDetection()
	if f.has("mode") {
		d.Mode = Mode(f.oneOf("mode", string(Manual), string(ServerVAD), string(Semantic)))
	}
	if f.has("threshold") {
		d.Threshold = f.decimal("threshold", 0.05, 0.95)
	}
	if f.has("prefix_padding_ms") {
		d.PrefixPaddingMS = int(f.number("prefix_padding_ms", 0, 2000))
	}
	if f.has("silence_ms") {
		d.SilenceMS = int(f.number("silence_ms", 200, 10_000))
	}
	if f.has("min_speech_ms") {
		d.MinSpeechMS = int(f.number("min_speech_ms", 32, 2000))
	}
	if f.has("eagerness") {
		d.Eagerness = Eagerness(f.oneOf("eagerness", string(Low), string(Medium), string(High)))
	}
	if f.err != nil {
		parent.fail(f.err)
	}
	return &d
}

func readIdlePrompt(parent *fields, name string) *IdlePrompt {
	f, err := readFields(name+".", parent.raw[name])
	if err != nil {
		parent.fail(err)
		return nil
	}
	p := IdlePrompt{AfterMS: int(f.number("after_ms", 0, 3_600_000)), Text: f.text("text", 0, MaxIdleText)}
	switch {
	case f.err != nil:
		parent.fail(f.err)
	case p.AfterMS != 0 && (p.AfterMS < 1000 || p.Text == ""):
		parent.fail(bad("%q must be 0, or at least 1000 with a text.", f.at+"after_ms"))
	}
	return &p
}

func readTools(parent *fields, name string) *[]Tool {
	var raw []json.RawMessage
	if err := json.Unmarshal(parent.raw[name], &raw); err != nil || len(raw) > MaxTools {
		parent.fail(bad("%q must be a list of at most %d tools.", parent.at+name, MaxTools))
		return nil
	}
	tools := make([]Tool, 0, len(raw))
	for _, r := range raw {
		f, err := readFields(name+".", r)
		if err != nil {
			parent.fail(err)
			return nil
		}
		t := Tool{Name: f.text("name", 1, MaxToolName), Description: f.text("description", 0, MaxToolText)}
		if f.err == nil && !isToolName(t.Name) {
			f.fail(bad("%q must be letters, digits, \"_\" and \"-\".", f.at+"name"))
		}
		if f.has("parameters") {
			t.Parameters = slices.Clone(f.raw["parameters"])
			if len(t.Parameters) > MaxToolSchema || t.Parameters[0] != '{' {
				f.fail(bad("%q must be a JSON Schema object of at most %d bytes.", f.at+"parameters", MaxToolSchema))
			}
		}
		if f.err != nil {
			parent.fail(f.err)
			return nil
		}
		if slices.ContainsFunc(tools, func(o Tool) bool { return o.Name == t.Name }) {
			parent.fail(bad("The tool %q stands twice.", t.Name))
			return nil
		}
		tools = append(tools, t)
	}
	return &tools
}

func isToolName(s string) bool {
	for _, c := range []byte(s) {
		if letter := 'a' <= c|0x20 && c|0x20 <= 'z'; !letter && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func readToolResult(f *fields) ToolResult {
	r := ToolResult{ID: f.text("id", 1, MaxPingID), Output: f.text("output", 0, MaxToolOutput), Error: f.text("error", 0, MaxToolText)}
	return r
}

// oneOf reads a string that must be one of words.
func (f *fields) oneOf(name string, words ...string) string {
	s := f.text(name, 0, math.MaxInt)
	if f.err == nil && !slices.Contains(words, s) {
		f.fail(bad("%q must be %s.", f.at+name, quoted(words)))
	}
	return s
}

// decimal reads a number from lo to hi.
func (f *fields) decimal(name string, lo, hi float64) float64 {
	var x float64
	if err := json.Unmarshal(f.raw[name], &x); err != nil || x < lo || x > hi {
		f.fail(bad("%q must be a number from %g to %g.", f.at+name, lo, hi))
	}
	return x
}

// flag reads true or false.
func (f *fields) flag(name string) bool {
	var b bool
	if err := json.Unmarshal(f.raw[name], &b); err != nil {
		f.fail(bad("%q must be true or false.", f.at+name))
	}
	return b
}
