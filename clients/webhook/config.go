package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Tool is one tool, as the configuration describes it. Printed, it shows no
// secrets.
type Tool struct {
	// Name is what the model calls it by: 1 to 64 letters, digits, "_" and "-".
	Name string `json:"name" yaml:"name"`
	// Description tells the model what it does and when to call it, in at most
	// 2,048 bytes.
	Description string `json:"description" yaml:"description"`
	// Parameters is a JSON Schema of an object, at most 8,192 bytes as JSON; nil
	// for none.
	Parameters map[string]any `json:"parameters" yaml:"parameters"`
	// URL is what is called, http or https. It may not hold a user or a password.
	URL string `json:"url" yaml:"url"`
	// Headers are sent with each call. A value "env:NAME" is the environment
	// variable NAME.
	Headers map[string]string `json:"headers" yaml:"headers"`
	// Secret signs the calls; "env:NAME" is the environment variable NAME, "" is
	// no signature.
	Secret string `json:"secret" yaml:"secret"`
	// Timeout bounds a call from its beginning to the end of the answer. 0 is 10 s.
	Timeout Duration `json:"timeout" yaml:"timeout"`
}

// String gives the name: the rest may hold secrets.
func (t Tool) String() string { return "tool " + t.Name }

// GoString is String.
func (t Tool) GoString() string { return t.String() }

// LogValue is String.
func (t Tool) LogValue() slog.Value { return slog.StringValue(t.String()) }

// Duration is a length of time as configurations write it, such as "10s".
type Duration time.Duration

// UnmarshalText reads a length of time.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is no length of time, such as 10s or 500ms", text)
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes a length of time as UnmarshalText reads it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Options say how all tools are called. The zero value is the strict one.
type Options struct {
	// AllowPrivate lets calls go to any address.
	AllowPrivate bool
	// Allow is where calls may go though the address is not public: HOST:PORT, as
	// it stands in a URL, with the port even where the URL leaves it out.
	Allow []string
	// Concurrency is how many calls of one tool run at once; more wait, within
	// their timeout. 0 is 16.
	Concurrency int
	// Getenv gives the environment, for secrets. nil is no environment.
	Getenv func(string) string
}

// Limits of a tool's configuration. Those of the model's side are the same as
// for the tools that clients bring.
const (
	maxTools       = 64
	maxName        = 64
	maxDescription = 2 << 10
	maxSchema      = 8 << 10
	defaultTimeout = 10 * time.Second
	maxTimeout     = 5 * time.Minute
	defaultAtOnce  = 16
)

// compile makes a tool ready to be called. Its errors are sentences for whoever
// wrote the configuration, without secrets.
func compile(t Tool, o Options, allowed map[string]bool) (*hook, error) {
	h := &hook{timeout: time.Duration(t.Timeout), slots: make(chan struct{}, o.Concurrency)}
	h.tool.Name, h.tool.Description = t.Name, t.Description
	switch {
	case len(t.Description) > maxDescription:
		return nil, fmt.Errorf("the description is longer than %d bytes", maxDescription)
	case h.timeout == 0:
		h.timeout = defaultTimeout
	case h.timeout < 0 || h.timeout > maxTimeout:
		return nil, fmt.Errorf("the timeout has to be more than 0 and at most %v", maxTimeout)
	}
	var err error
	if h.tool.Parameters, err = schema(t.Parameters); err != nil {
		return nil, err
	}
	u, err := target(t.URL, o.AllowPrivate, allowed)
	if err != nil {
		return nil, err
	}
	h.url = u.String
	header := http.Header{}
	for name, value := range t.Headers {
		if err := h.setHeader(header, name, value, o.Getenv); err != nil {
			return nil, err
		}
	}
	h.header = func() http.Header { return header }
	secret, err := h.secret(t.Secret, "the secret", o.Getenv)
	if err != nil {
		return nil, err
	}
	if secret != "" {
		h.key = func() []byte { return []byte(secret) }
	}
	return h, nil
}

