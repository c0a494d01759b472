package atot

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strings"
	"sync/atomic"

	"sori/clients/endpoint"
	"sori/stage"
)

// openAI is an engine with /v1/audio/transcriptions.
type openAI struct {
	call  *endpoint.Caller
	plain atomic.Bool // it refused verbose_json, so that json is asked for
}

func (e *openAI) transcribe(ctx context.Context, u stage.Utterance) iter.Seq2[stage.Transcript, error] {
	return func(yield func(stage.Transcript, error) bool) {
		more := true
		partial := func(t stage.Transcript) bool {
			more = yield(t, nil)
			return more
		}
		format := e.format()
		text, err := ask(ctx, e.call, u, e.fields(u, format), partial)
		if err != nil && format == verbose && e.call.Params.Get("format") == "" && refusesFormat(err) {
			e.plain.Store(true)
			text, err = ask(ctx, e.call, u, e.fields(u, e.format()), partial)
		}
		switch {
		case !more:
		case err != nil:
			yield(stage.Transcript{}, err)
		default:
			yield(stage.Transcript{Text: text, Final: true}, nil)
		}
	}
}

func (e *openAI) pull(context.Context, string) (Result, error) {
	return Result{}, e.call.Explain(&endpoint.ReplyError{
		Code: stage.CodeNotSet,
		Says: "speaks the OpenAI dialect, which knows no latest result to ask for: only an engine of the seed's dialect does.",
	})
}

// verbose is the format in which engines say how sure they are that anybody
// spoke.
const verbose = "verbose_json"

// format is the format to ask for.
func (e *openAI) format() string {
	switch format := e.call.Params.Get("format"); {
	case format != "":
		return format
	case e.plain.Load(), e.streams():
		return "json"
	}
	return verbose
}

func (e *openAI) streams() bool { return e.call.Params.Get("stream") == "true" }

func (e *openAI) fields(u stage.Utterance, format string) []field {
	model := e.call.Params.Get("model")
	if model == "" {
		model = "whisper-1"
	}
	lang := language(u.Language)
	if lang == "" {
		lang = e.call.Params.Get("language")
	}
	fields := []field{{"model", model}, {"language", lang}, {"response_format", format}}
	if e.streams() {
		fields = append(fields, field{"stream", "true"})
	}
	return fields
}

// refusesFormat says whether an engine refuses a call for the format in which
// it is asked to answer.
func refusesFormat(err error) bool {
	e, ok := errors.AsType[*endpoint.StatusError](err)
	if !ok {
		return false
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusUnsupportedMediaType:
		reason := strings.ToLower(e.Reason)
		return strings.Contains(reason, "format") || strings.Contains(reason, verbose)
	}
	return false
}
