package dialect

import (
	"context"

	"sori/protocol"
	"sori/realtime"
	"sori/session"
	"sori/stage"
)

// hear does what a client's frame asks for. It says whether it gave the frame's
// memory away.
func (t *Talk) hear(ctx context.Context, in Incoming) (gave bool) {
	if in.Err != nil {
		t.fail(in.EventID, in.Err)
		return false
	}
	if in.Event == nil {
		return t.listen(ctx, in.Sound, in.Frame)
	}
	if err := t.obey(ctx, in.Event, in.EventID); err != nil {
		t.fail(in.EventID, err)
	}
	return false
}

func (t *Talk) obey(ctx context.Context, e realtime.ClientEvent, eventID string) *realtime.Error {
	switch e := e.(type) {
	case realtime.SessionUpdate:
		return t.sessionUpdate(ctx, e, eventID)
	case realtime.Append:
		t.listen(ctx, e.Audio, nil)
	case realtime.Commit:
		t.sound.half = nil
		t.ask(ctx, session.Input{Order: session.Listen{}}, &asked{eventID: eventID})
	case realtime.Clear:
		t.sound.half = nil
		t.ask(ctx, session.Input{Message: protocol.Clear{}}, &asked{eventID: eventID})
	case realtime.ItemCreate:
		return t.itemCreate(ctx, e, eventID)
	case realtime.ItemRetrieve:
		found := t.items.get(e.ItemID)
		if found == nil {
			return noItem(realtime.CodeRetrieveItem, "retrieving", e.ItemID)
		}
		t.emit(realtime.ItemRetrieved{Item: t.whole(found)})
	case realtime.ItemDelete:
		return t.itemDelete(ctx, e)
	case realtime.ItemTruncate:
		return t.itemTruncate(ctx, e)
	case realtime.ResponseCreate:
		return t.responseCreate(ctx, e, eventID)
	case realtime.ResponseCancel:
		return t.responseCancel(ctx, e)
	case realtime.OutputAudioClear:
		id := ""
		if r := t.reply; r != nil {
			id = r.response.ID
			t.cancel(ctx, r)
		}
		t.emit(realtime.OutputAudioCleared{ResponseID: id})
	}
	return nil
}

func (t *Talk) sessionUpdate(ctx context.Context, e realtime.SessionUpdate, eventID string) *realtime.Error {
	if !t.beta && realtime.SpeaksBeta(e.Session) {
		t.beta = true
	}
	s, err := t.wanted.Apply(e.Session)
	if err != nil {
		return err
	}
	t.update(ctx, s, eventID)
	return nil
}

func noItem(code, doing, id string) *realtime.Error {
	return realtime.Wrong(code, "item_id", "Error %s item: the item with id '%.64s' does not exist.", doing, id)
}

func (t *Talk) itemCreate(ctx context.Context, e realtime.ItemCreate, eventID string) *realtime.Error {
	item := e.Item
	if item.ID == "" {
		item.ID = t.id("item_")
	}
	if t.items.find(item.ID) >= 0 {
		return realtime.Wrong(realtime.CodeDuplicateItem, "item.id", "An item with the id '%s' is in the conversation already.", item.ID)
	}
	at, after, first := len(t.items.items), "", false
	switch {
	case e.Previous == nil:
	case *e.Previous == "root":
		at, first = 0, true
	default:
		i := t.items.find(*e.Previous)
		if i < 0 {
			return realtime.Wrong(realtime.CodePreviousItem, "previous_item_id", "The item with id '%.64s' does not exist.", *e.Previous)
		}
		at, after = i+1, t.items.items[i].note
	}
	made := &entry{item: item, note: item.ID}
	given := item.Content
	clips, err := t.unheard(&made.item)
	if err != nil {
		return err
	}
	x := told(made.item)
	switch item.Type {
	case realtime.ItemOutput:
		called := t.items.call(item.CallID)
		if called == nil { // nothing was to be transcribed
			return realtime.Wrong(realtime.CodeToolCall, "item.call_id", "Tool call ID '%.64s' not found in conversation.", item.CallID)
		}
		made.note = called.note
		t.push(ctx, session.Input{Order: session.Answer{CallID: item.CallID, Output: item.Output}})
	case realtime.ItemFunctionCall:
		if made.item.CallID == "" {
			made.item.CallID = t.id("call_")
			x.Calls[0].ID = made.item.CallID
		}
		t.push(ctx, session.Input{Order: session.Remember{ID: item.ID, After: after, First: first, Exchange: x}})
	default:
		t.push(ctx, session.Input{Order: session.Remember{ID: item.ID, After: after, First: first, Exchange: x}})
	}
	t.items.insert(at, made)
	t.keepGiven(made, given)
	previous := t.items.before(item.ID)
	t.emit(realtime.ItemAdded{PreviousItemID: previous, Item: made.item})
	t.emit(realtime.ItemDone{PreviousItemID: previous, Item: made.item})
	t.transcribe(ctx, clips, made, eventID)
	return nil
}

