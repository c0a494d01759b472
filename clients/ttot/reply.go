package ttot

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"sori/clients/endpoint"
	"sori/clients/sse"
	"sori/stage"
)

const (
	maxAnswer = 32 << 20  // bytes of an answer: a few hundred stand around each word of a stream
	maxEvent  = 1 << 20   // bytes of one event
	maxReply  = 256 << 10 // bytes of text of a reply
)

// errLeft says that whoever takes the reply wants no more.
var errLeft = errors.New("the listener left")

// event is one event of a streamed reply, or a whole one, in any shape:
//
//	{"choices": [{"delta": {"content": "…"}}]}, then [DONE]      OpenAI-compatible, streamed
//	{"choices": [{"message": {"content": "…"}}]}                 in one piece
//	{"delta": "…"}, then {"ttot_text": "…"}                      the seed's dialect
type event struct {
	Choices []choice        `json:"choices"`
	Delta   *string         `json:"delta"`
	Text    *string         `json:"ttot_text"`
	Error   json.RawMessage `json:"error"`
	Type    string          `json:"type"`
	Usage   json.RawMessage `json:"usage"`
}

// usage is what the engine says that the reply took.
type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Details    struct {
		Cached int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

type choice struct {
	Delta        message `json:"delta"`
	Message      message `json:"message"`
	Text         *string `json:"text"` // of the older completions
	FinishReason *string `json:"finish_reason"`
}

// message is what the model says. Its reasoning is not spoken; where it leads to
// a tool call, some engines want it back.
type message struct {
	Content   content         `json:"content"`
	ToolCalls json.RawMessage `json:"tool_calls"`
	Thoughts  json.RawMessage `json:"reasoning_content"`
}

// content is a string, null, or a list of parts of which those of type text
// count.
type content string

// UnmarshalJSON reads content.
func (c *content) UnmarshalJSON(b []byte) error {
	if len(b) == 0 || b[0] != '[' {
		var s *string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		if s != nil {
			*c = content(*s)
		}
		return nil
	}
	var parts []struct {
		Type string          `json:"type"`
		Text json.RawMessage `json:"text"`
	}
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	for _, p := range parts {
		var s string
		if (p.Type == "text" || p.Type == "output_text") && json.Unmarshal(p.Text, &s) == nil {
			*c += content(s)
		}
	}
	return nil
}

// replyReader reads one message of the model. It belongs to one goroutine.
type replyReader struct {
	yield    func(string) bool
	progress func() // text came, or a piece of a tool call
	ending   func() // the reply is complete; the stream is not
	before   int    // bytes of text that the reply's earlier messages gave
	tools    bool   // the model may call tools; calls are left out otherwise

	usage    *usage // nil: the engine does not say
	calls    calls
	thoughts strings.Builder
	strip    thinking
	given    int             // bytes of text given to yield
	raw      strings.Builder // what the seed's deltas said so far
	ended    bool            // the engine said that the reply is complete
	finished bool            // the stream is over
	length   bool            // the reply ended at its limit
	cut      bool            // the model had more to say
}

// read reads an answer of any shape. A reply without a word is an error.
func (r *replyReader) read(body io.Reader, media string) error {
	b := bufio.NewReader(body)
	head, err := peek(b)
	if err != nil {
		return err
	}
	if sse.Looks(head, media) {
		err = r.readEvents(b)
	} else {
		err = r.readWhole(b)
	}
	if err != nil {
		return err
	}
	if err := r.give(r.strip.flush()); err != nil {
		return err
	}
	if r.cut {
		r.calls = calls{} // half a call is none
	}
	if r.before+r.given > 0 || len(r.calls.all) > 0 {
		return nil
	}
	if r.length {
		return &endpoint.ReplyError{Code: stage.CodeEmptyReply, Says: "wrote nothing that can be spoken before it reached its limit: raise max_tokens in --ttot."}
	}
	return &endpoint.ReplyError{Code: stage.CodeEmptyReply, Says: "gave a reply without a word."}
}

// peek gives the first bytes of a body without waiting for more than tell what
// it is.
func peek(r *bufio.Reader) ([]byte, error) {
	const enough = 16
	if _, err := r.Peek(1); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	head, err := r.Peek(max(enough, r.Buffered()))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return head, nil
}

// readWhole reads an answer that is no stream.
func (r *replyReader) readWhole(body io.Reader) error {
	all, err := io.ReadAll(io.LimitReader(body, maxEvent+1))
	if err != nil {
		return err
	}
	text := strings.TrimSpace(strings.TrimPrefix(string(all), "\ufeff"))
	switch {
	case len(all) > maxEvent:
		return tooLong()
	case text == "":
		return &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "answered with nothing."}
	case strings.HasPrefix(text, "<"):
		return &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "answered with a web page instead of a reply: check the path in --ttot."}
	case !strings.HasPrefix(text, "{"):
		return &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "answered with something that is no JSON."}
	}
	if err := r.take([]byte(text)); err != nil {
		return err
	}
	if !r.ended && !r.strip.began && len(r.calls.all) == 0 {
		return &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "answered with JSON that holds no reply."}
	}
	return nil
}

