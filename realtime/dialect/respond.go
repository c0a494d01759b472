package dialect

import (
	"context"
	"maps"

	"sori/realtime"
	"sori/session"
	"sori/stage"
)

// maxAside is how many responses out of band are made at a time.
const maxAside = 4

func (t *Talk) responseCreate(ctx context.Context, e realtime.ResponseCreate, eventID string) *realtime.Error {
	if t.opts.Kind == realtime.Transcription {
		return realtime.Wrong(realtime.CodeInvalidValue, "type", "A transcription session makes no responses.")
	}
	a := &asking{id: t.id("resp_"), eventID: eventID, options: e.Response}
	switch {
	case e.Response.OutOfBand && len(t.apart)+len(t.aside) >= maxAside:
		return realtime.Wrong(realtime.CodeTooManyResponses, "response.conversation",
			"%d out of band responses are being made: wait until one of them is done.", maxAside)
	case e.Response.OutOfBand:
	case t.asking != nil:
		return activeResponse(t.asking.id)
	case t.reply != nil && !t.reply.cancelled:
		return activeResponse(t.reply.response.ID)
	}
	clips, err := t.readInput(a)
	if err != nil {
		return err
	}
	if a.options.OutOfBand {
		t.aside[a.id] = a
	} else {
		t.asking = a
	}
	t.transcribe(ctx, clips, nil, eventID)
	if len(t.hearing) > 0 {
		a.waits = make(map[string]bool)
		for id := range maps.Keys(t.hearing) {
			a.waits[id] = true
		}
		t.held = append(t.held, a)
		return nil
	}
	t.respond(ctx, a)
	return nil
}

func activeResponse(id string) *realtime.Error {
	return realtime.Wrong(realtime.CodeActiveResponse, "",
		"Conversation already has an active response in progress: %s. Wait until the response is finished before creating a new one.", id)
}

// readInput takes the input of a response's own, and gives what of it has to be
// transcribed.
func (t *Talk) readInput(a *asking) ([]unheard, *realtime.Error) {
	if a.options.Input == nil {
		return nil, nil
	}
	a.input = []*realtime.Item{}
	var clips []unheard
	for i, in := range *a.options.Input {
		item := in.Item
		a.input = append(a.input, &item)
		if in.Reference != "" {
			found := t.items.get(in.Reference)
			if found == nil {
				release(clips)
				return nil, realtime.Wrong(realtime.CodeRetrieveItem, "response.input", "The item with id '%.64s' does not exist.", in.Reference)
			}
			a.input[i] = &found.item // its words may not be known yet
			continue
		}
		some, err := t.unheard(&item)
		clips = append(clips, some...)
		if err != nil {
			release(clips)
			return nil, err
		}
	}
	if _, unknown := instead(a.input); unknown != "" {
		release(clips)
		return nil, realtime.Wrong(realtime.CodeToolCall, "response.input", "Tool call ID '%.64s' not found in the input.", unknown)
	}
	return clips, nil
}

// respond asks the session for a response.
func (t *Talk) respond(ctx context.Context, a *asking) {
	var own *[]stage.Exchange
	if a.input != nil {
		xs, _ := instead(a.input)
		own = &xs
		for _, item := range a.input {
			a.letters += letters(*item)
		}
	}
	var order session.Order = session.Respond{ID: a.id, Manner: t.manner(a.options), Instead: own}
	if a.options.OutOfBand {
		order = session.Apart{ID: a.id, Manner: t.manner(a.options), Told: own}
		if own == nil {
			for _, e := range t.items.items {
				a.letters += letters(e.item)
			}
		}
	}
	t.ask(ctx, session.Input{Order: order}, &asked{eventID: a.eventID, respond: a})
}

// instead is what the model is told for a response with an input of its own.
// unknown is the id of a call that is not there.
func instead(input []*realtime.Item) (xs []stage.Exchange, unknown string) {
	xs = []stage.Exchange{}
	for _, item := range input {
		if item.Type != realtime.ItemOutput {
			xs = append(xs, told(*item))
		} else if !answer(xs, *item) {
			return nil, item.CallID
		}
	}
	return xs, ""
}

// answer puts the output of a call where the call is.
func answer(xs []stage.Exchange, output realtime.Item) bool {
	for i := range xs {
		for j := range xs[i].Calls {
			if c := &xs[i].Calls[j]; c.ID == output.CallID {
				c.Output, c.Answered = output.Output, true
				return true
			}
		}
	}
	return false
}

// withdraw forgets a response that the session did not take.
func (t *Talk) withdraw(a *asking) {
	delete(t.aside, a.id)
	if t.asking == a {
		t.asking = nil
	}
}
