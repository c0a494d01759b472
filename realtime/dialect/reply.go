package dialect

import (
	"strings"

	"sori/protocol"
	"sori/realtime"
	"sori/session/words"
	"sori/stage"
)

// reply is a response that is being made.
type reply struct {
	response  realtime.Response
	turn      int    // of the session
	note      string // under which the session remembers it
	cancelled bool   // the client wants it stopped
	limited   bool   // it reached its limit
	message   *message
	outputs   []*entry // every item of it
	format    realtime.Format
	out       bool // out of band: nothing of it is in the conversation
	inputText int  // letters that the model was told
	inputMS   int64
	took      *stage.Usage // in the text engine's tokens; nil: it does not say
}

// message is a reply's message.
type message struct {
	*entry
	index int // of the output
	text  strings.Builder
	bytes int64 // of audio, as the session makes it: 16 bits
	open  bool
}

func (r *reply) spoken() bool { return !realtime.Texted(r.response.OutputModalities) }

// openReply begins a response.
func (t *Talk) openReply(id string, o realtime.ResponseOptions, turn int, note string) *reply {
	if id == "" {
		id = t.id("resp_")
	}
	if t.items.id == "" {
		t.items.id = t.id("conv_")
	}
	s := t.config
	r := &reply{turn: turn, note: note, out: o.OutOfBand, format: s.Audio.Output.Format}
	r.response = realtime.Response{
		ID: id, Object: "realtime.response", Status: realtime.InProgress, Output: []realtime.Item{}, ConversationID: &t.items.id,
		OutputModalities: s.OutputModalities, MaxOutputTokens: s.MaxOutputTokens, Metadata: o.Metadata,
	}
	if o.OutOfBand {
		r.response.ConversationID = nil
	}
	if o.OutputModalities != nil {
		r.response.OutputModalities = o.OutputModalities
	}
	if o.MaxOutputTokens != nil {
		r.response.MaxOutputTokens = *o.MaxOutputTokens
	}
	if o.Format != nil {
		r.format = *o.Format
	}
	voice := s.Audio.Output.Voice
	if o.Voice != nil {
		voice = *o.Voice
	}
	r.response.Audio.Output = realtime.ResponseOutput{Format: r.format, Voice: voice}
	instructions := s.Instructions
	if o.Instructions != nil {
		instructions = *o.Instructions
	}
	r.inputText = len([]rune(instructions))
	t.emit(realtime.ResponseCreated{Response: r.response})
	return r
}

// place says where the message is.
func (r *reply) place() realtime.Place {
	return realtime.Place{ResponseID: r.response.ID, ItemID: r.message.item.ID, OutputIndex: r.message.index}
}

// open begins the message, if it has not begun.
func (t *Talk) open(r *reply) {
	if r.message != nil {
		return
	}
	e := &entry{note: r.note, item: realtime.Item{
		ID: t.id("item_"), Type: realtime.ItemMessage, Status: realtime.InProgress, Role: realtime.RoleAssistant,
	}}
	r.message = &message{entry: e, index: len(r.outputs), open: true}
	t.output(r, e)
	t.emit(realtime.PartAdded{Place: r.place(), Part: r.part("")})
}

// output adds an item to a response, and to the conversation.
func (t *Talk) output(r *reply, e *entry) {
	r.outputs = append(r.outputs, e)
	t.emit(realtime.OutputItemAdded{ResponseID: r.response.ID, OutputIndex: len(r.outputs) - 1, Item: e.item})
	if !r.out {
		t.emit(realtime.ItemAdded{PreviousItemID: t.items.add(e), Item: e.item})
	}
}

// outputDone ends an item of a response.
func (t *Talk) outputDone(r *reply, index int, e *entry) {
	if !r.out {
		t.emit(realtime.ItemDone{PreviousItemID: t.items.before(e.item.ID), Item: e.item})
	}
	t.emit(realtime.OutputItemDone{ResponseID: r.response.ID, OutputIndex: index, Item: e.item})
}

func (r *reply) part(text string) realtime.Part {
	if r.spoken() {
		return realtime.Part{Type: "audio", Transcript: &text}
	}
	return realtime.Part{Type: "text", Text: &text}
}

