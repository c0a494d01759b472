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
	"time"

	"sori/clients/endpoint"
	"sori/clients/fallback"
	"sori/stage"
)

// Client asks the engines of one list, in order. Any number of goroutines may
// use it.
type Client struct {
	group   *fallback.Group
	callers []*endpoint.Caller
	engines []engine // by the same index
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
	list, err := endpoint.Parse(stage.TTS, spec, o.Getenv)
	if err != nil {
		return nil, err
	}
	c := &Client{}
	var names []string
	var hedges []time.Duration
	for _, e := range list {
		names = append(names, e.Name())
		hedges = append(hedges, e.Hedge())
		caller := endpoint.NewCaller(e, o)
		c.callers = append(c.callers, caller)
		if e.Dialect == endpoint.OpenAI {
			c.engines = append(c.engines, &openAI{call: caller})
		} else {
			c.engines = append(c.engines, &seed{call: caller})
		}
	}
	c.group = fallback.New(stage.TTS, names, fallback.Options{Log: o.Log, OnFallback: o.OnFallback, Hedge: hedges})
	return c, nil
}

// Engine is the name of the preferred engine.
func (c *Client) Engine() string { return c.group.Primary() }

// Synthesize speaks s. Chunks of 20 to 40 ms come as the engine makes them, all
// with the same rate; the last one may be shorter. Text without a word is spoken
// by silence of no length: no chunk and no error. Errors are *stage.Error, or
// wrap context.Canceled when ctx was cancelled; when speech is cut off, what
// came of it is given before the error.
func (c *Client) Synthesize(ctx context.Context, s stage.Speech) iter.Seq2[stage.Chunk, error] {
	if strings.TrimSpace(s.Text) == "" {
		return func(func(stage.Chunk, error) bool) {}
	}
	return fallback.Hedged(ctx, c.group, func(ctx context.Context, i int) iter.Seq2[stage.Chunk, error] {
		return c.engines[i].synthesize(ctx, s)
	})
}

// Load says how much the engines have to do.
func (c *Client) Load() fallback.Load { return c.group.Load() }

// Check asks every engine whether it is there.
func (c *Client) Check(ctx context.Context) []endpoint.Check {
	return endpoint.CheckAll(ctx, c.callers)
}

// Health is nil when any of the engines is there.
func (c *Client) Health(ctx context.Context) error { return endpoint.Summary(c.Check(ctx)) }

// Close closes the connections that wait for another call.
func (c *Client) Close() {
	for _, caller := range c.callers {
		caller.Close()
	}
}
