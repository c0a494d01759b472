package realtime

import (
	"encoding/json"
)

// The types of items.
const (
	ItemMessage      = "message"
	ItemFunctionCall = "function_call"
	ItemOutput       = "function_call_output"
)

// What an item's or a response's status can be.
const (
	InProgress = "in_progress"
	Completed  = "completed"
	Incomplete = "incomplete"
	Cancelled  = "cancelled" // of a response
	Failed     = "failed"    // of a response
)

// The roles of a message.
const (
	RoleSystem    = "system"
	RoleUser      = "user"
	RoleAssistant = "assistant"
)

// The types of a message's content.
const (
	InputText   = "input_text"
	InputAudio  = "input_audio"
	OutputText  = "output_text"
	OutputAudio = "output_audio"
)

// Item is a part of a conversation.
type Item struct {
	ID      string
	Type    string // ItemMessage, ItemFunctionCall or ItemOutput
	Status  string
	Role    string    // of a message
	Content []Content // of a message

	CallID    string // of a call and its output
	Name      string // of a call
	Arguments string // of a call: JSON in a string
	Output    string // of an output
}

// Content is a part of a message.
type Content struct {
	Type       string
	Text       string  // of texts
	Transcript *string // of audio; nil: not known
	Audio      []byte  // of audio: what a client put into a message, or asked for
}

// MarshalJSON writes the fields that an item of its type has.
func (i Item) MarshalJSON() ([]byte, error) {
	type head struct {
		ID     string `json:"id"`
		Object string `json:"object"`
		Type   string `json:"type"`
		Status string `json:"status"`
	}
	h := head{i.ID, "realtime.item", i.Type, i.Status}
	switch i.Type {
	case ItemFunctionCall:
		return json.Marshal(struct {
			head
			CallID    string `json:"call_id"`
			Name      string `json:"name"`
			Arguments string `json:"arguments"`
		}{h, i.CallID, i.Name, i.Arguments})
	case ItemOutput:
		return json.Marshal(struct {
			head
			CallID string `json:"call_id"`
			Output string `json:"output"`
		}{h, i.CallID, i.Output})
	}
	return json.Marshal(struct {
		head
		Role    string    `json:"role"`
		Content []Content `json:"content"`
	}{h, i.Role, append([]Content{}, i.Content...)})
}

// MarshalJSON writes the fields that a part of its type has.
func (c Content) MarshalJSON() ([]byte, error) {
	switch c.Type {
	case InputAudio, OutputAudio:
		return json.Marshal(struct {
			Type       string  `json:"type"`
			Transcript *string `json:"transcript"`
			Audio      []byte  `json:"audio,omitempty"`
		}{c.Type, c.Transcript, c.Audio})
	}
	return json.Marshal(struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}{c.Type, c.Text})
}

// Words is what a message says, as far as it is known.
func (i Item) Words() string {
	var words string
	for _, c := range i.Content {
		text := c.Text
		if c.Transcript != nil {
			text = *c.Transcript
		}
		if words != "" && text != "" {
			words += "\n"
		}
		words += text
	}
	return words
}

// Bytes is how much text the item holds, in bytes.
func (i Item) Bytes() int {
	n := len(i.ID) + len(i.CallID) + len(i.Name) + len(i.Arguments) + len(i.Output)
	for _, c := range i.Content {
		n += len(c.Text)
		if c.Transcript != nil {
			n += len(*c.Transcript)
		}
	}
	return n
}

// Limits of what a client puts into a conversation, in bytes.
const (
	maxID      = 64 // longer ones are refused, as at OpenAI; 32 is what it documents
	maxText    = 64 << 10
	maxContent = 32 // parts
)

// readItem reads an item that a client made.
func readItem(at string, raw json.RawMessage) (Item, *Error) {
	o := readObject(at, raw)
	item := Item{ID: o.text("id", 0, maxID), Status: Completed}
	switch item.Type = o.word("type", ItemMessage, ItemFunctionCall, ItemOutput); item.Type {
	case ItemMessage:
		item.Role = o.word("role", RoleSystem, RoleUser, RoleAssistant)
		item.Content = readContent(o, item.Role)
	case ItemFunctionCall:
		item.CallID, item.Name, item.Arguments = o.text("call_id", 0, maxID), o.text("name", 1, maxID), o.text("arguments", 0, maxText)
	case ItemOutput:
		item.CallID, item.Output = o.text("call_id", 1, maxID), o.text("output", 0, maxText)
		o.need("output")
	}
	return item, o.err
}

func readContent(o *object, role string) []Content {
	parts := o.list("content", maxContent)
	o.need("content")
	var all []Content
	for i, raw := range parts {
		p := o.element("content", i, raw)
		c := Content{Type: p.text("type", 1, maxID)}
		switch c.Type {
		case "text", InputText, OutputText:
			c.Type = InputText
			if role == RoleAssistant {
				c.Type = OutputText
			}
			c.Text = p.text("text", 0, maxText)
			p.need("text")
		case "audio", InputAudio, OutputAudio:
			c.Type = InputAudio
			if role == RoleAssistant {
				c.Type = OutputAudio
			}
			if p.has("transcript") {
				t := p.text("transcript", 0, maxText)
				c.Transcript = &t
			}
			c.Audio = p.audio("audio")
		case "input_image":
			p.fail(Wrong(CodeUnsupported, p.at+"type", "sori understands no images: send what the image shows as text."))
		default:
			p.fail(Wrong(CodeInvalidValue, p.at+"type", "Invalid value: '%s'. A message holds parts of the types 'input_text', 'input_audio', 'output_text' and 'output_audio'.", shorten(c.Type)))
		}
		o.join(p)
		all = append(all, c)
	}
	return all
}
