package ttot

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"sori/clients/discover"
	"sori/clients/endpoint"
	"sori/stage"
)

// openAI is an engine with /v1/chat/completions.
type openAI struct {
	call    *endpoint.Caller
	log     *slog.Logger
	chosen  atomic.Pointer[string] // the model, where the URL names none
	newer   atomic.Bool            // it wants max_completion_tokens, as OpenAI's reasoning models do
	mute    atomic.Bool            // it takes no stream_options, so it does not say what a reply took
	refused refusals               // tools that it does not take
}

// chatRequest is the body of a call.
type chatRequest struct {
	Model               string          `json:"model,omitempty"`
	Messages            []chatMessage   `json:"messages"`
	Tools               json.RawMessage `json:"tools,omitempty"`
	ToolChoice          any             `json:"tool_choice,omitempty"`
	Stream              bool            `json:"stream"`
	MaxTokens           int             `json:"max_tokens,omitempty"`
	MaxCompletionTokens int             `json:"max_completion_tokens,omitempty"`
	Temperature         json.RawMessage `json:"temperature,omitempty"`
	StreamOptions       *streamOptions  `json:"stream_options,omitempty"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

func (e *openAI) respond(ctx context.Context, d *dialogue) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		model, err := e.model(ctx)
		if err != nil {
			yield("", err)
			return
		}
		tools, err := e.tools(d)
		if err != nil {
			yield("", err)
			return
		}
		for {
			r, err := e.round(ctx, d, model, &tools, yield)
			if err != nil {
				if !errors.Is(err, errLeft) {
					yield("", err)
				}
				return
			}
			if len(r.calls) == 0 || !d.run(ctx, r) {
				return
			}
		}
	}
}

// round asks for one message of the model. A call that the engine refuses for
// something that sori can do without is made again without it; tools that were
// refused are taken out of tools.
func (e *openAI) round(ctx context.Context, d *dialogue, model string, tools *toolList, yield func(string, error) bool) (round, error) {
	for {
		var text strings.Builder
		newer, counts := e.newer.Load(), stage.WantsUsage(ctx) && !e.mute.Load()
		calling := len(*tools) > 0 && d.choice() != "none"
		reader := &replyReader{yield: d.listener(yield, &text), before: d.given, tools: calling}
		body := e.request(d, model, *tools, newer)
		if counts {
			body.StreamOptions = &streamOptions{IncludeUsage: true}
		}
		err := ask(ctx, e.call, body, reader)
		switch {
		case err == nil:
			calls, broken := reader.calls.finish()
			if broken != nil {
				return round{}, e.call.Explain(broken)
			}
			if u := reader.usage; u != nil {
				stage.NoteUsage(ctx, stage.Usage{Input: u.Prompt, Cached: u.Details.Cached, Output: u.Completion})
			}
			return round{text: text.String(), thoughts: reader.thoughts.String(), calls: calls}, nil
		case text.Len() > 0:
			return round{}, err
		case counts && refusesUsage(err):
			e.mute.Store(true)
		case !newer && refusesMaxTokens(err):
			e.newer.Store(true)
		case len(*tools) > 0 && refusesTools(err):
			if len(d.rounds) > 0 || clumsy(err) {
				e.log.WarnContext(ctx, "the model could not call a tool, it answers without", "engine", e.call.Name(), "error", err)
			} else {
				e.refused.note(*tools, time.Now())
				e.log.WarnContext(ctx, "the engine refuses these tools, it answers without", "engine", e.call.Name(), "error", err)
			}
			*tools = nil
		default:
			return round{}, err
		}
	}
}

func (e *openAI) pull(context.Context, string) (Result, error) {
	return Result{}, e.call.Explain(&endpoint.ReplyError{
		Code: stage.CodeNotSet,
		Says: "speaks the OpenAI dialect, which knows no latest result to ask for: only an engine of the seed's dialect does.",
	})
}

func (e *openAI) request(d *dialogue, model string, tools toolList, newer bool) chatRequest {
	r := chatRequest{Model: model, Messages: d.messages(len(tools) > 0), Stream: true}
	if len(tools) > 0 {
		r.Tools, r.ToolChoice = json.RawMessage(tools), d.named()
	}
	if t := e.call.Params.Get("temperature"); t != "" {
		if f, err := strconv.ParseFloat(t, 64); err == nil {
			r.Temperature = strconv.AppendFloat(nil, f, 'f', -1, 64)
		}
	}
	limit := 1024 // a few minutes of speech, and room to think
	if n, err := strconv.Atoi(e.call.Params.Get("max_tokens")); err == nil {
		limit = n
	}
	if newer {
		r.MaxCompletionTokens = limit
	} else {
		r.MaxTokens = limit
	}
	return r
}

// model gives the model to ask for: the URL's, or the first of the engine's own
// that is for chats. An engine that lists none is asked without one.
func (e *openAI) model(ctx context.Context) (string, error) {
	if m := e.call.Params.Get("model"); m != "" {
		return m, nil
	}
	if m := e.chosen.Load(); m != nil {
		return *m, nil
	}
	ids, err := e.models(ctx)
	if err != nil && !answersWithoutList(err) {
		return "", err
	}
	m := discover.ChooseChat(ids)
	if m != "" {
		e.chosen.Store(&m)
	}
	return m, nil
}

// models gives the ids of the models that the engine lists.
func (e *openAI) models(ctx context.Context) ([]string, error) {
	a, err := e.call.Do(ctx, endpoint.Request{
		Method:    http.MethodGet,
		URL:       e.call.Models(),
		Accept:    "application/json",
		MaxAnswer: discover.MaxList,
	})
	if err != nil {
		return nil, err
	}
	defer a.Close()
	ids, err := discover.ReadModels(a)
	if err != nil {
		if _, ok := errors.AsType[*stage.Error](err); !ok {
			err = &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "has a list of models that can't be read.", Err: err}
		}
		return nil, a.Explain(err)
	}
	a.Finish()
	return ids, nil
}

// answersWithoutList says whether an engine that failed to list its models may
// still answer: it has no list, or none that can be read.
func answersWithoutList(err error) bool {
	if status, ok := errors.AsType[*endpoint.StatusError](err); ok {
		return status.Status != http.StatusUnauthorized && status.Status != http.StatusForbidden
	}
	e, ok := errors.AsType[*stage.Error](err)
	return ok && e.Code == stage.CodeBadReply
}

func refusesMaxTokens(err error) bool {
	e, ok := errors.AsType[*endpoint.StatusError](err)
	return ok && e.Status == http.StatusBadRequest && strings.Contains(e.Reason, "max_completion_tokens")
}

// refusesUsage says whether an engine refuses a call because it is asked what the
// reply takes.
func refusesUsage(err error) bool {
	e, ok := errors.AsType[*endpoint.StatusError](err)
	return ok && (e.Status == http.StatusBadRequest || e.Status == http.StatusUnprocessableEntity) &&
		(strings.Contains(e.Reason, "stream_options") || strings.Contains(e.Reason, "include_usage"))
}
