package ttot

import (
	"strings"

	"sori/stage"
)

// chatMessage is one message of a chat.
type chatMessage struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// defaultInstructions are what a model is told where the session says nothing.
const defaultInstructions = "You are speaking aloud with somebody, and what you write is read out by a voice. " +
	"Answer in a few short, plain sentences, as people talk. " +
	"Write no markdown, no lists, no headings, no emoji, no code and no links. " +
	"Write numbers and units as they are said. Ask back when you did not understand."

// messages makes the chat of a prompt: instructions, history, what was said now.
// Messages without text are left out, and two of the same role in a row become
// one, since many models' templates insist on turns.
func messages(p stage.Prompt) []chatMessage {
	system := strings.TrimSpace(p.Instructions)
	if system == "" {
		system = defaultInstructions
		if p.Language != "" {
			system += " Answer in the language with the tag " + p.Language + "."
		}
	}
	chat := []chatMessage{{Role: "system", Content: system}}
	add := func(role, text string) {
		text = strings.TrimSpace(text)
		if text == "" {
			return
		}
		if last := &chat[len(chat)-1]; last.Role == role {
			last.Content += "\n" + text
			return
		}
		chat = append(chat, chatMessage{Role: role, Content: text})
	}
	for _, h := range p.History {
		add("user", h.User)
		add("assistant", h.Reply)
	}
	add("user", p.Text)
	return chat
}
