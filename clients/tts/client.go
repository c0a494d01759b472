// Package tts asks engines that turn text into speech (TTS): those that speak
// the seed's dialect and those that are OpenAI-compatible.
//
// Speech is read by what the body is, whatever was asked for and whatever the
// header says: WAV at the rate in its own header, events that carry audio, or
// bare PCM. Compressed audio, web pages and JSON are told apart from speech and
// refused in words.
package tts

import (
	"context"
	"iter"
	"strings"

	"sori/clients/endpoint"
	"sori/clients/fallback"
	"sori/clients/lineup"
	"sori/stage"
)

// Client asks the engines of one list, in order. Any number of goroutines may
// use it.
type Client struct {
	*lineup.Lineup
	engines []engine // by the indices of the lineup
}

// engine is one engine in its dialect.
type engine interface {
	synthesize(ctx context.Context, s stage.Speech) iter.Seq2[stage.Chunk, error]
}

// New gives the client for the engines that spec names: URLs as package
// endpoint describes them, separated by commas, the preferred one first. An
// error is a sentence for whoever wrote spec.
func New(spec string, o endpoint.Options) (*Client, error) {
	o = o.WithDefaults()
	l, err := lineup.New(stage.TTS, spec, o)
	if err != nil {
		return nil, err
	}
	c := &Client{Lineup: l}
	for _, caller := range l.Callers() {
		if caller.Dialect == endpoint.OpenAI {
			c.engines = append(c.engines, &openAI{call: caller})
		} else {
			c.engines = append(c.engines, &seed{call: caller})
		}
	}
	return c, nil
}

// Synthesize speaks s. Chunks of 20 to 100 ms come as the engine makes them, all
// with the same rate; the last one may be shorter. Text without a word is spoken
// by silence of no length: no chunk and no error. Errors are *stage.Error, or
// wrap context.Canceled when ctx was cancelled; when speech is cut off, what
// came of it is given before the error.
func (c *Client) Synthesize(ctx context.Context, s stage.Speech) iter.Seq2[stage.Chunk, error] {
	if strings.TrimSpace(s.Text) == "" {
		return func(func(stage.Chunk, error) bool) {}
	}
	return fallback.Hedged(ctx, c.Group(), func(ctx context.Context, i int) iter.Seq2[stage.Chunk, error] {
		return c.engines[i].synthesize(ctx, s)
	})
}
