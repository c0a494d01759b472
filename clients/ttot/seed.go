package ttot

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"strings"
	"sync/atomic"

	"sori/clients/endpoint"
	"sori/stage"
)

// seed is an engine of the seed's dialect: POST /generate with text, or GET
// /generate for the reply to the latest one.
type seed struct {
	call     *endpoint.Caller
	pullOnly atomic.Bool // it answered 405 to text
}

// generateRequest is the body of a call.
type generateRequest struct {
	UserID       string        `json:"user_id"`
	Text         string        `json:"text"`
	History      []generateOne `json:"history"`
	Language     string        `json:"language,omitempty"`
	Instructions string        `json:"instructions,omitempty"`
}

type generateOne struct {
	Role string `json:"role"` // user or assistant
	Text string `json:"text"`
}

// respond leaves tools out: the dialect does not know them.
func (e *seed) respond(ctx context.Context, d *dialogue) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		err := e.push(ctx, d.prompt, func(text string) bool { return yield(text, nil) })
		if err != nil && !errors.Is(err, errLeft) {
			yield("", err)
		}
	}
}

// push gives the engine the text; one that takes none is asked for its latest
// reply.
func (e *seed) push(ctx context.Context, p stage.Prompt, yield func(string) bool) error {
	if !e.pullOnly.Load() {
		err := ask(ctx, e.call, generate(p), &replyReader{yield: yield})
		status, ok := errors.AsType[*endpoint.StatusError](err)
		if !ok || status.Status != http.StatusMethodNotAllowed {
			return err
		}
		e.pullOnly.Store(true)
	}
	r, err := e.pull(ctx, p.UserID)
	switch {
	case err != nil:
		e.pullOnly.Store(false) // perhaps another program runs there by now
		return err
	case r.UserID != "" && r.UserID != p.UserID:
		// The reply to somebody else must not be given to this user.
		return e.call.Explain(&endpoint.ReplyError{Code: stage.CodeBadReply, Says: "takes no text, and its latest reply is another user's."})
	case r.Text == "":
		return e.call.Explain(&endpoint.ReplyError{Code: stage.CodeEmptyReply, Says: "gave a reply without a word."})
	case !yield(r.Text):
		return errLeft
	}
	return nil
}

func generate(p stage.Prompt) generateRequest {
	r := generateRequest{
		UserID:       p.UserID,
		Text:         p.Text,
		History:      []generateOne{},
		Language:     p.Language,
		Instructions: p.Instructions,
	}
	for _, h := range p.History {
		for _, one := range []generateOne{{"user", h.User}, {"assistant", h.Reply}} {
			if strings.TrimSpace(one.Text) != "" {
				r.History = append(r.History, one)
			}
		}
	}
	return r
}

func (e *seed) pull(ctx context.Context, userID string) (Result, error) {
	var r Result
	err := e.call.Latest(ctx, userID, maxEvent, func(body []byte) (err error) {
		r, err = readResult(body)
		return err
	})
	return r, err
}

// readResult reads {"user_id", "ttot_text"}. The seed's user ids are numbers;
// sori's are strings.
func readResult(body []byte) (Result, error) {
	var answer struct {
		UserID json.RawMessage `json:"user_id"`
		Text   *string         `json:"ttot_text"`
		Error  json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return Result{}, &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "answered with something that is no JSON of a reply.", Err: err}
	}
	if err := endpoint.Reported(answer.Error); err != nil {
		return Result{}, err
	}
	if answer.Text == nil {
		return Result{}, &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "answered without a ttot_text."}
	}
	if len(*answer.Text) > maxReply {
		return Result{}, tooLong()
	}
	var t thinking
	text := t.write(*answer.Text)
	return Result{UserID: endpoint.UserID(answer.UserID), Text: strings.TrimSpace(text + t.flush())}, nil
}
