package ttot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"sori/clients/endpoint"
	"sori/clients/sse"
)

// afterEnd is how long the rest of a stream may take once the reply is complete.
const afterEnd = 250 * time.Millisecond

// ask posts body as JSON and has r read the reply. When the listener leaves, the
// error is errLeft.
func ask(ctx context.Context, c *endpoint.Caller, body any, r *replyReader) error {
	sent, err := json.Marshal(body)
	if err != nil {
		return c.Explain(fmt.Errorf("encode the request: %w", err))
	}
	a, err := c.Do(ctx, endpoint.Request{
		Method: http.MethodPost,
		URL:    c.Call(),
		Type:   "application/json",
		Accept: sse.MediaType,
		Body: func() (io.ReadCloser, int64) {
			return io.NopCloser(bytes.NewReader(sent)), int64(len(sent))
		},
		MaxAnswer: maxAnswer,
	})
	if err != nil {
		return err
	}
	defer a.Close()
	r.progress = a.Progress
	r.ending = func() { a.Within(afterEnd) }
	media, _ := a.MediaType()
	if err := r.read(a, media); err != nil {
		if errors.Is(err, errLeft) {
			return err
		}
		return a.Explain(err)
	}
	a.Finish()
	return nil
}
