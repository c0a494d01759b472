package protocol

import "sori/stage"

// ClientTypes gives every type of client message, as it stands in "type".
func ClientTypes() []string {
	return []string{
		TypeConfigure, TypeCommit, TypeClear, TypeText, TypeCancel, TypePlayback, TypePing, TypeTool, TypeResume, TypeAck,
	}
}

// events gives an empty event of every kind, by its type on the wire.
func events() []Event {
	all := []Event{Ready{}, TurnStarted{}}
	for _, name := range []stage.Name{stage.ATOT, stage.TTOT, stage.TTS} {
		all = append(all,
			StageStarted{Stage: name}, StagePartial{Stage: name}, StageDone{Stage: name}, StageFailed{Stage: name})
	}
	return append(all,
		AudioBegin{}, AudioEnd{}, TurnDone{}, TurnCancelled{}, TurnFailed{},
		SpeechStarted{}, SpeechPartial{}, SpeechStopped{}, ReplyPaused{}, ReplyResumed{}, ReplyCorrected{}, ToolCall{},
		Cleared{}, Warning{}, Problem{}, Apology{}, QuotaUpdated{}, Pong{}, Resumed{}, Ack{}, GoingAway{})
}

// EventTypes gives every type of server event, as it stands in "type".
func EventTypes() []string {
	var types []string
	for _, e := range events() {
		types = append(types, e.Type())
	}
	return types
}

// typeOf gives a client message's type, or "" for one that is none of the
// package's own.
func typeOf(m ClientMessage) string {
	switch m.(type) {
	case Configure:
		return TypeConfigure
	case Commit:
		return TypeCommit
	case Clear:
		return TypeClear
	case Text:
		return TypeText
	case Cancel:
		return TypeCancel
	case Playback:
		return TypePlayback
	case Ping:
		return TypePing
	case ToolResult:
		return TypeTool
	case Resume:
		return TypeResume
	case Seen:
		return TypeAck
	}
	return ""
}
