package tts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"sori/clients/endpoint"
	"sori/stage"
)

const (
	maxAnswer   = 50 << 20 // bytes of an answer
	defaultRate = 24_000   // Hz of bare PCM, when nothing else is known: OpenAI's
)

// errLeft says that whoever takes the speech wants no more.
var errLeft = errors.New("the listener left")

// ask posts body as JSON and gives the speech to yield, until yield returns
// false; then the error is errLeft.
func ask(ctx context.Context, c *endpoint.Caller, body any, accept string, yield func(stage.Chunk) bool) error {
	sent, err := json.Marshal(body)
	if err != nil {
		return c.Explain(fmt.Errorf("encode the request: %w", err))
	}
	a, err := c.Do(ctx, endpoint.Request{
		Method: http.MethodPost,
		URL:    c.Call(),
		Type:   "application/json",
		Accept: accept,
		Body: func() (io.ReadCloser, int64) {
			return io.NopCloser(bytes.NewReader(sent)), int64(len(sent))
		},
		MaxAnswer: maxAnswer,
	})
	if err != nil {
		return err
	}
	defer a.Close()
	media, params := a.MediaType()
	s, err := openSpeech(a, media, bareRate(c, params))
	if err == nil {
		err = s.chunks(func(chunk stage.Chunk) bool {
			a.Progress()
			return yield(chunk)
		})
	}
	switch {
	case errors.Is(err, errLeft):
		return err
	case err != nil:
		return a.Explain(err)
	}
	a.Finish()
	return nil
}

// bareRate is the rate of bare PCM: the URL's, else the header's, else OpenAI's.
func bareRate(c *endpoint.Caller, params map[string]string) int {
	for _, s := range []string{c.Params.Get("rate"), params["rate"]} {
		if n, err := strconv.Atoi(s); err == nil && n >= endpoint.MinRate && n <= endpoint.MaxRate {
			return n
		}
	}
	return defaultRate
}
