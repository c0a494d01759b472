package ttot

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"sori/clients/discover"
	"sori/clients/endpoint"
	"sori/stage"
)

// openAI is an engine with /v1/chat/completions.
type openAI struct {
	call   *endpoint.Caller
	chosen atomic.Pointer[string] // the model, where the URL names none
	newer  atomic.Bool            // it wants max_completion_tokens, as OpenAI's reasoning models do
}

// chatRequest is the body of a call.
type chatRequest struct {
	Model               string          `json:"model,omitempty"`
	Messages            []chatMessage   `json:"messages"`
	Stream              bool            `json:"stream"`
	MaxTokens           int             `json:"max_tokens,omitempty"`
	MaxCompletionTokens int             `json:"max_completion_tokens,omitempty"`
	Temperature         json.RawMessage `json:"temperature,omitempty"`
}

func (e *openAI) respond(ctx context.Context, p stage.Prompt) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		model, err := e.model(ctx)
		if err != nil {
			yield("", err)
			return
		}
		piece := func(text string) bool { return yield(text, nil) }
		err = ask(ctx, e.call, e.request(p, model), piece)
		if !e.newer.Load() && refusesMaxTokens(err) {
			e.newer.Store(true)
			err = ask(ctx, e.call, e.request(p, model), piece)
		}
		if err != nil && !errors.Is(err, errLeft) {
			yield("", err)
		}
	}
}

func (e *openAI) pull(context.Context, string) (Result, error) {
	return Result{}, e.call.Explain(&endpoint.ReplyError{
		Code: stage.CodeNotSet,
		Says: "speaks the OpenAI dialect, which knows no latest result to ask for: only an engine of the seed's dialect does.",
	})
}

func (e *openAI) request(p stage.Prompt, model string) chatRequest {
	r := chatRequest{Model: model, Messages: messages(p), Stream: true}
	if t := e.call.Params.Get("temperature"); t != "" {
		if f, err := strconv.ParseFloat(t, 64); err == nil {
			r.Temperature = strconv.AppendFloat(nil, f, 'f', -1, 64)
		}
	}
	limit := 1024 // a few minutes of speech, and room to think
	if n, err := strconv.Atoi(e.call.Params.Get("max_tokens")); err == nil {
		limit = n
	}
	if e.newer.Load() {
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
