// Package ttot asks engines that answer text with text (TTOT): those that speak
// the seed's dialect and those that are OpenAI-compatible.
//
// Replies come as streams of events or, from engines that do not stream, in one
// piece; both are read by what the body is. What a model thinks before it
// speaks is not a part of the reply, and is left out.
//
// Models may call tools: see [Client.Respond]. Time limits count for each of the
// model's messages anew, and never the time that a tool takes.
package ttot

import (
	"context"
	"iter"

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
	respond(ctx context.Context, d *dialogue) iter.Seq2[string, error]
	pull(ctx context.Context, userID string) (Result, error)
}

// Result is the latest reply that an engine of the seed's dialect has for a
// user.
type Result struct {
	UserID string // as the engine names the user; "" when it does not
	Text   string
}

// New gives the client for the engines that spec names: URLs as package
// endpoint describes them, separated by commas, the preferred one first. An
// error is a sentence for whoever wrote spec.
func New(spec string, o endpoint.Options) (*Client, error) {
	o = o.WithDefaults()
	l, err := lineup.New(stage.TTOT, spec, o)
	if err != nil {
		return nil, err
	}
	c := &Client{Lineup: l}
	for _, caller := range l.Callers() {
		if caller.Dialect == endpoint.OpenAI {
			c.engines = append(c.engines, &openAI{call: caller, log: o.Log})
		} else {
			c.engines = append(c.engines, &seed{call: caller})
		}
	}
	return c, nil
}

// Respond gives the reply to p, piece by piece as the engine writes it. A reply
// without a word is a *stage.Error of code empty_reply. Other errors are
// *stage.Error as well, or wrap context.Canceled when ctx was cancelled.
//
// An engine of the OpenAI dialect may call the tools of p, at most five times
// one or more of them. p.Call runs them one after the other, on the goroutine
// that takes the reply; what the model said before is given first. An error of
// p.Call ends the reply and is given as it is. A tool runs once, also where
// another engine has to finish the reply.
func (c *Client) Respond(ctx context.Context, p stage.Prompt) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		d := &dialogue{prompt: p}
		pieces := fallback.Stream(ctx, c.Group(), func(ctx context.Context, i int) iter.Seq2[string, error] {
			return c.engines[i].respond(ctx, d)
		})
		if !d.mayCall() { // else a tool would run twice
			pieces = fallback.Hedged(ctx, c.Group(), func(ctx context.Context, i int) iter.Seq2[string, error] {
				return c.engines[i].respond(ctx, &dialogue{prompt: p})
			})
		}
		for piece, err := range pieces {
			if !yield(piece, err) {
				return
			}
		}
		if d.failed != nil {
			yield("", d.failed)
		}
	}
}

// Pull asks an engine of the seed's dialect for the reply to the latest text
// that it knows of a user, without giving it any text.
func (c *Client) Pull(ctx context.Context, userID string) (Result, error) {
	return fallback.First(ctx, c.Group(), func(ctx context.Context, i int) (Result, error) {
		return c.engines[i].pull(ctx, userID)
	})
}
