package dialect

import (
	"context"
	"strings"

	"sori/audio"
	"sori/protocol"
	"sori/realtime"
	"sori/session"
	"sori/stage"
)

// speech is what the user says, from when it is heard until it is committed.
type speech struct {
	item     string
	withheld *int64 // where it starts; the client is not told before it is known to take the floor
	shown    string // of its transcript
	startMS  int64
}

// take tells the client what the session says.
func (t *Talk) take(ctx context.Context, o session.Output) {
	n := o.Head.Turn
	if o.Apart != "" {
		t.takeApart(ctx, o)
		return
	}
	if o.Audio != nil {
		if r := t.replyOf(n); r != nil {
			t.say(r, o.Audio.Data)
		}
		return
	}
	switch e := o.Event.(type) {
	case protocol.Ready:
		t.ready(o.Ref)
	case protocol.Problem:
		t.refused(ctx, o.Ref, e)
	case protocol.Cleared:
		t.speech = nil
		t.emit(realtime.Cleared{})
	case protocol.SpeechStarted:
		t.speechStarted(e)
	case protocol.SpeechPartial:
		t.speechPartial(e)
	case protocol.SpeechStopped:
		t.speechStopped(e)
	case session.Accepted:
		t.accepted(e)
	case protocol.TurnStarted:
		t.turns[n] = &turn{id: e.ID, item: t.heard[e.ID], inputMS: e.InputMS}
		delete(t.heard, e.ID)
	case session.Answering:
		t.answering(ctx, n, e)
	case protocol.AudioEnd:
		t.announce()
	case protocol.TurnDone:
		t.over(n, realtime.Completed, nil)
	case protocol.TurnCancelled:
		t.over(n, realtime.Cancelled, &realtime.StatusDetails{Type: realtime.Cancelled, Reason: reason(e.Reason)})
	case protocol.TurnFailed:
		t.over(n, realtime.Failed, failure(e))
	default:
		t.stage(n, o.Event)
	}
}

// stage tells of what a turn's stages make.
func (t *Talk) stage(n int, e protocol.Event) {
	switch e := e.(type) {
	case protocol.StagePartial:
		if e.Stage == stage.ATOT {
			t.heardSoFar(n, e.Text)
		}
	case protocol.StageDone:
		if e.Stage == stage.ATOT {
			t.transcribed(n, e.Text)
		}
	case protocol.StageFailed:
		if e.Stage == stage.ATOT {
			t.untranscribed(n, e)
		}
	}
	if r := t.replyOf(n); r != nil {
		t.make(r, e)
	}
}

// make adds to a response what its stages made.
func (t *Talk) make(r *reply, e protocol.Event) {
	switch e := e.(type) {
	case protocol.StagePartial:
		switch e.Stage {
		case stage.TTOT:
			t.write(r, e.Text)
		case stage.TTS:
			t.caption(r, e)
		case stage.ATOT:
		}
	case protocol.Apology:
		if e.Spoken || !r.spoken() {
			t.write(r, e.Text)
		}
	case session.Counted:
		r.took = &e.Usage
	case protocol.ToolCall:
		t.call(r, e)
	case protocol.Warning:
		if e.Code == protocol.WarnReplyLimit {
			r.limited = true
		}
	}
}

// replyOf gives the response that a turn makes, nil for none.
func (t *Talk) replyOf(n int) *reply {
	if r := t.reply; r != nil && r.turn == n {
		return r
	}
	return nil
}

// ready is a configuration that is in force.
func (t *Talk) ready(ref string) {
	if a := t.refs[ref]; a != nil && a.update != nil {
		t.config = *a.update
	}
	delete(t.refs, ref)
	if !t.created {
		t.created = true
		t.emit(realtime.SessionCreated{Session: t.config})
		return
	}
	t.emit(realtime.SessionUpdated{Session: t.config})
}

