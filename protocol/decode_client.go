package protocol

import (
	"math"
	"slices"
	"strings"
	"unicode"
)

// DecodeClient reads one text frame of a client. It accepts members that it
// does not know, so that newer clients can talk to older servers. The error is
// always a [*DecodeError]; the values of an accepted message are within their
// ranges. data is not kept.
func DecodeClient(data []byte) (ClientMessage, error) {
	m, err := decodeClient(data)
	if err != nil {
		return nil, err
	}
	return m, nil
}

func decodeClient(data []byte) (ClientMessage, *DecodeError) {
	if err := checkFrame(data); err != nil {
		return nil, err
	}
	f, err := readFields("", data)
	if err != nil {
		return nil, err
	}
	name := f.text("type", 1, math.MaxInt)
	if f.err != nil {
		return nil, f.err
	}
	var m ClientMessage
	switch name {
	case TypeConfigure:
		m = readConfigure(f)
	case TypeCommit:
		m = Commit{}
	case TypeClear:
		m = Clear{}
	case TypeText:
		m = readText(f)
	case TypeCancel:
		m = readCancel(f)
	case TypePlayback:
		m = Playback{
			Turn: int(f.number("turn", 1, math.MaxInt32)),
			MS:   f.number("ms", 0, math.MaxInt32),
		}
	case TypePing:
		m = Ping{ID: f.text("id", 0, MaxPingID)}
	case TypeTool:
		m = readToolResult(f)
	case TypeResume:
		m = readResume(f)
	case TypeAck:
		m = readSeen(f)
	default:
		return nil, &DecodeError{Code: ErrUnknownType, Message: "There is no message of type \"" + shorten(name) + "\"."}
	}
	if f.err != nil {
		return nil, f.err
	}
	return m, nil
}

func readConfigure(f *fields) Configure {
	var c Configure
	if f.has("user") {
		user := f.text("user", 1, MaxUser)
		if strings.ContainsFunc(user, unicode.IsControl) {
			f.fail(bad("%q must not hold control characters.", "user"))
		}
		c.User = &user
	}
	if f.has("input") {
		c.Input = readFormat(f, "input", EncodingPCM, EncodingOpus)
	}
	if f.has("output") {
		c.Output = readFormat(f, "output", EncodingPCM)
	}
	if f.has("language") {
		language := f.text("language", 1, MaxLanguage)
		if f.err == nil && !isLanguage(language) {
			f.fail(bad("%q must be a BCP 47 language tag, such as \"en\" or \"pt-BR\".", "language"))
		}
		c.Language = &language
	}
	if f.has("voice") {
		voice := f.text("voice", 0, MaxVoice)
		if strings.ContainsFunc(voice, unicode.IsControl) {
			f.fail(bad("%q must not hold control characters.", "voice"))
		}
		c.Voice = &voice
	}
	if f.has("instructions") {
		instructions := f.text("instructions", 0, MaxInstructions)
		c.Instructions = &instructions
	}
	readConduct(f, &c)
	return c
}

// readConduct reads how the conversation is to be held.
func readConduct(f *fields, c *Configure) {
	if f.has("profile") {
		profile := f.text("profile", 0, MaxProfile)
		c.Profile = &profile
	}
	if f.has("turn_detection") {
		c.TurnDetection = readTurnDetection(f, "turn_detection")
	}
	if f.has("pace_ms") {
		pace := int(f.number("pace_ms", 0, MaxPaceMS))
		if pace != 0 && pace < 20 {
			f.fail(bad("%q must be 0, or 20 to %d.", "pace_ms", MaxPaceMS))
		}
		c.PaceMS = &pace
	}
	if f.has("playback_reports") {
		playback := f.flag("playback_reports")
		c.Playback = &playback
	}
	if f.has("partials") {
		partials := f.flag("partials")
		c.Partials = &partials
	}
	if f.has("idle_prompt") {
		c.IdlePrompt = readIdlePrompt(f, "idle_prompt")
	}
	if f.has("tools") {
		c.Tools = readTools(f, "tools")
	}
}

// readFormat reads an audio format whose encoding is one of encodings; the
// first of them is the default.
func readFormat(parent *fields, name string, encodings ...string) *Format {
	f, err := readFields(name+".", parent.raw[name])
	if err != nil {
		parent.fail(err)
		return nil
	}
	format := Format{Encoding: encodings[0], Rate: DefaultRate}
	if f.has("encoding") {
		format.Encoding = f.text("encoding", 0, math.MaxInt)
	}
	if f.err == nil && !slices.Contains(encodings, format.Encoding) {
		f.fail(bad("%q must be %s.", f.at+"encoding", quoted(encodings)))
	}
	if f.has("rate") {
		format.Rate = int(f.number("rate", MinRate, MaxRate))
	}
	if f.err != nil {
		parent.fail(f.err)
	}
	return &format
}

func readText(f *fields) Text {
	text := f.text("text", 0, MaxText)
	if f.err == nil && !f.has("text") {
		f.fail(bad("%q is missing.", "text"))
	}
	if f.err == nil && strings.TrimSpace(text) == "" {
		f.fail(&DecodeError{Code: ErrTextEmpty, Message: "The text is empty."})
	}
	return Text{Text: text}
}

func readCancel(f *fields) Cancel {
	if !f.has("turn") {
		return Cancel{}
	}
	return Cancel{Turn: int(f.number("turn", 0, math.MaxInt32))}
}

// isLanguage says whether s looks like a BCP 47 tag: letters, then subtags of
// 1 to 8 letters and digits.
func isLanguage(s string) bool {
	for i, part := range strings.Split(s, "-") {
		if part == "" || len(part) > 8 || i == 0 && len(part) < 2 {
			return false
		}
		for _, c := range []byte(part) {
			letter := 'a' <= c|0x20 && c|0x20 <= 'z'
			if !letter && (i == 0 || c < '0' || c > '9') {
				return false
			}
		}
	}
	return true
}

// quoted lists words for a message: "a" or "b".
func quoted(words []string) string {
	return `"` + strings.Join(words, `" or "`) + `"`
}
