package server

import (
	"encoding/json"
	"slices"
	"strings"

	"sori/stage"
)

// chatMessage is one message of a chat.
type chatMessage struct {
	Role       string      `json:"role"`
	Content    chatContent `json:"content"`
	ToolCalls  []chatCall  `json:"tool_calls"`
	ToolCallID string      `json:"tool_call_id"`
}

// chatContent is a text, or parts of which each is a text.
type chatContent struct {
	text  string
	other string // the type of a part that is no text
}

// UnmarshalJSON implements [json.Unmarshaler].
func (c *chatContent) UnmarshalJSON(data []byte) error {
	if string(data) == "null" || json.Unmarshal(data, &c.text) == nil {
		return nil
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	var all []string
	for _, p := range parts {
		if p.Type == "text" || p.Type == "input_text" {
			all = append(all, p.Text)
		} else {
			c.other = p.Type
		}
	}
	c.text = strings.Join(all, "\n")
	return nil
}

// chatCall is a model's call of a tool; in a stream it has an index.
type chatCall struct {
	Index    *int         `json:"index,omitempty"`
	ID       string       `json:"id"`
	Type     string       `json:"type"`
	Function chatFunction `json:"function"`
}

type chatFunction struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

// chatTool is a function that the model may call.
type chatTool struct {
	Type     string `json:"type"`
	Function struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameters"`
	} `json:"function"`
}

// chatToolChoice is "auto", "none", "required", or a function by its name.
type chatToolChoice struct{ stage.Choice }

// UnmarshalJSON implements [json.Unmarshaler].
func (c *chatToolChoice) UnmarshalJSON(data []byte) error {
	var word string
	if json.Unmarshal(data, &word) == nil {
		c.None, c.Required = word == "none", word == "required"
		return nil
	}
	var one struct {
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	err := json.Unmarshal(data, &one)
	c.Tool = one.Function.Name
	return err
}

// prompt reads the conversation, which ends with what is to be answered: the
// user's words, or results of tools.
func (q *completionRequest) prompt() (stage.Prompt, error) {
	p := stage.Prompt{UserID: q.User, Choice: q.ToolChoice.Choice}
	if err := q.check(); err != nil {
		return p, err
	}
	for _, t := range q.Tools {
		p.Tools = append(p.Tools, stage.Tool{Name: t.Function.Name, Description: t.Function.Description, Parameters: t.Function.Parameters})
	}
	last := ""
	for i := range q.Messages {
		m := &q.Messages[i]
		if m.Content.other != "" {
			return p, &fieldError{"messages", "A part of a message is of the type \"" + m.Content.other + "\"; sori's text engine takes text."}
		}
		if m.Role == "system" || m.Role == "developer" {
			p.Instructions = strings.TrimSpace(p.Instructions + "\n" + m.Content.text)
			continue
		}
		if err := addMessage(&p.History, m); err != nil {
			return p, err
		}
		last = m.Role
	}
	switch end := len(p.History) - 1; {
	case last == "user" && strings.TrimSpace(p.History[end].User) != "":
		p.Text, p.History = p.History[end].User, p.History[:end]
	case last != "tool":
		return p, &fieldError{"messages", "The last message must be the user's, with text in it, or a tool's."}
	}
	return p, nil
}

// addMessage adds a message to the turns before it.
func addMessage(turns *[]stage.Exchange, m *chatMessage) error {
	end := len(*turns) - 1
	switch m.Role {
	case "user":
		*turns = append(*turns, stage.Exchange{User: m.Content.text})
	case "assistant":
		if end < 0 || (*turns)[end].Reply != "" || len((*turns)[end].Calls) > 0 {
			*turns = append(*turns, stage.Exchange{})
			end++
		}
		t := &(*turns)[end]
		t.Reply = m.Content.text
		for _, c := range m.ToolCalls {
			t.Calls = append(t.Calls, stage.Call{ID: c.ID, Name: c.Function.Name, Arguments: c.Function.Arguments})
		}
	case "tool":
		for _, t := range slices.Backward(*turns) {
			if i := slices.IndexFunc(t.Calls, func(c stage.Call) bool { return c.ID == m.ToolCallID }); i >= 0 {
				t.Calls[i].Output, t.Calls[i].Answered = m.Content.text, true
				return nil
			}
		}
		return &fieldError{"messages", "A tool's message answers no call of a message before it (tool_call_id)."}
	default:
		return &fieldError{"messages", "The role of a message is system, developer, user, assistant or tool."}
	}
	return nil
}