// told is what the model is told of an item.
func told(item realtime.Item) stage.Exchange {
	switch {
	case item.Type == realtime.ItemFunctionCall:
		return stage.Exchange{Calls: []stage.Call{{ID: item.CallID, Name: item.Name, Arguments: item.Arguments}}}
	case item.Role == realtime.RoleSystem:
		return stage.Exchange{Note: item.Words()}
	case item.Role == realtime.RoleUser:
		return stage.Exchange{User: item.Words()}
	case item.Role == realtime.RoleAssistant:
		return stage.Exchange{Reply: item.Words()}
	}
	return stage.Exchange{}
}

func (t *Talk) itemDelete(ctx context.Context, e realtime.ItemDelete) *realtime.Error {
	i := t.items.find(e.ItemID)
	if i < 0 {
		return noItem(realtime.CodeDeleteItem, "deleting", e.ItemID)
	}
	gone := t.items.items[i]
	t.items.remove(i)
	t.forget(ctx, gone)
	t.emit(realtime.ItemDeleted{ItemID: e.ItemID})
	return nil
}

// forget has the session forget an item.
func (t *Talk) forget(ctx context.Context, e *entry) {
	none := ""
	a := session.Amend{ID: e.note}
	switch {
	case e.item.Type == realtime.ItemOutput:
		t.push(ctx, session.Input{Order: session.Answer{CallID: e.item.CallID, Withdrawn: true}})
		return
	case e.item.Type == realtime.ItemFunctionCall:
		a.DropCall = e.item.CallID
	case e.item.Role == realtime.RoleSystem:
		a.Note = &none
	case e.item.Role == realtime.RoleUser:
		a.User = &none
	default:
		a.Reply = &none
	}
	t.push(ctx, session.Input{Order: a})
}

func (t *Talk) itemTruncate(ctx context.Context, e realtime.ItemTruncate) *realtime.Error {
	found := t.items.get(e.ItemID)
	if found == nil {
		return noItem(realtime.CodeTruncateItem, "truncating", e.ItemID)
	}
	r := t.making(e.ItemID)
	sounds := found.item.Role == realtime.RoleAssistant && (r != nil && r.spoken() || len(found.item.Content) > 0 && found.item.Content[0].Type == realtime.OutputAudio)
	if !sounds {
		return realtime.Wrong(realtime.CodeUnsupported, "item_id", "Only model output audio messages can be truncated.")
	}
	if e.ContentIndex != 0 {
		return realtime.Wrong(realtime.CodeInvalidValue, "content_index", "The item has no content at index %d.", e.ContentIndex)
	}
	if e.AudioEndMS > found.sentMS {
		return realtime.Wrong(realtime.CodeInvalidValue, "audio_end_ms", "Audio content of %dms is already shorter than %dms.", found.sentMS, e.AudioEndMS)
	}
	heard := heardOf(found.spans, e.AudioEndMS, found.sentMS)
	found.item.Content = []realtime.Content{{Type: realtime.OutputAudio, Transcript: &heard}}
	found.sentMS, found.cut = e.AudioEndMS, true
	t.items.cutSound(found, e.AudioEndMS)
	t.push(ctx, session.Input{Order: session.Amend{ID: found.note, Reply: &heard}})
	t.emit(realtime.ItemTruncated(e))
	return nil
}

// making gives the reply of which an item is being made; nil for none.
func (t *Talk) making(itemID string) *reply {
	if r := t.reply; r != nil && r.message != nil && r.message.item.ID == itemID {
		return r
	}
	return nil
}

func (t *Talk) responseCancel(ctx context.Context, e realtime.ResponseCancel) *realtime.Error {
	if a := t.asking; a != nil && !a.cancelled && (e.ResponseID == "" || e.ResponseID == a.id) {
		a.cancelled = true // as soon as it begins
		return nil
	}
	r := t.reply
	if e.ResponseID != "" && (r == nil || r.response.ID != e.ResponseID) {
		r = t.apart[e.ResponseID]
	}
	if r == nil || r.cancelled {
		return realtime.Wrong(realtime.CodeNothingToCancel, "", "Cancellation failed: no active response found.")
	}
	t.cancel(ctx, r)
	return nil
}

// cancel stops a response; its end comes from the session.
func (t *Talk) cancel(ctx context.Context, r *reply) {
	r.cancelled = true
	if r.out {
		t.push(ctx, session.Input{Order: session.Abandon{ID: r.response.ID}})
		return
	}
	t.push(ctx, session.Input{Order: session.Hush{Turn: r.turn}})
}
