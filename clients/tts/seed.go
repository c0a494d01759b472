package tts

import (
	"context"
	"errors"
	"iter"

	"sori/clients/endpoint"
	"sori/stage"
)

// seed is an engine of the seed's dialect: POST /tts, and a WAV comes back.
type seed struct{ call *endpoint.Caller }

// sayRequest is the body of a call.
type sayRequest struct {
	UserID   string `json:"user_id"`
	Text     string `json:"text"`
	Voice    string `json:"voice,omitempty"`
	Language string `json:"language,omitempty"`
}

func (e *seed) synthesize(ctx context.Context, s stage.Speech) iter.Seq2[stage.Chunk, error] {
	return func(yield func(stage.Chunk, error) bool) {
		voice := s.Voice
		if voice == "" {
			voice = e.call.Params.Get("voice")
		}
		say := sayRequest{UserID: s.UserID, Text: s.Text, Voice: voice, Language: s.Language}
		err := ask(ctx, e.call, say, "audio/wav", func(c stage.Chunk) bool { return yield(c, nil) })
		if err != nil && !errors.Is(err, errLeft) {
			yield(stage.Chunk{}, err)
		}
	}
}