// refused is something that the session does not take.
func (t *Talk) refused(ctx context.Context, ref string, p protocol.Problem) {
	a := t.refs[ref]
	if a == nil {
		a = &asked{}
	}
	delete(t.refs, ref)
	switch {
	case a.update != nil:
		t.wanted = t.config
		t.sound.tune(t.config.Audio)
		t.push(ctx, session.Input{Order: t.conduct(t.config)})
		if !t.created { // the client may still ask for something that works
			manual := t.config
			manual.Audio.Input.TurnDetection = nil
			t.update(ctx, manual, "")
			return
		}
	case a.respond != nil:
		t.withdraw(a.respond)
	case a.hear != "":
		if h := t.hearing[a.hear]; h != nil {
			t.heardNothing(ctx, a.hear, h, &stage.Error{Code: p.Code, Message: p.Message})
		}
	}
	t.fail(a.eventID, problem(p))
}

// problem is what the session refused, in the dialect's terms.
func problem(p protocol.Problem) *realtime.Error {
	switch p.Code {
	case protocol.ErrNothingSaid:
		return realtime.Wrong(realtime.CodeCommitEmpty, "", "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio.")
	case protocol.ErrTooManyTurns:
		return realtime.Wrong(realtime.CodeTooManyResponses, "", "Too many turns wait to be answered: try again when a response is done. Audio is still in the buffer.")
	case protocol.ErrTurnQuota, protocol.ErrAudioQuota:
		return &realtime.Error{Type: realtime.RateLimited, Code: realtime.CodeRateLimit, Message: p.Message}
	case protocol.ErrNoDetector:
		return realtime.Wrong(realtime.CodeNoTurnDetection, "session.audio.input.turn_detection", "This server can't detect turns: set turn_detection to null and commit the audio yourself.")
	case protocol.ErrLanguage:
		return realtime.Wrong(realtime.CodeInvalidValue, "session.audio.input.transcription.language", "%s", p.Message)
	case protocol.ErrBadOpus, protocol.ErrOddFrame, protocol.ErrBadMessage:
		return realtime.Wrong(realtime.CodeInvalidAudio, "audio", "%s", p.Message)
	}
	return realtime.Wrong(realtime.CodeInvalidValue, "", "%s", p.Message)
}

func (t *Talk) speechStarted(e protocol.SpeechStarted) {
	t.speech = &speech{item: t.id("item_"), startMS: e.AudioMS}
	if e.Over { // over a reply: a nod or a cough is no speech to a client, which would drop the reply's sound
		t.speech.withheld = &e.AudioMS
		return
	}
	t.emit(realtime.SpeechStarted{AudioStartMS: e.AudioMS, ItemID: t.speech.item})
}

// announce tells of speech that has taken the floor.
func (t *Talk) announce() {
	if s := t.speech; s != nil && s.withheld != nil {
		t.emit(realtime.SpeechStarted{AudioStartMS: *s.withheld, ItemID: s.item})
		s.withheld = nil
	}
}

func (t *Talk) speechPartial(e protocol.SpeechPartial) {
	if s := t.speech; s != nil && s.withheld == nil && t.config.Audio.Input.Transcription != nil {
		s.shown = t.transcript(s.item, 0, s.shown, e.Text)
	}
}

// transcript tells what is new in a transcript. It gives what the client knows
// then.
func (t *Talk) transcript(item string, part int, shown, text string) string {
	more, ok := strings.CutPrefix(text, shown)
	if !ok || more == "" {
		return shown
	}
	t.emit(realtime.TranscriptionDelta{ItemID: item, ContentIndex: part, Delta: more})
	return text
}

func (t *Talk) speechStopped(e protocol.SpeechStopped) {
	s := t.speech
	if s == nil {
		return
	}
	if e.Discarded != "" {
		t.speech = nil
		if s.withheld == nil {
			t.emit(realtime.SpeechStopped{AudioEndMS: e.AudioMS, ItemID: s.item})
			t.emit(realtime.Cleared{})
		}
		return
	}
	t.announce()
	t.emit(realtime.SpeechStopped{AudioEndMS: e.AudioMS, ItemID: s.item})
}

