package enginehttp

import (
	"crypto/rand"
	"net/http"
	"strings"
	"time"

	"sori/stage"
)

type completionRequest struct {
	Model               string    `json:"model"`
	Messages            []message `json:"messages"`
	Stream              bool      `json:"stream"`
	N                   int       `json:"n"`
	MaxTokens           int       `json:"max_tokens"`
	MaxCompletionTokens int       `json:"max_completion_tokens"`
	User                userID    `json:"user"`
	StreamOptions       struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
}

// completion is a whole answer, or one event of a streamed one.
type completion struct {
	ID      string   `json:"id"`
	Object  string   `json:"object"`
	Created int64    `json:"created"`
	Model   string   `json:"model"`
	Choices []choice `json:"choices"`
	Usage   *usage   `json:"usage,omitempty"`
}

type choice struct {
	Index        int     `json:"index"`
	Message      *spoken `json:"message,omitempty"`
	Delta        *spoken `json:"delta,omitempty"`
	FinishReason *string `json:"finish_reason"`
}

type spoken struct {
	Role    string `json:"role,omitempty"`
	Content string `json:"content"`
}

// usage counts words: the engines here have no tokens.
type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Total      int `json:"total_tokens"`
}

// completions answers a conversation: POST /v1/chat/completions.
func (t *ttot) completions(w http.ResponseWriter, r *http.Request) {
	var req completionRequest
	err := t.readJSON(w, r, &req)
	var p stage.Prompt
	if err == nil {
		p, err = req.prompt()
	}
	if err != nil {
		t.fail(w, r, err)
		return
	}
	model := req.Model
	if model == "" {
		model = t.TTOT.Engine()
	}
	c := completing{
		ttot:  t,
		req:   &req,
		base:  completion{ID: "chatcmpl-" + rand.Text(), Created: time.Now().Unix(), Model: model},
		limit: max(req.MaxTokens, req.MaxCompletionTokens),
	}
	t.work(w, r, func(r *http.Request) error { return c.run(w, r, p) })
}

// prompt reads the conversation: the last message must be the user's.
func (q *completionRequest) prompt() (stage.Prompt, error) {
	if q.N > 1 {
		return stage.Prompt{}, badRequest("n", "Only one choice is given; n must be 1.")
	}
	p := stage.Prompt{UserID: string(q.User)}
	var rest []message
	for _, m := range q.Messages {
		switch m.Role {
		case "system", "developer":
			p.Instructions = strings.TrimSpace(p.Instructions + "\n" + m.says())
		case "user", "assistant":
			rest = append(rest, m)
		case "tool", "function":
			return stage.Prompt{}, badRequest("messages", "This engine knows no tools.")
		default:
			return stage.Prompt{}, badRequest("messages", "A message has the role %.40q; it must be system, developer, user or assistant.", m.Role)
		}
	}
	if len(rest) == 0 || rest[len(rest)-1].Role != "user" || strings.TrimSpace(rest[len(rest)-1].says()) == "" {
		return stage.Prompt{}, badRequest("messages", "The last message must be the user's and hold text.")
	}
	p.Text = rest[len(rest)-1].says()
	p.History = exchanges(rest[:len(rest)-1])
	return p, nil
}

// completing is one conversation being answered.
type completing struct {
	*ttot

	req   *completionRequest
	base  completion
	limit int // words; 0 for no limit
}

func (c *completing) run(w http.ResponseWriter, r *http.Request, p stage.Prompt) error {
	events := newEvents(w)
	var reply strings.Builder
	words, reason := 0, "stop"
	for piece, err := range c.TTOT.Respond(r.Context(), p) {
		if err != nil {
			if events.began {
				c.breakOff(r, err)
			}
			return err
		}
		if piece == "" {
			continue
		}
		if c.limit > 0 && words >= c.limit {
			reason = "length"
			break
		}
		words += len(strings.Fields(piece))
		if c.req.Stream {
			if !events.began {
				err = c.event(events, spoken{Role: "assistant"}, nil)
			}
			if err == nil {
				err = c.event(events, spoken{Content: piece}, nil)
			}
			if err != nil {
				c.breakOff(r, err)
			}
		}
		reply.WriteString(piece)
	}
	u := &usage{Prompt: len(strings.Fields(p.Text)), Completion: words}
	u.Total = u.Prompt + u.Completion
	if c.req.Stream {
		if err := c.end(events, reason, u); err != nil {
			c.breakOff(r, err)
		}
		return nil
	}
	whole := c.base
	whole.Object, whole.Usage = "chat.completion", u
	whole.Choices = []choice{{Message: &spoken{Role: "assistant", Content: reply.String()}, FinishReason: &reason}}
	writeJSON(w, http.StatusOK, whole)
	return nil
}

func (c *completing) event(e *events, d spoken, reason *string) error {
	one := c.base
	one.Object = "chat.completion.chunk"
	one.Choices = []choice{{Delta: &d, FinishReason: reason}}
	return e.send(one)
}

func (c *completing) end(e *events, reason string, u *usage) error {
	if err := c.event(e, spoken{}, &reason); err != nil {
		return err
	}
	if c.req.StreamOptions.IncludeUsage {
		last := c.base
		last.Object, last.Choices, last.Usage = "chat.completion.chunk", []choice{}, u
		if err := e.send(last); err != nil {
			return err
		}
	}
	return e.sendRaw([]byte("[DONE]"))
}
