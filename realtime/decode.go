package realtime

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// Bounds of a client's JSON. A frame may be large because of its audio; as many
// members would take a hundred times their size to read.
const (
	maxDepth  = 64
	maxCommas = 100_000
)

// DecodeClient reads a client's frame. eventID is the id that the client gave
// the event, "" for none, also when the event is wrong; err then names it too.
// The audio of an [Append] may be in the memory of frame.
func DecodeClient(frame []byte) (e ClientEvent, eventID string, err *Error) {
	if audio, id, ok := ScanAppend(frame); ok {
		return Append{audio}, string(id), nil
	}
	if id, yes := scanTooLarge(frame); yes {
		err := tooLarge("audio")
		err.EventID = string(id)
		return nil, err.EventID, err
	}
	if unwieldy(frame) {
		return nil, "", Wrong(CodeInvalidJSON, "", "The event is nested deeper than %d levels, or has more than %d members.", maxDepth, maxCommas)
	}
	if !json.Valid(frame) {
		return nil, "", Wrong(CodeInvalidJSON, "", "The event is not valid JSON.")
	}
	o := readObject("", frame)
	if o.err != nil || o.raw == nil {
		return nil, "", Wrong(CodeInvalidJSON, "", "The event is not a JSON object.")
	}
	eventID = o.text("event_id", 0, 512)
	e = o.event()
	if o.err != nil {
		o.err.EventID = eventID
		return nil, eventID, o.err
	}
	return e, eventID, nil
}

func (o *object) event() ClientEvent {
	switch kind := o.text("type", 1, 1<<10); kind {
	case TypeSessionUpdate, typeTranscriptionUpdate:
		o.need("session")
		return SessionUpdate{bytes.Clone(o.raw["session"])}
	case TypeAppend:
		o.need("audio")
		return Append{o.audio("audio")}
	case TypeCommit:
		return Commit{}
	case TypeClear:
		return Clear{}
	case TypeItemCreate:
		return o.itemCreate()
	case TypeItemRetrieve:
		return ItemRetrieve{o.text("item_id", 1, 512)}
	case TypeItemDelete:
		return ItemDelete{o.text("item_id", 1, 512)}
	case TypeItemTruncate:
		return o.itemTruncate()
	case TypeResponseCreate:
		r, err := readResponse("response", o.raw["response"])
		if err != nil {
			o.fail(err)
		}
		return ResponseCreate{r}
	case TypeResponseCancel:
		return ResponseCancel{o.text("response_id", 0, 512)}
	case TypeOutputAudioClear:
		return OutputAudioClear{}
	default:
		o.fail(Wrong(CodeUnknownEvent, "type", "Invalid value: '%s'. Supported values are: '%s'.", shorten(kind), strings.Join(ClientTypes(), "', '")))
	}
	return nil
}

func (o *object) itemCreate() ClientEvent {
	o.need("item")
	item, err := readItem("item", o.raw["item"])
	if err != nil {
		o.fail(err)
	}
	e := ItemCreate{Item: item}
	if o.has("previous_item_id") {
		id := o.text("previous_item_id", 0, 512)
		e.Previous = &id
	}
	return e
}

func (o *object) itemTruncate() ClientEvent {
	for _, name := range []string{"item_id", "content_index", "audio_end_ms"} {
		o.need(name)
	}
	if o.err != nil {
		return nil
	}
	return ItemTruncate{
		ItemID: o.text("item_id", 1, 512), ContentIndex: int(o.whole("content_index", 0, 1<<20)), AudioEndMS: o.whole("audio_end_ms", 0, 1<<40),
	}
}

// ResponseOptions are what a client asks for with response.create. What is nil
// is as the session has it.
type ResponseOptions struct {
	Instructions     *string
	OutputModalities []string
	Voice            *string
	Format           *Format
	Tools            *[]Tool
	ToolChoice       *ToolChoice
	MaxOutputTokens  *Limit
	OutOfBand        bool       // conversation "none": it leaves no trace in the conversation
	Input            *[]InputID // instead of the conversation
	Metadata         json.RawMessage
}

// InputID is an item of a response's own input: a new one, or a reference to one
// of the conversation.
type InputID struct {
	Item      Item
	Reference string // the id of an item of the conversation; "": Item
}

const (
	maxInput    = 256      // items of a response's input
	maxMetadata = 16 << 10 // bytes
)

func readResponse(at string, raw json.RawMessage) (ResponseOptions, *Error) {
	o := readObject(at, raw)
	var r ResponseOptions
	var s Session
	s.applyReply(o)
	if o.has("instructions") {
		r.Instructions = &s.Instructions
	}
	r.OutputModalities = s.OutputModalities
	if o.has("tools") {
		r.Tools = &s.Tools
	}
	if o.has("tool_choice") {
		r.ToolChoice = &s.ToolChoice
	}
	if o.has("max_output_tokens") || o.has("max_response_output_tokens") {
		r.MaxOutputTokens = &s.MaxOutputTokens
	}
	out := o.inner("audio").inner("output")
	if out.has("voice") || o.has("voice") {
		r.Voice = &s.Audio.Output.Voice
	}
	if out.has("format") || o.has("output_audio_format") {
		r.Format = &s.Audio.Output.Format
	}
	if o.has("conversation") {
		r.OutOfBand = o.word("conversation", "auto", "none") == "none"
	}
	if o.has("input") {
		r.Input = readInput(o)
	}
	r.Metadata = o.verbatim("metadata", maxMetadata)
	return r, o.err
}

func readInput(o *object) *[]InputID {
	all := []InputID{}
	for i, raw := range o.list("input", maxInput) {
		p := o.element("input", i, raw)
		var in InputID
		if p.text("type", 0, 512) == "item_reference" {
			in.Reference = p.text("id", 1, 512)
		} else {
			item, err := readItem(strings.TrimSuffix(p.at, "."), raw)
			if err != nil {
				p.fail(err)
			}
			in.Item = item
		}
		o.join(p)
		all = append(all, in)
	}
	return &all
}

// unwieldy says whether JSON is nested deeper than maxDepth or has more members
// and elements than maxCommas.
func unwieldy(data []byte) bool {
	depth, commas, quoted := 0, 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ',':
			commas++
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
		if depth > maxDepth || commas > maxCommas {
			return true
		}
	}
	return false
}

// Texted says whether responses are written and not spoken.
func Texted(modalities []string) bool { return !slices.Contains(modalities, "audio") }