// accepted makes an item of what was committed.
func (t *Talk) accepted(a session.Accepted) {
	t.announce()
	item := realtime.Item{
		ID: t.id("item_"), Type: realtime.ItemMessage, Status: realtime.Completed, Role: realtime.RoleUser,
		Content: []realtime.Content{{Type: realtime.InputAudio}},
	}
	if t.speech != nil {
		item.ID = t.speech.item
		t.speech = nil
	}
	if a.Idle {
		none := ""
		item.Content[0].Transcript = &none
		t.emit(realtime.TimeoutTriggered{AudioStartMS: a.FromMS, AudioEndMS: a.ToMS, ItemID: item.ID})
	}
	t.heard[a.ID] = item.ID
	made := &entry{item: item, note: a.ID}
	previous := t.items.add(made)
	t.items.keep(made, 0, realtime.Format{Type: realtime.PCM, Rate: audio.Rate}, samplesOf(a.Heard))
	t.emit(realtime.Committed{PreviousItemID: previous, ItemID: item.ID})
	t.emit(realtime.ItemAdded{PreviousItemID: previous, Item: item})
	t.emit(realtime.ItemDone{PreviousItemID: previous, Item: item})
}

// answering opens the response of a turn.
func (t *Talk) answering(ctx context.Context, n int, a session.Answering) {
	u := t.turns[n]
	if u == nil {
		return
	}
	var o realtime.ResponseOptions
	cancelled := false
	if asked := t.asking; asked != nil && asked.id == a.ID {
		o, cancelled, t.asking = asked.options, asked.cancelled, nil
	}
	t.reply = t.openReply(a.ID, o, n, u.id)
	t.reply.inputMS = u.inputMS
	if cancelled {
		t.cancel(ctx, t.reply)
	}
}

// heardSoFar is a transcript that grows.
func (t *Talk) heardSoFar(n int, text string) {
	if u := t.turns[n]; u != nil && u.item != "" && t.config.Audio.Input.Transcription != nil {
		u.shown = t.transcript(u.item, 0, u.shown, text)
	}
}

func (t *Talk) transcribed(n int, text string) {
	u := t.turns[n]
	if u == nil || u.item == "" {
		return
	}
	if e := t.items.get(u.item); e != nil {
		e.item.Content = []realtime.Content{{Type: realtime.InputAudio, Transcript: &text}}
	}
	if t.config.Audio.Input.Transcription != nil {
		t.emit(realtime.TranscriptionCompleted{
			ItemID: u.item, Transcript: text, Usage: realtime.DurationUsage{Type: "duration", Seconds: float64(u.inputMS) / 1000},
		})
	}
}

func (t *Talk) untranscribed(n int, f protocol.StageFailed) {
	if u := t.turns[n]; u != nil && u.item != "" && t.config.Audio.Input.Transcription != nil {
		t.emit(realtime.TranscriptionFailed{
			ItemID: u.item, Error: realtime.ResponseError{Type: "transcription_error", Code: f.Code, Message: f.Message},
		})
	}
}

// over ends a turn, and the response that it made.
func (t *Talk) over(n int, status string, why *realtime.StatusDetails) {
	delete(t.turns, n)
	t.announce()
	if r := t.replyOf(n); r != nil {
		t.reply = nil
		t.closeReply(r, status, why)
	}
}

func reason(r protocol.CancelReason) string {
	if r == protocol.CancelledByNewTurn || r == protocol.CancelledByBargeIn {
		return realtime.TurnDetected
	}
	return realtime.ClientCancelled
}

func failure(e protocol.TurnFailed) *realtime.StatusDetails {
	return &realtime.StatusDetails{Type: realtime.Failed, Error: &realtime.ResponseError{Type: realtime.ServerError, Code: e.Code, Message: e.Message}}
}
