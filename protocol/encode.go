package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"sori/stage"
)

// AppendEvent appends the text frame of an event to dst: one JSON object with
// "type", "seq", "turn", "ms" and then the event's own fields. It fails for an
// event that is none of the package's own, or that holds what JSON can't say,
// such as NaN; dst is then as it was.
func AppendEvent(dst []byte, h Head, e Event) ([]byte, error) {
	if !known(e) {
		return dst, fmt.Errorf("protocol: %T is no event of the protocol", e)
	}
	if r, ok := e.(Ready); ok && r.Tools == nil {
		r.Tools = []Tool{} // a list is a list, also without anything in it
		e = r
	}
	body, err := object(e)
	if err != nil {
		return dst, fmt.Errorf("protocol: write %s: %w", e.Type(), err)
	}
	dst = slices.Grow(dst, len(body)+96)
	dst = append(dst, `{"type":"`...)
	dst = append(dst, e.Type()...)
	dst = append(dst, `","seq":`...)
	dst = strconv.AppendUint(dst, h.Seq, 10)
	dst = append(dst, `,"turn":`...)
	dst = strconv.AppendInt(dst, int64(h.Turn), 10)
	dst = append(dst, `,"ms":`...)
	dst = strconv.AppendInt(dst, h.MS, 10)
	return appendRest(dst, body), nil
}

// EncodeClient gives the text frame of a client message. It does not check the
// values: [DecodeClient] does.
func EncodeClient(m ClientMessage) ([]byte, error) {
	name := typeOf(m)
	if name == "" {
		return nil, fmt.Errorf("protocol: %T is no message of a client", m)
	}
	body, err := object(m)
	if err != nil {
		return nil, fmt.Errorf("protocol: write %s: %w", name, err)
	}
	return appendRest([]byte(`{"type":"`+name+`"`), body), nil
}

// known says whether e is one of the package's events, by value, and names a
// stage where it needs one.
func known(e Event) bool {
	switch e := e.(type) {
	case StageStarted:
		return knownStage(e.Stage)
	case StagePartial:
		return knownStage(e.Stage)
	case StageDone:
		return knownStage(e.Stage)
	case StageFailed:
		return knownStage(e.Stage)
	case Ready, TurnStarted, AudioBegin, AudioEnd, TurnDone, TurnCancelled, TurnFailed,
		SpeechStarted, SpeechPartial, SpeechStopped, ReplyPaused, ReplyResumed, ReplyCorrected, ToolCall,
		Cleared, Warning, Problem, Apology, QuotaUpdated, Pong, Resumed, Ack, GoingAway:
		return true
	}
	return false
}

func knownStage(name stage.Name) bool {
	return name == stage.ATOT || name == stage.TTOT || name == stage.TTS
}

// object gives v as a JSON object. Unlike json.Marshal it leaves <, > and & in
// texts as they are.
func object(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// appendRest ends an object that was begun in dst with the fields of body.
func appendRest(dst, body []byte) []byte {
	if len(body) > len("{}") {
		dst = append(dst, ',')
	}
	return append(dst, body[1:]...)
}
