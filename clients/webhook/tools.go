package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sori/stage"
)

// Tools runs the tools of a configuration. It satisfies session.Tools. Any
// number of goroutines may use it.
type Tools struct {
	hooks []*hook
	http  *http.Client
}

// hook is one tool, ready to be called. It is immutable; slots counts the calls
// under way. What may be secret is given by funcs, so that no way of printing
// shows it.
type hook struct {
	tool    stage.Tool
	url     func() string
	header  func() http.Header // not to be changed
	key     func() []byte      // of the signature; nil for none
	hidden  []func() string    // what no answer may show
	timeout time.Duration
	slots   chan struct{}
}

const (
	signatureHeader = "Sori-Signature"
	maxArguments    = 64 << 10 // bytes of a call's arguments
	maxOutput       = 32 << 10 // bytes of an answer that the model reads
	maxSecret       = 4 << 10  // bytes of a secret
	cutMark         = "\n[The answer was longer and is cut here.]"
	noOutput        = "Done. The tool has nothing to say."
)

// New gives the tools that list describes, at most 64. An error is a sentence
// for whoever wrote the configuration.
func New(list []Tool, o Options) (*Tools, error) {
	allowed, err := allowList(o.Allow)
	if err != nil {
		return nil, err
	}
	return newTools(list, o, allowed, newDialer(o.AllowPrivate, allowed).Dial)
}

func newTools(list []Tool, o Options, allowed map[string]bool, dial func(ctx context.Context, network, address string) (net.Conn, error)) (*Tools, error) {
	if len(list) > maxTools {
		return nil, fmt.Errorf("there are %d tools, at most %d are allowed", len(list), maxTools)
	}
	if o.Concurrency <= 0 {
		o.Concurrency = defaultAtOnce
	}
	if o.Getenv == nil {
		o.Getenv = func(string) string { return "" }
	}
	ts := &Tools{http: client(dial)}
	for i, t := range list {
		if !isName(t.Name) {
			return nil, fmt.Errorf("tool %d of %d needs a name of 1 to %d letters, digits, \"_\" and \"-\"", i+1, len(list), maxName)
		}
		if ts.find(t.Name) != nil {
			return nil, fmt.Errorf("the tool %s stands twice", t.Name)
		}
		h, err := compile(t, o, allowed)
		if err != nil {
			return nil, fmt.Errorf("the tool %s: %w", t.Name, err)
		}
		ts.hooks = append(ts.hooks, h)
	}
	return ts, nil
}

// Close closes the connections that wait for another call.
func (ts *Tools) Close() { ts.http.CloseIdleConnections() }

// List gives the tools for the model.
func (ts *Tools) List() []stage.Tool {
	all := make([]stage.Tool, 0, len(ts.hooks))
	for _, h := range ts.hooks {
		all = append(all, h.tool)
	}
	return all
}

func (ts *Tools) find(name string) *hook {
	if i := slices.IndexFunc(ts.hooks, func(h *hook) bool { return h.tool.Name == name }); i >= 0 {
		return ts.hooks[i]
	}
	return nil
}

// Call runs a tool for a user. ok is false when there is none of this name.
// output is at most 32 KiB of UTF-8. An error is an [*Error], whose text the
// model may read, or wraps context.Canceled when ctx was cancelled.
func (ts *Tools) Call(ctx context.Context, userID, name string, arguments json.RawMessage) (output string, ok bool, err error) {
	h := ts.find(name)
	if h == nil {
		return "", false, nil
	}
	output, err = ts.call(ctx, h, userID, arguments)
	return output, true, err
}

func (ts *Tools) call(ctx context.Context, h *hook, userID string, arguments json.RawMessage) (string, error) {
	if len(bytes.TrimSpace(arguments)) == 0 {
		arguments = json.RawMessage("{}")
	}
	if len(arguments) > maxArguments || !json.Valid(arguments) {
		return "", h.failure("was called with arguments that are no JSON, or too long.", nil)
	}
	limited, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-limited.Done():
		return "", h.explain(ctx, errBusy)
	}
	req, err := h.request(limited, userID, arguments)
	if err != nil {
		return "", h.failure("can't be called, because of a bug in sori.", err)
	}
	resp, err := ts.http.Do(req)
	if err != nil {
		return "", h.explain(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return "", h.refusal(resp.StatusCode)
	}
	output, err := h.read(resp.Body)
	if err != nil {
		return "", h.explain(ctx, err)
	}
	return output, nil
}

// request makes the request of a call, signed where there is a secret.
func (h *hook) request(ctx context.Context, userID string, arguments json.RawMessage) (*http.Request, error) {
	body, err := json.Marshal(struct {
		UserID    string          `json:"user_id"`
		Tool      string          `json:"tool"`
		Arguments json.RawMessage `json:"arguments"`
	}{userID, h.tool.Name, arguments})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "sori")
	req.Header.Set("Accept", "application/json, text/plain")
	for name, values := range h.header() {
		req.Header[name] = slices.Clone(values)
	}
	req.Header.Set("Content-Type", "application/json")
	if h.key != nil {
		req.Header.Set(signatureHeader, sign(h.key(), time.Now(), body))
	}
	return req, nil
}

// sign gives the signature of a body at a time.
func sign(key []byte, now time.Time, body []byte) string {
	t := strconv.FormatInt(now.Unix(), 10)
	m := hmac.New(sha256.New, key)
	m.Write([]byte(t + "."))
	m.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(m.Sum(nil))
}

var (
	errBusy    = errors.New("too many calls of the tool run already")
	errNotText = errors.New("the answer is no text in UTF-8")
)

// read reads what the model is to read of an answer.
func (h *hook) read(body io.Reader) (string, error) {
	// A little more than the model reads, so that no secret is cut into a part
	// that nobody finds.
	raw, err := io.ReadAll(io.LimitReader(body, maxOutput+maxSecret))
	if err != nil {
		return "", err
	}
	more := len(raw) == maxOutput+maxSecret
	if more {
		raw = wholeRunes(raw)
	}
	if !utf8.Valid(raw) || bytes.IndexByte(raw, 0) >= 0 {
		return "", errNotText
	}
	text := strings.TrimSpace(h.redact(string(raw)))
	switch {
	case more || len(text) > maxOutput:
		text = text[:min(len(text), maxOutput-len(cutMark))]
		return string(wholeRunes([]byte(text))) + cutMark, nil
	case text == "":
		return noOutput, nil
	}
	return text, nil
}

// wholeRunes cuts off a character at the end of which only a part is there.
func wholeRunes(b []byte) []byte {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if at := len(b) - n; utf8.RuneStart(b[at]) {
			if !utf8.FullRune(b[at:]) {
				return b[:at]
			}
			break
		}
	}
	return b
}

// redact takes secrets out of an answer: some endpoints tell what they were sent.
func (h *hook) redact(s string) string {
	for _, secret := range h.hidden {
		s = strings.ReplaceAll(s, secret(), "[key]")
	}
	return s
}
