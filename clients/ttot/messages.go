package ttot

import (
	"fmt"
	"strings"

	"sori/stage"
)

// chatMessage is one message of a chat. Content is null where a model only
// calls tools.
type chatMessage struct {
	Role       string  `json:"role"`
	Content    *string `json:"content"`
	Thoughts   string  `json:"reasoning_content,omitempty"`
	ToolCalls  []call  `json:"tool_calls,omitempty"`
	ToolCallID string  `json:"tool_call_id,omitempty"`
}

// defaultInstructions are what a model is told where the session says nothing.
const defaultInstructions = "You are speaking aloud with somebody, and what you write is read out by a voice. " +
	"Answer in a few short, plain sentences, as people talk. " +
	"Write no markdown, no lists, no headings, no emoji, no code and no links. " +
	"Write numbers and units as they are said. Ask back when you did not understand."

// chat collects messages. Those without text are left out, and two of the same
// role in a row become one, since many models' templates insist on turns.
type chat []chatMessage

func (c *chat) add(role, text string) {
	text = strings.TrimSpace(text)
	if text == "" {
		return
	}
	if last := len(*c) - 1; last >= 0 && (*c)[last].Role == role {
		text = *(*c)[last].Content + "\n" + text
		(*c)[last].Content = &text
		return
	}
	*c = append(*c, chatMessage{Role: role, Content: &text})
}

// messages makes the chat of a dialogue: instructions, history, what was said
// now, and what tools were called for it. For an engine that takes no tools the
// latter is told in words.
func (d *dialogue) messages(tools bool) []chatMessage {
	p := d.prompt
	system := strings.TrimSpace(p.Instructions)
	if system == "" {
		system = defaultInstructions
		if p.Language != "" {
			system += " Answer in the language with the tag " + p.Language + "."
		}
	}
	var c chat
	c.add("system", system)
	for _, h := range p.History { // many models' templates take one such message, at the beginning
		c.add("system", h.Note)
	}
	for _, h := range p.History {
		c.add("user", h.User)
		c.add("assistant", h.Reply)
		c.recall(h.Calls, tools)
	}
	c.add("user", p.Text)
	for _, r := range d.rounds {
		if tools {
			c = append(c, r.messages()...)
			continue
		}
		c.add("assistant", r.text)
		c.add("user", r.inWords())
	}
	return c
}

// recall adds the calls of an earlier turn, those that were answered.
func (c *chat) recall(calls []stage.Call, tools bool) {
	var r round
	for _, one := range calls {
		if !one.Answered {
			continue
		}
		r.calls = append(r.calls, call{ID: one.ID, Type: "function", Function: function{one.Name, one.Arguments}})
		r.outputs = append(r.outputs, one.Output)
	}
	switch {
	case len(r.calls) == 0:
	case tools:
		*c = append(*c, r.messages()...)
	default:
		c.add("user", r.inWords())
	}
}

// messages gives the model's calls and their results.
func (r *round) messages() []chatMessage {
	called := chatMessage{Role: "assistant", Thoughts: r.thoughts, ToolCalls: r.shown()}
	if text := strings.TrimSpace(r.text); text != "" {
		called.Content = &text
	}
	all := []chatMessage{called}
	for i, c := range r.calls {
		all = append(all, chatMessage{Role: "tool", ToolCallID: c.ID, Content: &r.outputs[i]})
	}
	return all
}

// inWords tells the calls and their results to a model without tools.
func (r *round) inWords() string {
	var b strings.Builder
	for i, c := range r.calls {
		fmt.Fprintf(&b, "(The function %s was called with %s and gave: %s)\n", c.Function.Name, c.Function.Arguments, r.outputs[i])
	}
	return b.String()
}
