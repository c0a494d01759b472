package endpoint

import (
	"context"
	"io"
	"net/http"
	"net/url"
)

// Latest asks an engine of the seed's dialect for the latest result that it has
// for a user (GET with ?user_id=), and has read look at the answer's body of at
// most maxAnswer bytes. Errors of read are told as the engine's.
func (c *Caller) Latest(ctx context.Context, userID string, maxAnswer int64, read func(body []byte) error) error {
	at := c.Call()
	if userID != "" {
		at += "?user_id=" + url.QueryEscape(userID)
	}
	a, err := c.Do(ctx, Request{Method: http.MethodGet, URL: at, Accept: "application/json", MaxAnswer: maxAnswer})
	if err != nil {
		return err
	}
	defer a.Close()
	body, err := io.ReadAll(a)
	if err == nil {
		err = read(body)
	}
	if err != nil {
		return a.Explain(err)
	}
	return nil
}
