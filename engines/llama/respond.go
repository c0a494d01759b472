package llama

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"sori/stage"
)

// job is one reply on its way. The loop writes to out and reads the rest.
type job struct {
	ctx    context.Context //nolint:containedctx // the caller's, looked at by the loop between tokens
	prompt []int32
	fresh  bool // the first of a conversation
	out    *outlet
	began  time.Time
}

var errUnheard = errors.New("nobody listens any more")

// Respond gives the reply as it is made. It ends within a token of the end of
// ctx, with ctx's cause. Other errors are *stage.Error: CodeRejected for a text
// that the window has no room for, CodeLanguage for a language that the model
// does not have, CodeBusy when too many wait, CodeEmptyReply when the model has
// nothing to say.
func (r *Responder) Respond(ctx context.Context, p stage.Prompt) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := r.respond(ctx, p, yield); err != nil {
			yield("", err)
		}
	}
}

// respond gives nil when the caller wants no more.
func (r *Responder) respond(ctx context.Context, p stage.Prompt, yield func(string, error) bool) error {
	if !r.knows(p.Language) {
		return &stage.Error{
			Stage: stage.TTOT, Code: stage.CodeLanguage, Engine: r.name,
			Message: fmt.Sprintf("The local language model does not know the language %.20q; it knows %s.", p.Language, strings.Join(r.o.Languages, ", ")),
		}
	}
	began := time.Now()
	tokens, err := r.prompt(p)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(errUnheard)
	j := &job{ctx: ctx, prompt: tokens, fresh: len(p.History) == 0, out: newOutlet(), began: began}
	select {
	case <-r.quit:
		return r.failed(errClosed)
	case <-ctx.Done():
		return r.failed(context.Cause(ctx))
	default:
	}
	select {
	case r.jobs <- j:
	default:
		return &stage.Error{Stage: stage.TTOT, Code: stage.CodeBusy, Message: "The local language model has too much to do.", Engine: r.name}
	}
	said := false
	for {
		text, more, err := j.out.take(ctx)
		if text != "" {
			if !yield(text, nil) {
				return nil
			}
			said = said || strings.TrimSpace(text) != ""
		}
		switch {
		case err != nil:
			return r.failed(err)
		case more:
		case !said:
			return &stage.Error{Stage: stage.TTOT, Code: stage.CodeEmptyReply, Message: "The local language model had nothing to say.", Engine: r.name}
		default:
			return nil
		}
	}
}

func (r *Responder) knows(tag string) bool {
	base, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(strings.TrimSpace(tag)), "_", "-"), "-")
	switch base {
	case "", "und", "mul", "auto":
		return true
	}
	return len(r.o.Languages) == 0 || slices.Contains(r.o.Languages, base)
}