// write adds words to the message.
func (t *Talk) write(r *reply, delta string) {
	t.open(r)
	r.message.text.WriteString(delta)
	if r.spoken() {
		t.emit(realtime.TranscriptDelta{Place: r.place(), Delta: delta})
		return
	}
	t.emit(realtime.TextDelta{Place: r.place(), Delta: delta})
}

// caption notes which clause sounds from here on.
func (t *Talk) caption(r *reply, p protocol.StagePartial) {
	t.open(r)
	r.message.spans = append(r.message.spans, span{p.Text, p.AudioMS})
}

// say adds sound to the message.
func (t *Talk) say(r *reply, pcm []byte) {
	t.open(r)
	r.message.bytes += int64(len(pcm))
	sound := spoken(r.format, pcm)
	if !r.message.cut {
		r.message.sentMS = r.message.bytes * 1000 / int64(2*r.format.Hz())
		if !r.out {
			t.items.keep(r.message.entry, 0, r.format, sound)
		}
	}
	t.emit(realtime.AudioDelta{Place: r.place(), Audio: sound})
}

// call adds a call of a function.
func (t *Talk) call(r *reply, c protocol.ToolCall) {
	e := &entry{note: r.note, item: realtime.Item{
		ID: t.id("item_"), Type: realtime.ItemFunctionCall, Status: realtime.InProgress, CallID: c.ID, Name: c.Name,
	}}
	index := len(r.outputs)
	t.output(r, e)
	e.item.Arguments, e.item.Status = string(c.Arguments), realtime.Completed
	t.emit(realtime.ArgumentsDelta{ResponseID: r.response.ID, ItemID: e.item.ID, OutputIndex: index, CallID: c.ID, Delta: e.item.Arguments})
	t.emit(realtime.ArgumentsDone{
		ResponseID: r.response.ID, ItemID: e.item.ID, OutputIndex: index, CallID: c.ID, Name: c.Name, Arguments: e.item.Arguments,
	})
	t.outputDone(r, index, e)
}

// closeMessage ends the message and its part.
func (t *Talk) closeMessage(r *reply, status string) {
	m := r.message
	if m == nil || !m.open {
		return
	}
	m.open = false
	text := strings.TrimSpace(m.text.String())
	m.item.Status = status
	if r.spoken() {
		if !m.cut { // else the item stays as its listener left it
			m.item.Content = []realtime.Content{{Type: realtime.OutputAudio, Transcript: &text}}
		}
		t.emit(realtime.AudioDone{Place: r.place()})
		t.emit(realtime.TranscriptDone{Place: r.place(), Transcript: text})
	} else {
		m.item.Content = []realtime.Content{{Type: realtime.OutputText, Text: text}}
		t.emit(realtime.TextDone{Place: r.place(), Text: text})
	}
	t.emit(realtime.PartDone{Place: r.place(), Part: r.part(text)})
	t.outputDone(r, m.index, m.entry)
}

// closeReply ends a response, with all that is open in it first.
func (t *Talk) closeReply(r *reply, status string, why *realtime.StatusDetails) {
	if status == realtime.Completed && r.limited {
		status, why = realtime.Incomplete, &realtime.StatusDetails{Type: realtime.Incomplete, Reason: realtime.TokenLimit}
	}
	item := realtime.Incomplete
	if status == realtime.Completed {
		item = realtime.Completed
	}
	t.closeMessage(r, item)
	r.response.Status, r.response.StatusDetails, r.response.Usage = status, why, t.usage(r)
	for _, e := range r.outputs {
		r.response.Output = append(r.response.Output, e.item)
	}
	t.emit(realtime.ResponseDone{Response: r.response})
	t.emit(realtime.RateLimits{RateLimits: t.limits()})
}

// heardOf is the part of a reply that was heard after so many ms of its audio:
// the clauses that were played whole, and of the one that was cut as many words
// as its share of time.
func heardOf(spans []span, heard, made int64) string {
	var parts []string
	for i, s := range spans {
		if s.at >= heard {
			break
		}
		end := made
		if i+1 < len(spans) {
			end = spans[i+1].at
		}
		text := s.text
		if end > heard {
			text = words.First(s.text, int(float64(words.Count(s.text))*float64(heard-s.at)/float64(end-s.at)))
		}
		if text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, " ")
}
