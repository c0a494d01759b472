// Package atot asks engines that turn audio into text (ATOT): those that speak
// the seed's dialect and those that are OpenAI-compatible.
//
// What an engine says in its headers is not believed: a transcript is read as
// JSON, as a stream of events in any of the shapes that real servers send, or as
// plain text, by what the body is.
package atot

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
	transcribe(ctx context.Context, u stage.Utterance) iter.Seq2[stage.Transcript, error]
	pull(ctx context.Context, userID string) (Result, error)
}

// Result is the latest transcript that an engine of the seed's dialect has for
// a user.
type Result struct {
	UserID   string // as the engine names the user; "" when it does not
	InputWAV string // where the engine keeps the recording
	Text     string
}

// New gives the client for the engines that spec names: URLs as package
// endpoint describes them, separated by commas, the preferred one first. An
// error is a sentence for whoever wrote spec.
func New(spec string, o endpoint.Options) (*Client, error) {
	o = o.WithDefaults()
	l, err := lineup.New(stage.ATOT, spec, o)
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

// Transcribe gives what the engine hears in u. The last transcript is Final;
// it is empty when no word was heard, which is no error. An engine that streams
// gives earlier ones while it listens. Errors are *stage.Error, or wrap
// context.Canceled when ctx was cancelled.
func (c *Client) Transcribe(ctx context.Context, u stage.Utterance) iter.Seq2[stage.Transcript, error] {
	return fallback.Hedged(ctx, c.Group(), func(ctx context.Context, i int) iter.Seq2[stage.Transcript, error] {
		return c.engines[i].transcribe(ctx, u)
	})
}

// Pull asks an engine of the seed's dialect for the latest result that it has
// for a user, without giving it any audio.
func (c *Client) Pull(ctx context.Context, userID string) (Result, error) {
	return fallback.First(ctx, c.Group(), func(ctx context.Context, i int) (Result, error) {
		return c.engines[i].pull(ctx, userID)
	})
}

// ask uploads u and reads the transcript from the answer.
func ask(ctx context.Context, c *endpoint.Caller, u stage.Utterance, fields []field, yield func(stage.Transcript) bool) (string, error) {
	form := newForm(fields)
	a, err := c.Do(ctx, endpoint.Request{
		Method:    "POST",
		URL:       c.Call(),
		Type:      form.contentType,
		Accept:    "application/json, text/event-stream, text/plain",
		Body:      form.body(u.Audio),
		MaxAnswer: maxAnswer,
	})
	if err != nil {
		return "", err
	}
	defer a.Close()
	media, _ := a.MediaType()
	text, err := readTranscript(a, media, yield)
	if err != nil {
		return "", a.Explain(err)
	}
	a.Finish()
	return text, nil
}

// language gives the primary language of a BCP 47 tag, which is what engines
// understand: "en" for "en-US".
func language(tag string) string {
	primary, _, _ := strings.Cut(tag, "-")
	primary, _, _ = strings.Cut(primary, "_")
	return strings.ToLower(primary)
}
