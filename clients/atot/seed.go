package atot

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"sync/atomic"

	"sori/clients/endpoint"
	"sori/stage"
)

// seed is an engine of the seed's dialect: POST /run-model with audio, or GET
// /run-model for the latest result.
type seed struct {
	call     *endpoint.Caller
	pullOnly atomic.Bool // it answered 405 to audio
}

func (e *seed) transcribe(ctx context.Context, u stage.Utterance) iter.Seq2[stage.Transcript, error] {
	return func(yield func(stage.Transcript, error) bool) {
		more := true
		text, err := e.push(ctx, u, func(t stage.Transcript) bool {
			more = yield(t, nil)
			return more
		})
		switch {
		case !more:
		case err != nil:
			yield(stage.Transcript{}, err)
		default:
			yield(stage.Transcript{Text: text, Final: true}, nil)
		}
	}
}

// push gives the engine the audio; one that takes none is asked for its latest
// result.
func (e *seed) push(ctx context.Context, u stage.Utterance, partial func(stage.Transcript) bool) (string, error) {
	if !e.pullOnly.Load() {
		text, err := ask(ctx, e.call, u, []field{{"user_id", u.UserID}, {"language", u.Language}}, partial)
		status, ok := errors.AsType[*endpoint.StatusError](err)
		if !ok || status.Status != http.StatusMethodNotAllowed {
			return text, err
		}
		e.pullOnly.Store(true)
	}
	r, err := e.pull(ctx, u.UserID)
	if err != nil {
		e.pullOnly.Store(false) // perhaps another program runs there by now
		return "", err
	}
	if r.UserID != "" && r.UserID != u.UserID {
		// What somebody else said must not be answered to this user.
		return "", e.call.Explain(&endpoint.ReplyError{
			Code: stage.CodeBadReply,
			Says: "takes no audio, and its latest result is another user's.",
		})
	}
	return r.Text, nil
}

func (e *seed) pull(ctx context.Context, userID string) (Result, error) {
	var r Result
	err := e.call.Latest(ctx, userID, maxAnswer, func(body []byte) (err error) {
		r, err = readResult(body)
		return err
	})
	return r, err
}

// readResult reads {"user_id", "input_wav", "atot_text"}. The seed's user ids
// are numbers; sori's are strings.
func readResult(body []byte) (Result, error) {
	var answer struct {
		UserID   json.RawMessage `json:"user_id"`
		InputWAV *string         `json:"input_wav"`
		Text     *string         `json:"atot_text"`
		Error    json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return Result{}, notJSON(body, err)
	}
	if err := endpoint.Reported(answer.Error); err != nil {
		return Result{}, err
	}
	if answer.Text == nil {
		return Result{}, &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "answered without an atot_text."}
	}
	r := Result{UserID: endpoint.UserID(answer.UserID), Text: clean(*answer.Text)}
	if answer.InputWAV != nil {
		r.InputWAV = *answer.InputWAV
	}
	return r, nil
}