func isName(s string) bool {
	for _, c := range []byte(s) {
		if letter := 'a' <= c|0x20 && c|0x20 <= 'z'; !letter && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}

func schema(parameters map[string]any) (json.RawMessage, error) {
	if parameters == nil {
		return nil, nil
	}
	if parameters["type"] != "object" {
		return nil, errors.New(`the parameters have to be a JSON Schema with "type": "object"`)
	}
	raw, err := json.Marshal(parameters)
	if err != nil {
		return nil, fmt.Errorf("the parameters are no JSON: %w", err)
	}
	if len(raw) > maxSchema {
		return nil, fmt.Errorf("the parameters' schema is longer than %d bytes", maxSchema)
	}
	return raw, nil
}

// target reads a tool's URL. What is certain to be refused later is refused now.
func target(s string, private bool, allowed map[string]bool) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil: // not wrapped: its text repeats the URL
		return nil, errors.New("the url can't be read; write one such as https://example.org/lights")
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, errors.New("the url has to begin with https:// or http:// and name a host")
	case u.User != nil:
		return nil, errors.New("the url holds a user or a password; put them into a header: Authorization: env:NAME")
	case u.Fragment != "":
		return nil, errors.New("the url holds a # part, which means nothing here")
	}
	if p := u.Port(); p != "" {
		if n, bad := strconv.Atoi(p); bad != nil || n < 1 || n > 65535 {
			return nil, errors.New("the url's port must be from 1 to 65535")
		}
	}
	if private || allowed[address(u)] {
		return u, nil
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	ip, err := netip.ParseAddr(host)
	if err == nil && !public(ip) || host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return nil, fmt.Errorf("the url's host is not public: if the tool really runs there, allow %s", address(u))
	}
	return u, nil
}

// address is the HOST:PORT that is dialled for u.
func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "80"
		if u.Scheme == "https" {
			port = "443"
		}
	}
	return strings.ToLower(net.JoinHostPort(u.Hostname(), port))
}

// allowList reads Options.Allow.
func allowList(list []string) (map[string]bool, error) {
	allowed := map[string]bool{}
	for _, a := range list {
		host, port, err := net.SplitHostPort(a)
		if n, bad := strconv.Atoi(port); err != nil || host == "" || bad != nil || n < 1 || n > 65535 {
			return nil, fmt.Errorf("%q, which tools are allowed to call, is no HOST:PORT such as 127.0.0.1:9000", a)
		}
		allowed[strings.ToLower(net.JoinHostPort(host, port))] = true
	}
	return allowed, nil
}

// setHeader sets a header that is sent with each call.
func (h *hook) setHeader(header http.Header, name, value string, getenv func(string) string) error {
	if !isToken(name) {
		return fmt.Errorf("%q can't be a header's name", name)
	}
	switch name = http.CanonicalHeaderKey(name); name {
	case "Host", "Content-Type", "Content-Length", "Transfer-Encoding", "Connection", "Trailer", "Upgrade", signatureHeader:
		return fmt.Errorf("the header %s is set by sori", name)
	}
	if len(header[name]) > 0 {
		return fmt.Errorf("the header %s stands twice", name)
	}
	value, err := h.secret(value, "the header "+name, getenv)
	if err != nil {
		return err
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return fmt.Errorf("the header %s holds a control character (a line break?)", name)
	}
	header.Set(name, value)
	return nil
}

func isToken(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?={}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// secret looks up a value that may be "env:NAME". Values of the environment are
// taken for secrets, and kept out of what the model reads.
func (h *hook) secret(value, where string, getenv func(string) string) (string, error) {
	name, ok := strings.CutPrefix(value, "env:")
	if !ok {
		return value, nil
	}
	value = strings.TrimSpace(getenv(name))
	if value == "" {
		return "", fmt.Errorf("%s comes from the environment variable %s, which is not set", where, name)
	}
	if len(value) > maxSecret {
		return "", fmt.Errorf("the environment variable %s, from which %s comes, is longer than %d bytes", name, where, maxSecret)
	}
	if len(value) >= shortestSecret {
		h.hidden = append(h.hidden, func() string { return value })
	}
	return value, nil
}

// shortestSecret is the length from which on a secret is looked for in answers:
// shorter ones would be found by chance.
const shortestSecret = 8
