package enginehttp

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sori/stage"
)

// ttot serves text to text.
type ttot struct {
	*service

	results *results // of the ATOT that is served here too, else nil
}

type generateRequest struct {
	UserID       userID    `json:"user_id"`
	Text         string    `json:"text"`
	Language     string    `json:"language"`
	Instructions string    `json:"instructions"`
	History      []message `json:"history"`
}

type generateAnswer struct {
	UserID userID `json:"user_id"`
	Text   string `json:"ttot_text"`
}

type delta struct {
	Delta string `json:"delta"`
}

// push answers a text: POST /generate.
func (t *ttot) push(w http.ResponseWriter, r *http.Request) {
	var req generateRequest
	if err := t.readJSON(w, r, &req); err != nil {
		t.fail(w, r, err)
		return
	}
	user, err := req.UserID.or(t.DefaultUser)
	if err == nil && strings.TrimSpace(req.Text) == "" {
		err = badRequest("text", "There is no text to answer.")
	}
	if err != nil {
		t.fail(w, r, err)
		return
	}
	t.generate(w, r, stage.Prompt{UserID: user, Text: req.Text, Language: req.Language, Instructions: req.Instructions, History: exchanges(req.History)})
}

// pull answers the user's latest transcript: GET /generate.
func (t *ttot) pull(w http.ResponseWriter, r *http.Request) {
	user, err := userID(r.URL.Query().Get("user_id")).or(t.DefaultUser)
	if err != nil {
		t.fail(w, r, err)
		return
	}
	heard, err := t.latest(r.Context(), user)
	if err != nil {
		t.fail(w, r, err)
		return
	}
	t.generate(w, r, stage.Prompt{UserID: user, Text: heard})
}

// generate gives the reply, as events where the client asks for them.
func (t *ttot) generate(w http.ResponseWriter, r *http.Request, p stage.Prompt) {
	stream := strings.Contains(r.Header.Get("Accept"), "text/event-stream")
	t.work(w, r, func(r *http.Request) error {
		events := newEvents(w)
		var reply strings.Builder
		for piece, err := range t.TTOT.Respond(r.Context(), p) {
			if err == nil && stream && piece != "" {
				err = events.send(delta{piece})
			}
			if err != nil {
				if events.began {
					t.breakOff(r, err)
				}
				return err
			}
			reply.WriteString(piece)
		}
		answer := generateAnswer{UserID: userID(p.UserID), Text: reply.String()}
		if !stream {
			writeJSON(w, http.StatusOK, answer)
		} else if err := events.send(answer); err != nil {
			t.breakOff(r, err)
		}
		return nil
	})
}

// latest gives what the user said last: it is known here, or asked of the ATOT
// service.
func (t *ttot) latest(ctx context.Context, user string) (string, error) {
	if t.results != nil {
		one, ok := t.results.get(user)
		if !ok {
			return "", noResult()
		}
		return one.Text, nil
	}
	if t.ATOTURL == "" {
		return "", &requestError{status: http.StatusServiceUnavailable, code: stage.CodeNotSet, message: "This service knows no ATOT service to ask for the latest transcript. Send the text with POST /generate."}
	}
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(t.ATOTURL, "/")+"/run-model?user_id="+url.QueryEscape(user), http.NoBody)
	if err != nil {
		return "", fmt.Errorf("the ATOT service's URL: %w", err)
	}
	a, err := t.HTTP.Do(req)
	if err != nil {
		return "", &requestError{status: http.StatusBadGateway, code: stage.CodeUnreachable, message: "The ATOT service can't be reached.", err: err}
	}
	defer func() { _ = a.Body.Close() }() // it was only read
	body, err := io.ReadAll(io.LimitReader(a.Body, maxJSON))
	if err != nil {
		return "", &requestError{status: http.StatusBadGateway, code: stage.CodeCutOff, message: "The ATOT service broke off its answer.", err: err}
	}
	var answer struct {
		UserID userID  `json:"user_id"`
		Text   *string `json:"atot_text"`
	}
	switch {
	case a.StatusCode == http.StatusNotFound:
		return "", noResult()
	case a.StatusCode != http.StatusOK:
		return "", &requestError{status: http.StatusBadGateway, code: stage.CodeStatus, message: fmt.Sprintf("The ATOT service answered with HTTP %d.", a.StatusCode)}
	case json.Unmarshal(body, &answer) != nil || answer.Text == nil:
		return "", &requestError{status: http.StatusBadGateway, code: stage.CodeBadReply, message: "The ATOT service gave no transcript."}
	case answer.UserID != "" && string(answer.UserID) != user:
		return "", noResult() // what somebody else said is not answered to this user
	}
	return *answer.Text, nil
}

// message is one message of a conversation, in both dialects' shapes.
type message struct {
	Role    string  `json:"role"`
	Text    string  `json:"text"`    // the seed's
	Content content `json:"content"` // OpenAI's
}

func (m message) says() string {
	if m.Text != "" {
		return m.Text
	}
	return string(m.Content)
}

// content is text, or a list of parts of which the text counts.
type content string

// UnmarshalJSON implements json.Unmarshaler.
func (c *content) UnmarshalJSON(b []byte) error {
	var s *string
	if json.Unmarshal(b, &s) == nil {
		if s != nil {
			*c = content(*s)
		}
		return nil
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if err := json.Unmarshal(b, &parts); err != nil {
		return badRequest("messages", "A message's content must be a text or a list of parts.")
	}
	for _, p := range parts {
		if p.Type != "text" && p.Type != "input_text" && p.Type != "output_text" {
			return badRequest("messages", "A message has a part of type %.40q; only text can be answered.", p.Type)
		}
		*c += content(p.Text)
	}
	return nil
}

// exchanges puts a conversation's messages into pairs.
func exchanges(ms []message) []stage.Exchange {
	var all []stage.Exchange
	for _, m := range ms {
		switch m.Role {
		case "user":
			all = append(all, stage.Exchange{User: m.says()})
		case "assistant":
			if len(all) == 0 || all[len(all)-1].Reply != "" {
				all = append(all, stage.Exchange{})
			}
			all[len(all)-1].Reply = m.says()
		}
	}
	return all
}
