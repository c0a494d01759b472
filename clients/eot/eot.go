// Package eot asks an HTTP engine whether a pause is the end of what somebody
// wants to say. It satisfies session.EndOfTurn.
//
// # The call
//
// The engine is asked in the manner of Smart Turn:
//
//	POST URL
//	Content-Type: multipart/form-data
//
//	text=…       the transcript so far, where there is one
//	language=…   BCP 47, where it is known
//	file=…       the last eight seconds as WAV: 16,000 Hz, mono, signed 16-bit
//
// and answers with JSON:
//
//	{"prediction": 1, "probability": 0.93}
//
// probability, 0 to 1, says how likely the speaker has finished; prediction is
// the engine's own decision, and counts only where there is no probability. One
// of both is enough.
//
// The answer is worth something only while the pause lasts: a call has 300 ms.
// An engine that failed twice in a row is not asked for five seconds, then once;
// as long as that fails too, the rest gets longer, up to a minute. Meanwhile the
// caller gets the error at once and decides by the words alone.
package eot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"sori/audio"
	"sori/clients/endpoint"
	"sori/stage"
)

// Stage is what errors of this package say that they come from.
const Stage stage.Name = "eot"

const (
	defaultTimeout = 300 * time.Millisecond
	window         = 8 * audio.Rate // samples that the engine is given at most
	maxAnswer      = 64 << 10       // bytes
)

// Client asks one engine. Any number of goroutines may use it.
type Client struct {
	call    *endpoint.Caller
	url     string
	breaker breaker
}

// New gives the client for the engine that spec names: http:// or https:// with
// the whole path, and the parameters name and key_env as package endpoint
// describes them. The API key is in SORI_EOT_KEY where key_env names no other
// variable. o.Timeout is 300 ms when it is 0, and bounds the whole call. An
// error is a sentence for whoever wrote spec.
func New(spec string, o endpoint.Options) (*Client, error) {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	o.FirstByte, o.Idle, o.Total = o.Timeout, o.Timeout, o.Timeout
	list, err := endpoint.Parse(Stage, spec, o.Getenv)
	switch {
	case err != nil:
		return nil, err
	case len(list) > 1:
		return nil, errors.New("--eot: one engine is enough; without it the words alone decide")
	case list[0].Dialect != endpoint.Seed:
		return nil, errors.New("--eot: the URL must begin with http:// or https://: there is no OpenAI-compatible way to ask for the end of a turn")
	}
	at, err := path(strings.TrimSpace(spec), list[0].Call())
	if err != nil {
		return nil, err
	}
	return &Client{call: endpoint.NewCaller(list[0], o), url: at}, nil
}

// path gives the URL to call. It is call, except that a URL without a path
// means the root.
func path(spec, call string) (string, error) {
	given, err := url.Parse(spec)
	if err != nil {
		return "", errors.New("--eot: this is no URL; write one such as http://127.0.0.1:8003/turn")
	}
	u, err := url.Parse(call)
	if err != nil {
		return "", errors.New("--eot: this is no URL; write one such as http://127.0.0.1:8003/turn")
	}
	u.Path, u.RawPath = given.Path, given.RawPath
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String(), nil
}

// Engine is the engine's name.
func (c *Client) Engine() string { return c.call.Name() }

// Check asks the engine whether it is there.
func (c *Client) Check(ctx context.Context) endpoint.Check { return c.call.Check(ctx) }

// Health is nil when the engine is there.
func (c *Client) Health(ctx context.Context) error { return c.call.Health(ctx) }

// Close closes the connections that wait for another call.
func (c *Client) Close() { c.call.Close() }

// Finished gives the probability, 0 to 1, that the user has finished with u, in
// which ATOT heard text. Errors are *stage.Error, or wrap context.Canceled when
// ctx was cancelled; an error says nothing about the user.
func (c *Client) Finished(ctx context.Context, u stage.Utterance, text string) (float64, error) {
	if err := c.breaker.admit(time.Now()); err != nil {
		return 0, c.resting(err)
	}
	judged := false
	defer func() {
		if !judged { // a panic: the engine must stay usable
			c.breaker.report(unknown, nil, time.Now())
		}
	}()
	p, err := c.ask(ctx, u, text)
	judged = true
	c.breaker.report(judge(err), err, time.Now())
	return p, err
}

