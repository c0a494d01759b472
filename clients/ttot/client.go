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
	list, err := endpoint.Parse(stage.TTOT, spec, o.Getenv)
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
			c.engines = append(c.engines, &openAI{call: caller, log: o.Log})
		} else {
			c.engines = append(c.engines, &seed{call: caller})
		}
	}
	c.group = fallback.New(stage.TTOT, names, fallback.Options{Log: o.Log, OnFallback: o.OnFallback, Hedge: hedges})
	return c, nil
}

// Engine is the name of the preferred engine.
func (c *Client) Engine() string { return c.group.Primary() }

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
		pieces := fallback.Stream(ctx, c.group, func(ctx context.Context, i int) iter.Seq2[string, error] {
			return c.engines[i].respond(ctx, d)
		})
		if !d.mayCall() { // else a tool would run twice
			pieces = fallback.Hedged(ctx, c.group, func(ctx context.Context, i int) iter.Seq2[string, error] {
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
	return fallback.First(ctx, c.group, func(ctx context.Context, i int) (Result, error) {
		return c.engines[i].pull(ctx, userID)
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