// readEvents reads a streamed reply.
func (r *replyReader) readEvents(body io.Reader) error {
	events := sse.NewReader(body, maxEvent)
	for !r.finished {
		e, err := events.Next()
		switch {
		case errors.Is(err, sse.ErrTooLong):
			return tooLong()
		case err != nil && r.ended:
			return nil // the reply is complete; a [DONE] would only say so again
		case errors.Is(err, io.EOF):
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		}
		if string(e.Data) == "[DONE]" {
			return nil
		}
		if err := r.take(e.Data); err != nil {
			if _, ok := errors.AsType[*json.SyntaxError](err); ok && e.Cut {
				return io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// take takes in one event.
func (r *replyReader) take(data []byte) error {
	var e event
	if err := json.Unmarshal(data, &e); err != nil {
		return &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "answered with JSON that is no reply.", Err: err}
	}
	if e.Type == "error" && len(e.Error) == 0 {
		e.Error = data
	}
	if err := endpoint.Reported(e.Error); err != nil {
		return err
	}
	var u usage // one that can't be read says nothing
	if len(e.Usage) > 0 && json.Unmarshal(e.Usage, &u) == nil && u.Prompt > 0 {
		r.usage = &u // the last one counts: some send it with every piece
	}
	switch {
	case len(e.Choices) > 0:
		return r.takeChoice(e.Choices[0])
	case e.Text != nil:
		return r.takeWhole(*e.Text)
	case e.Delta != nil:
		r.raw.WriteString(*e.Delta)
		if r.raw.Len() > maxReply {
			return tooLong()
		}
		return r.hear(*e.Delta)
	}
	return nil
}

func (r *replyReader) takeChoice(c choice) error {
	text := string(c.Delta.Content) + string(c.Message.Content)
	if c.Text != nil {
		text += *c.Text
	}
	if err := r.hear(text); err != nil {
		return err
	}
	if r.tools {
		if err := r.takeCalls(c.Delta, c.Message); err != nil {
			return err
		}
	}
	if c.FinishReason != nil && *c.FinishReason != "" {
		r.ended = true
		r.length = *c.FinishReason == "length"
		r.cut = r.length || *c.FinishReason == "content_filter"
		r.ending()
	}
	return nil
}

// takeCalls takes the tool calls, and the thoughts that led to them.
func (r *replyReader) takeCalls(delta, whole message) error {
	m := delta
	if len(m.ToolCalls) == 0 {
		m.ToolCalls = whole.ToolCalls
	}
	for _, raw := range []json.RawMessage{delta.Thoughts, whole.Thoughts} {
		var s string
		if json.Unmarshal(raw, &s) == nil && r.thoughts.Len()+len(s) <= maxReply {
			r.thoughts.WriteString(s)
		}
	}
	some, err := r.calls.add(m.ToolCalls)
	if some {
		r.progress()
	}
	return err
}

// takeWhole takes the whole text that the seed's dialect gives at the end. What
// its deltas said already is not said again.
func (r *replyReader) takeWhole(text string) error {
	r.ended, r.finished = true, true
	switch {
	case r.raw.Len() == 0:
		return r.hear(text)
	case strings.HasPrefix(text, r.raw.String()):
		return r.hear(text[r.raw.Len():])
	}
	return nil
}

// hear takes text as the engine wrote it.
func (r *replyReader) hear(text string) error {
	if text == "" {
		return nil
	}
	return r.give(r.strip.write(text))
}

// give gives text to the listener.
func (r *replyReader) give(text string) error {
	if text == "" {
		return nil
	}
	r.given += len(text)
	if r.before+r.given > maxReply {
		return tooLong()
	}
	r.progress()
	if !r.yield(text) {
		return errLeft
	}
	return nil
}

func tooLong() error {
	return &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "sends a reply without end; sori stopped reading it."}
}
