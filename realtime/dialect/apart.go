package dialect

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"sori/audio"
	"sori/protocol"
	"sori/realtime"
	"sori/session"
	"sori/stage"
)

// maxHearing is how many pieces of audio in items are transcribed, or wait for
// it, at a time.
const maxHearing = 8

// defaultLongest is what the session takes for an utterance where nothing else
// is configured.
const defaultLongest = time.Minute

// unheard is audio in an item whose words nobody knows.
type unheard struct {
	item *realtime.Item
	part int // of the item's content
	clip *audio.Clip
}

// hearing is such audio while it is transcribed.
type hearing struct {
	item  *realtime.Item
	part  int
	entry *entry // nil: the item is no part of the conversation
	ms    int64
	shown string // what the client was told
	ended bool   // the client knows what came of it
}

func release(clips []unheard) {
	for _, c := range clips {
		c.clip.Release()
	}
}

// unheard takes out of an item what has to be transcribed.
func (t *Talk) unheard(item *realtime.Item) ([]unheard, *realtime.Error) {
	item.Content = slices.Clone(item.Content)
	var all []unheard
	for i := range item.Content {
		c := &item.Content[i]
		if len(c.Audio) == 0 || c.Transcript != nil {
			c.Audio = nil
			continue
		}
		clip, err := t.clip(item.Role, c.Audio)
		if err == nil && len(t.hearing)+len(all) >= maxHearing {
			clip.Release()
			err = realtime.Wrong(realtime.CodeTooManyResponses, "item.content",
				"%d pieces of audio are being transcribed: wait until one of them is done.", maxHearing)
		}
		if err != nil {
			release(all)
			return nil, err
		}
		c.Audio = nil
		all = append(all, unheard{item, i, clip})
	}
	return all, nil
}

// clip brings audio of the input's format to the form that is transcribed.
func (t *Talk) clip(role string, data []byte) (*audio.Clip, *realtime.Error) {
	f := t.wanted.Audio.Input.Format
	if role != realtime.RoleUser || f.Type == realtime.Opus {
		return nil, realtime.Wrong(realtime.CodeUnsupported, "item.content",
			"Audio in an item is transcribed where it is the user's, and no Opus. Give its transcript.")
	}
	longest := t.opts.Defaults.MaxUtterance
	if longest == 0 {
		longest = defaultLongest
	}
	pcm := data[:len(data)&^1]
	if f.Type != realtime.PCM {
		pcm = expanded(f, data)
	}
	if audio.Duration(len(pcm), f.Hz()) > longest {
		return nil, realtime.Wrong(realtime.CodeInvalidAudio, "item.content", "Audio in an item is at most %d seconds long.", int(longest.Seconds()))
	}
	shape, err := audio.NewResampler(f.Hz(), audio.Rate)
	if err != nil {
		return nil, realtime.Wrong(realtime.CodeInvalidAudio, "item.content", "The audio can't be used: %s.", err)
	}
	return audio.ClipOf(shape.Flush(shape.Append(nil, pcm))), nil
}

// expanded gives G.711 as 16-bit samples.
func expanded(f realtime.Format, data []byte) []byte {
	expand := audio.MuLaw
	if f.Type == realtime.PCMA {
		expand = audio.ALaw
	}
	pcm := make([]byte, 0, 2*len(data))
	for _, b := range data {
		pcm = binary.LittleEndian.AppendUint16(pcm, uint16(expand(b)))
	}
	return pcm
}

// transcribe has the words of an item found out.
func (t *Talk) transcribe(ctx context.Context, clips []unheard, e *entry, eventID string) {
	for _, c := range clips {
		id := t.id("hear_")
		t.hearing[id] = &hearing{item: c.item, part: c.part, entry: e, ms: c.clip.Duration().Milliseconds()}
		t.ask(ctx, session.Input{Order: session.Apart{ID: id, Clip: c.clip}}, &asked{eventID: eventID, hear: id})
	}
}

// takeApart tells of what the session makes beside its turns.
func (t *Talk) takeApart(ctx context.Context, o session.Output) {
	if h := t.hearing[o.Apart]; h != nil {
		t.hearApart(ctx, o.Apart, h, o.Event)
		return
	}
	if a := t.aside[o.Apart]; a != nil {
		delete(t.aside, a.id)
		delete(t.refs, o.Ref)
		if _, ended := o.Event.(session.ApartDone); !ended {
			r := t.openReply(a.id, a.options, 0, a.id)
			r.inputText += a.letters
			t.apart[a.id] = r
		}
		return
	}
	r := t.apart[o.Apart]
	if r == nil {
		return
	}
	if o.Audio != nil {
		t.say(r, o.Audio.Data)
		return
	}
	switch e := o.Event.(type) {
	case session.ApartDone:
		delete(t.apart, o.Apart)
		switch {
		case e.Stopped || r.cancelled:
			t.closeReply(r, realtime.Cancelled, &realtime.StatusDetails{Type: realtime.Cancelled, Reason: realtime.ClientCancelled})
		case e.Failure != nil:
			t.closeReply(r, realtime.Failed, failure(protocol.TurnFailed{Code: e.Failure.Code, Message: e.Failure.Message}))
		default:
			t.closeReply(r, realtime.Completed, nil)
		}
	default:
		t.make(r, o.Event)
	}
}

// hearApart tells of the words of an item.
func (t *Talk) hearApart(ctx context.Context, id string, h *hearing, e protocol.Event) {
	told := h.entry != nil && t.config.Audio.Input.Transcription != nil
	switch e := e.(type) {
	case protocol.StagePartial:
		if told {
			h.shown = t.transcript(h.item.ID, h.part, h.shown, e.Text)
		}
	case protocol.StageDone:
		h.item.Content[h.part].Transcript = &e.Text
		if h.entry != nil && t.items.get(h.item.ID) == h.entry { // it was not deleted meanwhile
			words := h.item.Words()
			t.push(ctx, session.Input{Order: session.Amend{ID: h.entry.note, User: &words}})
		}
		if h.ended = true; told {
			t.emit(realtime.TranscriptionCompleted{
				ItemID: h.item.ID, ContentIndex: h.part, Transcript: e.Text,
				Usage: realtime.DurationUsage{Type: "duration", Seconds: float64(h.ms) / 1000},
			})
		}
	case session.ApartDone:
		why := &stage.Error{Code: stage.CodeInternal, Message: "The transcription was stopped."}
		if e.Failure != nil {
			why = e.Failure
		}
		t.heardNothing(ctx, id, h, why)
	}
}

// heardNothing ends a transcription, and says why it failed, unless it went well.
func (t *Talk) heardNothing(ctx context.Context, id string, h *hearing, why *stage.Error) {
	delete(t.hearing, id)
	if !h.ended && h.entry != nil && t.config.Audio.Input.Transcription != nil {
		t.emit(realtime.TranscriptionFailed{
			ItemID: h.item.ID, ContentIndex: h.part,
			Error: realtime.ResponseError{Type: "transcription_error", Code: why.Code, Message: why.Message},
		})
	}
	ready := func(a *asking) bool { return len(a.waits) == 0 }
	for _, a := range t.held {
		if delete(a.waits, id); ready(a) {
			t.respond(ctx, a)
		}
	}
	t.held = slices.DeleteFunc(t.held, ready)
}
