package protocol

import (
	"encoding/json"
	"strings"

	"sori/stage"
)

// DecodeEvent reads one text frame of a server. The error is a [*DecodeError];
// with the code [ErrUnknownType] it is an event of a newer server, which a
// client skips after it took its number from head. data is not kept.
func DecodeEvent(data []byte) (head Head, e Event, err error) {
	if wrong := checkFrame(data); wrong != nil {
		return Head{}, nil, wrong
	}
	var envelope struct {
		Type string `json:"type"`
		Head
	}
	if err := json.Unmarshal(data, &envelope); err != nil {
		return Head{}, nil, bad("The head of the event can't be read: %v.", err)
	}
	e, err = decodeBody(envelope.Type, data)
	return envelope.Head, e, err
}

func decodeBody(name string, data []byte) (Event, error) {
	switch before, after, _ := strings.Cut(name, "."); {
	case knownStage(stage.Name(before)):
		return decodeStage(stage.Name(before), after, data)
	case name == Ready{}.Type():
		return decodeInto(data, Ready{})
	case name == TurnStarted{}.Type():
		return decodeInto(data, TurnStarted{})
	case name == AudioBegin{}.Type():
		return decodeInto(data, AudioBegin{})
	case name == AudioEnd{}.Type():
		return decodeInto(data, AudioEnd{})
	case name == TurnDone{}.Type():
		return decodeInto(data, TurnDone{})
	case name == TurnCancelled{}.Type():
		return decodeInto(data, TurnCancelled{})
	case name == TurnFailed{}.Type():
		return decodeInto(data, TurnFailed{})
	case name == Cleared{}.Type():
		return decodeInto(data, Cleared{})
	case name == Warning{}.Type():
		return decodeInto(data, Warning{})
	case name == Problem{}.Type():
		return decodeInto(data, Problem{})
	case name == Apology{}.Type():
		return decodeInto(data, Apology{})
	case name == QuotaUpdated{}.Type():
		return decodeInto(data, QuotaUpdated{})
	case name == SpeechStarted{}.Type():
		return decodeInto(data, SpeechStarted{})
	case name == SpeechPartial{}.Type():
		return decodeInto(data, SpeechPartial{})
	case name == SpeechStopped{}.Type():
		return decodeInto(data, SpeechStopped{})
	case name == ReplyPaused{}.Type():
		return decodeInto(data, ReplyPaused{})
	case name == ReplyResumed{}.Type():
		return decodeInto(data, ReplyResumed{})
	case name == ReplyCorrected{}.Type():
		return decodeInto(data, ReplyCorrected{})
	case name == ToolCall{}.Type():
		return decodeInto(data, ToolCall{})
	case name == Pong{}.Type():
		return decodeInto(data, Pong{})
	case name == Resumed{}.Type():
		return decodeInto(data, Resumed{})
	case name == Ack{}.Type():
		return decodeInto(data, Ack{})
	case name == GoingAway{}.Type():
		return decodeInto(data, GoingAway{})
	}
	return nil, unknownEvent(name)
}

func decodeStage(s stage.Name, step string, data []byte) (Event, error) {
	switch step {
	case "started":
		return decodeInto(data, StageStarted{Stage: s})
	case "partial":
		return decodeInto(data, StagePartial{Stage: s})
	case "done":
		return decodeInto(data, StageDone{Stage: s})
	case "failed":
		return decodeInto(data, StageFailed{Stage: s})
	}
	return nil, unknownEvent(string(s) + "." + step)
}

// decodeInto fills e with the members of data.
func decodeInto[E Event](data []byte, e E) (Event, error) {
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, bad("The event %s can't be read: %v.", e.Type(), err)
	}
	return e, nil
}

func unknownEvent(name string) *DecodeError {
	return &DecodeError{Code: ErrUnknownType, Message: "There is no event of type \"" + shorten(name) + "\"."}
}