func (c *Client) ask(ctx context.Context, u stage.Utterance, text string) (float64, error) {
	f, err := newForm(u, text)
	if err != nil {
		return 0, c.call.Explain(err)
	}
	a, err := c.call.Do(ctx, endpoint.Request{
		Method:    http.MethodPost,
		URL:       c.url,
		Type:      f.contentType,
		Accept:    "application/json",
		Body:      f.body,
		MaxAnswer: maxAnswer,
	})
	if err != nil {
		return 0, err
	}
	defer a.Close()
	body, err := io.ReadAll(a)
	if err != nil {
		return 0, a.Explain(err)
	}
	p, err := decode(body)
	if err != nil {
		return 0, a.Explain(err)
	}
	return p, nil
}

// decode reads an answer.
func decode(body []byte) (float64, error) {
	var answer struct {
		Prediction  any             `json:"prediction"`
		Probability *float64        `json:"probability"`
		Error       json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), &answer); err != nil {
		return 0, &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "answered with something that is no JSON of a prediction.", Err: err}
	}
	if err := endpoint.Reported(answer.Error); err != nil {
		return 0, err
	}
	if p := answer.Probability; p != nil {
		if *p < 0 || *p > 1 {
			return 0, &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "answered with a probability that is not from 0 to 1."}
		}
		return *p, nil
	}
	switch p := answer.Prediction.(type) {
	case bool:
		if p {
			return 1, nil
		}
		return 0, nil
	case float64:
		if p == 0 || p == 1 {
			return p, nil
		}
	}
	return 0, &endpoint.ReplyError{Code: stage.CodeBadReply, Says: "answered with neither a probability nor a prediction of 0 or 1."}
}

// form is the form around the end of a recording. The audio is read from the
// recording while it is sent.
type form struct {
	contentType string
	head, tail  []byte
	audio       stage.Recording
	size        int64 // bytes of audio in the window
}

func newForm(u stage.Utterance, text string) (*form, error) {
	var head bytes.Buffer
	w := multipart.NewWriter(&head)
	for _, f := range []struct{ name, value string }{{"text", text}, {"language", u.Language}} {
		if f.value == "" {
			continue
		}
		if err := w.WriteField(f.name, f.value); err != nil {
			return nil, fmt.Errorf("write the form: %w", err)
		}
	}
	if _, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="turn.wav"`},
		"Content-Type":        {"audio/wav"},
	}); err != nil {
		return nil, fmt.Errorf("write the form: %w", err)
	}
	f := &form{
		contentType: w.FormDataContentType(),
		tail:        []byte("\r\n--" + w.Boundary() + "--\r\n"),
		audio:       u.Audio,
		size:        int64(min(u.Audio.Samples(), window) * audio.BytesPerSample),
	}
	f.head = audio.AppendHeader(head.Bytes(), audio.Rate, 1, int(f.size))
	return f, nil
}

// body gives a reader over the form, and its length in bytes.
func (f *form) body() (io.ReadCloser, int64) {
	wav, size := f.audio.WAV()
	end := &end{from: wav, skip: max(0, size-f.size)}
	return &formReader{
		Reader: io.MultiReader(bytes.NewReader(f.head), end, bytes.NewReader(f.tail)),
		Closer: wav,
	}, int64(len(f.head)) + f.size + int64(len(f.tail))
}

// end reads the end of a WAV file: its last samples, without its header.
type end struct {
	from io.Reader
	skip int64 // bytes that are still to be left out
}

// Read reads what comes after the bytes that are left out.
func (e *end) Read(p []byte) (int, error) {
	if e.skip > 0 {
		n, err := io.CopyN(io.Discard, e.from, e.skip)
		e.skip -= n
		if err != nil {
			return 0, err
		}
	}
	return e.from.Read(p)
}

// formReader reads the form and closes the recording's reader.
type formReader struct {
	io.Reader
	io.Closer
}
