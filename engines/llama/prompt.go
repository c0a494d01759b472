package llama

import (
	"errors"
	"fmt"
	"strings"

	"sori/stage"
)

const (
	// maxText is the longest text of a user, in bytes, that is looked at.
	maxText = 64 << 10
	// dropStep is how many exchanges are forgotten at once when a conversation
	// outgrows the window: each time, its cache is lost.
	dropStep = 4
)

// message is one message of a chat.
type message struct{ role, text string }

// prompt makes the tokens of a prompt. The oldest exchanges go where the window
// is too small for all.
func (r *Responder) prompt(p stage.Prompt) ([]int32, error) {
	if strings.TrimSpace(p.Text) == "" {
		return nil, r.rejected("There is no text to answer.")
	}
	if len(p.Text)+len(p.Instructions) > maxText {
		return nil, r.rejected(fmt.Sprintf("The text has %d bytes; at most %d can be answered.", len(p.Text)+len(p.Instructions), maxText))
	}
	room := r.window - r.o.MaxTokens
	for drop := 0; ; drop = min(drop+dropStep, len(p.History)) {
		text, err := r.render(r.messages(p, drop))
		if err != nil {
			return nil, r.failed(err)
		}
		tokens, err := r.tokenize(text)
		if err != nil {
			return nil, r.failed(err)
		}
		if len(tokens) <= room {
			return tokens, nil
		}
		if drop == len(p.History) {
			return nil, r.rejected(fmt.Sprintf("The text has %d tokens and the model's window has room for %d: say it in fewer words.", len(tokens), room))
		}
	}
}

// usualOpening gives what all prompts with the usual instructions begin with.
func (r *Responder) usualOpening() ([]int32, error) {
	var both [2][]int32
	for i, text := range []string{"a", "b"} {
		rendered, err := r.render(r.messages(stage.Prompt{Text: text}, 0))
		if err != nil {
			return nil, err
		}
		if both[i], err = r.tokenize(rendered); err != nil {
			return nil, err
		}
	}
	return both[0][:min(common(both[0], both[1]), r.window/2)], nil
}

// messages lays a prompt out, without the first exchanges.
func (r *Responder) messages(p stage.Prompt, drop int) []message {
	instructions := p.Instructions
	if strings.TrimSpace(instructions) == "" {
		instructions = r.o.Instructions
	}
	ms := []message{{"system", r.plain(instructions)}}
	add := func(role, text string) {
		if text = r.plain(text); text != "" {
			ms = append(ms, message{role, text})
		}
	}
	for _, e := range p.History[drop:] {
		add("user", e.User)
		add("assistant", e.Reply)
	}
	add("user", p.Text)
	return ms
}

// plain makes a text that holds nothing but text to the model.
func (r *Responder) plain(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, " "), "\x00", " ")
	return strings.TrimSpace(r.guard.Replace(text))
}

// render writes the chat as the model wants to read it, up to where its reply
// begins.
func (r *Responder) render(ms []message) (string, error) {
	chat := make([]chatMessage, len(ms))
	size := 256
	for i, m := range ms {
		var err error
		if chat[i].role, err = cText(m.role); err != nil {
			return "", err
		}
		if chat[i].content, err = cText(m.text); err != nil {
			return "", err
		}
		size += len(m.text) + 64
	}
	for {
		buf := make([]byte, size)
		n := int(r.lib.applyTemplate(r.template, &chat[0], uint64(len(chat)), true, &buf[0], int32(len(buf))))
		switch {
		case n < 0:
			return "", errors.New("the chat template is not supported")
		case n <= len(buf):
			return string(buf[:n]), nil
		}
		size = n
	}
}

// tokenize gives the tokens of a rendered chat.
func (r *Responder) tokenize(text string) ([]int32, error) {
	if text == "" {
		return nil, errors.New("an empty prompt")
	}
	c, err := cText(text)
	if err != nil {
		return nil, err
	}
	tokens := make([]int32, len(text)/2+16)
	for {
		n := int(r.lib.tokenize(r.vocab, c, int32(len(text)), &tokens[0], int32(len(tokens)), true, true))
		switch {
		case n > 0:
			return tokens[:n], nil
		case n == 0 || -n <= len(tokens):
			return nil, fmt.Errorf("the tokenizer gave %d for a text of %d bytes", n, len(text))
		}
		tokens = make([]int32, -n)
	}
}

// piece gives the bytes of a token.
func (r *Responder) piece(token int32, buf []byte) []byte {
	n := int(r.lib.tokenToPiece(r.vocab, token, &buf[0], int32(len(buf)), 0, false))
	if n < 0 { // longer than the buffer, which no token of a language is
		buf = make([]byte, -n)
		n = int(r.lib.tokenToPiece(r.vocab, token, &buf[0], int32(len(buf)), 0, false))
	}
	return buf[:max(n, 0)]
}

func (r *Responder) rejected(message string) error {
	return &stage.Error{Stage: stage.TTOT, Code: stage.CodeRejected, Message: message, Engine: r.name}
}

// failed says what an error means for the caller.
func (r *Responder) failed(err error) error {
	e := *stage.AsError(stage.TTOT, err)
	e.Engine = r.name
	return &e
}
