package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"sori/protocol"
	"sori/stage"
)

var errNoDetector = errors.New("session: no voice detector is configured")

// toolCall asks the actor to have the client run a tool.
type toolCall struct {
	name      string
	arguments json.RawMessage
	answer    chan<- protocol.ToolResult // capacity 1
}

// askTool passes a call on to the client.
func (s *Session) askTool(t *turn, c *toolCall) {
	id := newID()
	t.calls[id] = c.answer
	s.emitFor(t.number, protocol.ToolCall{ID: id, Name: c.name, Arguments: c.arguments})
}

// answerTool passes a client's result on to the turn that waits for it.
func (s *Session) answerTool(r protocol.ToolResult) {
	if t := s.turn; t != nil {
		if answer, ok := t.calls[r.ID]; ok {
			delete(t.calls, r.ID)
			answer <- r
			return
		}
	}
	s.emit(protocol.Problem{Code: protocol.ErrNoCall, Message: "No tool call with this id waits for a result."})
}

// tools are the functions that the model may call: the client's, and the
// server's own.
func (w *worker) tools() []stage.Tool {
	var all []stage.Tool
	if w.deps.Tools != nil {
		all = append(all, w.deps.Tools.List()...)
	}
	for _, t := range w.settings.tools {
		all = append(all, stage.Tool{Name: t.Name, Description: t.Description, Parameters: t.Parameters})
	}
	return all
}

// call runs a tool for the model. A tool that fails is told to the model; only
// the end of the turn is an error.
func (w *worker) call(ctx context.Context, name string, arguments json.RawMessage) (string, error) {
	select {
	case <-w.confirmed: // a draft may be wrong about what the user wants
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, w.opts.ToolTime)
	defer cancel()
	if !json.Valid(arguments) {
		return "Error: the arguments are not valid JSON.", nil
	}
	output, err := w.runTool(limited, name, arguments)
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.Is(err, stage.ErrHandedOver):
		return "", err
	case err != nil:
		w.log.Warn("tool failed", "tool", name, "error", err)
		return "Error: " + err.Error(), nil
	}
	return output, nil
}

func (w *worker) runTool(ctx context.Context, name string, arguments json.RawMessage) (string, error) {
	for _, t := range w.settings.tools {
		if t.Name == name && w.settings.handOver {
			return "", w.handOver(ctx, name, arguments)
		}
		if t.Name == name {
			return w.askClient(ctx, name, arguments)
		}
	}
	if w.deps.Tools != nil {
		if out, ok, err := w.deps.Tools.Call(ctx, w.settings.user, name, arguments); ok {
			return out, err
		}
	}
	return "", fmt.Errorf("there is no tool %q", name)
}

// handOver tells the client of a call that it answers when it likes: the turn
// ends here.
func (w *worker) handOver(ctx context.Context, name string, arguments json.RawMessage) error {
	id := "call_" + strings.ReplaceAll(newID(), "-", "")
	if err := w.emit(ctx, protocol.ToolCall{ID: id, Name: name, Arguments: arguments}); err != nil {
		return err
	}
	w.handed = append(w.handed, stage.Call{ID: id, Name: name, Arguments: string(arguments)})
	return stage.ErrHandedOver
}

func (w *worker) askClient(ctx context.Context, name string, arguments json.RawMessage) (string, error) {
	answer := make(chan protocol.ToolResult, 1)
	select {
	case w.out <- turnOut{call: &toolCall{name, arguments, answer}}:
	case <-ctx.Done():
		return "", errors.New("the tool did not answer in time")
	}
	select {
	case r := <-answer:
		if r.Error != "" {
			return "", errors.New(r.Error)
		}
		return r.Output, nil
	case <-ctx.Done():
		return "", errors.New("the tool did not answer in time")
	}
}
