package tts

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

// openAI is an engine with /v1/audio/speech.
type openAI struct {
	call *endpoint.Caller
	wav  atomic.Bool // it gave no PCM, so that WAV is asked for
}

// speechRequest is the body of a call.
type speechRequest struct {
	Model  string `json:"model"`
	Input  string `json:"input"`
	Voice  string `json:"voice"`
	Format string `json:"response_format"`
	Stream bool   `json:"stream,omitempty"`
}

func (e *openAI) synthesize(ctx context.Context, s stage.Speech) iter.Seq2[stage.Chunk, error] {
	return func(yield func(stage.Chunk, error) bool) {
		chunk := func(c stage.Chunk) bool { return yield(c, nil) }
		r := e.request(s)
		err := ask(ctx, e.call, r, "audio/*", chunk)
		if r.Format == "pcm" && e.call.Params.Get("format") == "" && givesNoPCM(err) {
			e.wav.Store(true)
			err = ask(ctx, e.call, e.request(s), "audio/*", chunk)
		}
		if err != nil && !errors.Is(err, errLeft) {
			yield(stage.Chunk{}, err)
		}
	}
}

func (e *openAI) request(s stage.Speech) speechRequest {
	or := func(values ...string) string {
		for _, v := range values {
			if v != "" {
				return v
			}
		}
		return ""
	}
	format := e.call.Params.Get("format")
	if format == "" {
		format = "pcm"
		if e.wav.Load() {
			format = "wav"
		}
	}
	return speechRequest{
		Model:  or(e.call.Params.Get("model"), "tts-1"),
		Input:  s.Text,
		Voice:  or(s.Voice, e.call.Params.Get("voice"), "alloy"),
		Format: format,
		Stream: e.call.Params.Get("stream") == "true",
	}
}

// givesNoPCM says whether an engine refuses PCM, or sends compressed audio in
// its place.
func givesNoPCM(err error) bool {
	if errors.Is(err, errCompressed) {
		return true
	}
	e, ok := errors.AsType[*endpoint.StatusError](err)
	if !ok {
		return false
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusUnsupportedMediaType:
		reason := strings.ToLower(e.Reason)
		return strings.Contains(reason, "format") || strings.Contains(reason, "pcm")
	}
	return false
}
