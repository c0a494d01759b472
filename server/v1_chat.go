package server

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

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
	N              int            `json:"n"`
	MaxTokens      int            `json:"max_tokens"`
	MaxCompletion  int            `json:"max_completion_tokens"`
	User           string         `json:"user"`
	Tools          []chatTool     `json:"tools"`
	ToolChoice     chatToolChoice `json:"tool_choice"`
	Modalities     []string       `json:"modalities"`
	LogProbs       bool           `json:"logprobs"`
	ResponseFormat struct {
		Type string `json:"type"`
	} `json:"response_format"`
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

// chatReply is an answer, or a piece of one. The content is null where a model
// only calls tools.
type chatReply struct {
	Role    string     `json:"role,omitempty"`
	Content *string    `json:"content,omitempty"`
	Calls   []chatCall `json:"tool_calls,omitempty"`
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
	_, end, ok := s.begin(g, p.UserID)
	if !ok {
		return
	}
	defer end()
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

// check refuses what sori can't do, rather than to do something else.
func (q *completionRequest) check() error {
	switch {
	case q.N > 1:
		return &fieldError{"n", "One answer is given; n must be 1."}
	case q.LogProbs:
		return &fieldError{"logprobs", "The engines tell no probabilities."}
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
	for _, t := range q.Tools {
		if t.Type != "function" || t.Function.Name == "" {
			return &fieldError{"tools", "A tool is a function with a name."}
		}
	}
	return nil
}

// completing is one conversation on its way to an answer.
type completing struct {
	s         *Server
	g         *gin.Context
	stream    bool
	withUsage bool
	base      completion
	limit     int // tokens; 0 for no limit

	events v1Stream
	reply  strings.Builder
	calls  []chatCall
}

func (c *completing) answer(p stage.Prompt) {
	c.events.g = c.g
	ctx := c.g.Request.Context()
	if len(p.Tools) > 0 {
		p.Call = c.call
	}
	reason := "stop"
	for piece, err := range c.s.cfg.Engines.TTOT.Respond(ctx, p) {
		if errors.Is(err, stage.ErrHandedOver) {
			break
		}
		if err != nil {
			c.broken(err)
			return
		}
		if piece == "" {
			continue
		}
		if c.reply.WriteString(piece); c.stream && c.send(&chatReply{Content: &piece}) != nil {
			return // nobody reads on
		}
		if c.limit > 0 && tokens(c.reply.String()) >= c.limit || c.reply.Len() >= maxReply {
			reason = "length"
			break
		}
	}
	if ctx.Err() != nil {
		return
	}
	if len(c.calls) > 0 {
		reason = "tool_calls"
	}
	u := &usageJSON{Prompt: promptTokens(p), Completion: tokens(c.reply.String())}
	for _, one := range c.calls {
		u.Completion += tokens(one.Function.Name) + tokens(one.Function.Arguments)
	}
	u.Total = u.Prompt + u.Completion
	if c.stream {
		c.end(reason, u)
		return
	}
	c.whole(reason, u)
}

// call takes a call of a tool. It is the caller who runs it.
func (c *completing) call(_ context.Context, name string, arguments json.RawMessage) (string, error) {
	i := len(c.calls)
	one := chatCall{ID: "call_" + newID(), Type: "function", Function: chatFunction{name, string(arguments)}}
	c.calls = append(c.calls, one)
	if c.stream {
		one.Index = &i
		if err := c.send(&chatReply{Calls: []chatCall{one}}); err != nil {
			return "", err
		}
	}
	return "", stage.ErrHandedOver
}

func (c *completing) whole(reason string, u *usageJSON) {
	whole, m := c.base, &chatReply{Role: "assistant", Calls: c.calls}
	if text := c.reply.String(); text != "" || len(c.calls) == 0 {
		m.Content = &text
	}
	whole.Object, whole.Usage = "chat.completion", u
	whole.Choices = []chatChoice{{Message: m, FinishReason: &reason}}
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

// tokens counts a text's tokens as sori does everywhere: few engines tell theirs.
func tokens(text string) int {
	return (utf8.RuneCountInString(text) + stage.LettersPerToken - 1) / stage.LettersPerToken
}

// promptTokens counts what a model is told.
func promptTokens(p stage.Prompt) int {
	n := tokens(p.Instructions) + tokens(p.Text)
	for _, e := range p.History {
		n += tokens(e.User) + tokens(e.Reply)
		for _, c := range e.Calls {
			n += tokens(c.Name) + tokens(c.Arguments) + tokens(c.Output)
		}
	}
	return n
}

// send sends a piece of the answer; the first one says whose it is.
func (c *completing) send(d *chatReply) error {
	if !c.events.began {
		empty := ""
		if err := c.event(&chatReply{Role: "assistant", Content: &empty}, nil); err != nil {
			return err
		}
	}
	return c.event(d, nil)
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
