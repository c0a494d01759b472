package server

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sori/stage"
)

const (
	maxChat  = 4 << 20 // bytes of a request
	maxReply = 1 << 20 // bytes of an answer
)

// completionRequest is the body of POST /v1/chat/completions, as far as sori
// goes by it. How a model samples is the engine's configuration.
type completionRequest struct {
	Model         string        `json:"model"`
	Messages      []chatMessage `json:"messages"`
	Stream        bool          `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	N              int             `json:"n"`
	MaxTokens      int             `json:"max_tokens"`
	MaxCompletion  int             `json:"max_completion_tokens"`
	User           string          `json:"user"`
	Tools          json.RawMessage `json:"tools"`
	ToolChoice     json.RawMessage `json:"tool_choice"`
	Modalities     []string        `json:"modalities"`
	LogProbs       bool            `json:"logprobs"`
	ResponseFormat struct {
		Type string `json:"type"`
	} `json:"response_format"`
}

type chatMessage struct {
	Role    string      `json:"role"`
	Content chatContent `json:"content"`
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

// completion is a whole answer, or one event of a streamed one.
type completion struct {
	ID      string       `json:"id"`
	Object  string       `json:"object"`
	Created int64        `json:"created"`
	Model   string       `json:"model"`
	Choices []chatChoice `json:"choices"`
	Usage   *usageJSON   `json:"usage,omitempty"`
}

type chatChoice struct {
	Index        int        `json:"index"`
	Message      *chatReply `json:"message,omitempty"`
	Delta        *chatReply `json:"delta,omitempty"`
	LogProbs     *struct{}  `json:"logprobs"`
	FinishReason *string    `json:"finish_reason"`
}

type chatReply struct {
	Role    string  `json:"role,omitempty"`
	Content *string `json:"content,omitempty"`
}

// completions is POST /v1/chat/completions: the configured TTOT answers.
func (s *Server) completions(g *gin.Context) {
	var q completionRequest
	if err := s.readV1(g, maxChat, &q); err != nil {
		s.failV1(g, err)
		return
	}
	p, err := q.prompt()
	if !principal(g).Speaks(p.UserID) || p.UserID == "" {
		p.UserID = s.userOf(principal(g)) // it is only a hint
	}
	if err == nil && (s.cfg.Engines == nil || s.cfg.Engines.TTOT == nil) {
		err = notSet(stage.TTOT)
	}
	if err != nil {
		s.failV1(g, err)
		return
	}
	if !s.begin(g) {
		return
	}
	defer s.registry.release(nil)
	model := q.Model
	if model == "" {
		model = s.cfg.Engines.TTOT.Engine()
	}
	c := completing{
		s: s, g: g, stream: q.Stream, withUsage: q.StreamOptions.IncludeUsage,
		base:  completion{ID: "chatcmpl-" + newID(), Created: time.Now().Unix(), Model: model},
		limit: max(q.MaxTokens, q.MaxCompletion),
	}
	c.answer(p)
}

// prompt reads the conversation: the last message must be the user's.
func (q *completionRequest) prompt() (stage.Prompt, error) {
	p := stage.Prompt{UserID: q.User}
	if err := q.check(); err != nil {
		return p, err
	}
	var rest []chatMessage
	for _, m := range q.Messages {
		if m.Content.other != "" {
			return p, &fieldError{"messages", "A part of a message is of the type \"" + m.Content.other + "\"; sori's text engine takes text."}
		}
		switch m.Role {
		case "system", "developer":
			p.Instructions = strings.TrimSpace(p.Instructions + "\n" + m.Content.text)
		case "user", "assistant":
			rest = append(rest, m)
		case "tool", "function":
			return p, &fieldError{"messages", "Results of tools are not taken here; a realtime session takes them."}
		default:
			return p, &fieldError{"messages", "The role of a message is system, developer, user or assistant."}
		}
	}
	last := len(rest) - 1
	if last < 0 || rest[last].Role != "user" || strings.TrimSpace(rest[last].Content.text) == "" {
		return p, &fieldError{"messages", "The last message must be the user's, with text in it."}
	}
	p.Text, p.History = rest[last].Content.text, exchanges(rest[:last])
	return p, nil
}

// check refuses what sori can't do, rather than to do something else.
func (q *completionRequest) check() error {
	var tools []json.RawMessage
	_ = json.Unmarshal(q.Tools, &tools) // what is no list is none
	switch {
	case q.N > 1:
		return &fieldError{"n", "One answer is given; n must be 1."}
	case q.LogProbs:
		return &fieldError{"logprobs", "The engines tell no probabilities."}
	case len(tools) > 0 && string(q.ToolChoice) != `"none"`:
		return &fieldError{"tools", "Tools are not taken here; a realtime session takes them."}
	case q.ResponseFormat.Type != "" && q.ResponseFormat.Type != "text":
		return &fieldError{"response_format", "Answers are text; a JSON format can't be promised."}
	case q.MaxTokens < 0 || q.MaxCompletion < 0:
		return &fieldError{"max_completion_tokens", "It must be at least 1."}
	}
	for _, m := range q.Modalities {
		if m != "text" {
			return &fieldError{"modalities", "Answers are text; POST /v1/audio/speech speaks them."}
		}
	}
	return nil
}

// exchanges makes turns of messages.
func exchanges(all []chatMessage) []stage.Exchange {
	var turns []stage.Exchange
	for _, m := range all {
		last := len(turns) - 1
		switch {
		case m.Role == "assistant" && last >= 0 && turns[last].Reply == "":
			turns[last].Reply = m.Content.text
		case m.Role == "assistant":
			turns = append(turns, stage.Exchange{Reply: m.Content.text})
		default:
			turns = append(turns, stage.Exchange{User: m.Content.text})
		}
	}
	return turns
}

// completing is one conversation on its way to an answer.
type completing struct {
	s         *Server
	g         *gin.Context
	stream    bool
	withUsage bool
	base      completion
	limit     int // words; 0 for no limit

	events v1Stream
	reply  strings.Builder
}

func (c *completing) answer(p stage.Prompt) {
	c.events.g = c.g
	ctx := c.g.Request.Context()
	reason, words := "stop", 0
	for piece, err := range c.s.cfg.Engines.TTOT.Respond(ctx, p) {
		if err != nil {
			c.broken(err)
			return
		}
		if piece == "" {
			continue
		}
		words += len(strings.Fields(piece))
		if c.reply.WriteString(piece); c.stream {
			if err := c.piece(piece); err != nil {
				return // nobody reads on
			}
		}
		if c.limit > 0 && words >= c.limit || c.reply.Len() >= maxReply {
			reason = "length"
			break
		}
	}
	if ctx.Err() != nil {
		return
	}
	u := &usageJSON{Prompt: wordsIn(p), Completion: words}
	u.Total = u.Prompt + u.Completion
	if c.stream {
		c.end(reason, u)
		return
	}
	whole, text := c.base, c.reply.String()
	whole.Object, whole.Usage = "chat.completion", u
	whole.Choices = []chatChoice{{Message: &chatReply{Role: "assistant", Content: &text}, FinishReason: &reason}}
	allowWriting(c.g, responseTimeout)
	c.s.json(c.g, whole)
}

func (c *completing) broken(err error) {
	if c.events.began {
		c.s.breakOff(c.g, &c.events, stage.AsError(stage.TTOT, err))
		return
	}
	if c.g.Request.Context().Err() == nil {
		err = stage.AsError(stage.TTOT, err)
	}
	allowWriting(c.g, v1Write)
	c.s.failV1(c.g, err)
}

// wordsIn counts what a model is told.
func wordsIn(p stage.Prompt) int {
	n := len(strings.Fields(p.Instructions)) + len(strings.Fields(p.Text))
	for _, e := range p.History {
		n += len(strings.Fields(e.User)) + len(strings.Fields(e.Reply))
	}
	return n
}

// piece sends a piece of the answer; the first one says whose it is.
func (c *completing) piece(text string) error {
	if !c.events.began {
		empty := ""
		if err := c.event(&chatReply{Role: "assistant", Content: &empty}, nil); err != nil {
			return err
		}
	}
	return c.event(&chatReply{Content: &text}, nil)
}

func (c *completing) event(d *chatReply, reason *string) error {
	one := c.base
	one.Object = "chat.completion.chunk"
	one.Choices = []chatChoice{{Delta: d, FinishReason: reason}}
	return c.events.send(one)
}

func (c *completing) end(reason string, u *usageJSON) {
	if c.event(&chatReply{}, &reason) != nil {
		return
	}
	if c.withUsage {
		last := c.base
		last.Object, last.Choices, last.Usage = "chat.completion.chunk", []chatChoice{}, u
		if c.events.send(last) != nil {
			return
		}
	}
	_ = c.events.raw([]byte("[DONE]"))
}
