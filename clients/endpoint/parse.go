package endpoint

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sori/stage"
)

// Dialect says how an engine wants to be spoken to.
type Dialect string

// The dialects.
const (
	Seed   Dialect = "seed"   // the succeeded system's: /run-model, /generate, /tts
	OpenAI Dialect = "openai" // /v1/audio/transcriptions, /v1/chat/completions, /v1/audio/speech
)

// Endpoint is one engine's address, as a URL named it. It is immutable.
type Endpoint struct {
	Stage   stage.Name
	Dialect Dialect
	Params  url.Values // the URL's parameters, all known ones

	base  url.URL       // scheme, host and path, nothing else
	whole bool          // the path is the whole path of the call, not a base
	key   func() string // a func, so that no way of printing shows the key
}

// stagePath gives the path of the stage's call in a dialect.
func stagePath(name stage.Name, d Dialect) string {
	if d == OpenAI {
		switch name {
		case stage.ATOT:
			return "/audio/transcriptions"
		case stage.TTOT:
			return "/chat/completions"
		case stage.TTS:
			return "/audio/speech"
		}
	}
	switch name {
	case stage.ATOT:
		return "/run-model"
	case stage.TTOT:
		return "/generate"
	case stage.TTS:
	}
	return "/tts"
}

// Parse reads the URLs of one stage, separated by commas, in order of
// preference. getenv gives the environment in which API keys are looked up; nil
// means that there is none. Its errors are sentences for whoever wrote the
// configuration, and hold no part of a URL that may be secret.
func Parse(name stage.Name, spec string, getenv func(string) string) ([]Endpoint, error) {
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	stageKey := "SORI_" + strings.ToUpper(string(name)) + "_KEY"
	stageKeyUsed := false
	var all []Endpoint
	parts := strings.Split(spec, ",")
	for i, part := range parts {
		e, err := parseOne(name, strings.TrimSpace(part))
		if err != nil {
			if len(parts) > 1 {
				return nil, fmt.Errorf("--%s, URL %d of %d: %w", name, i+1, len(parts), err)
			}
			return nil, fmt.Errorf("--%s: %w", name, err)
		}
		variable := e.Params.Get("key_env")
		named := variable != ""
		if !named && !stageKeyUsed {
			variable, stageKeyUsed = stageKey, true
		}
		if variable != "" {
			key := strings.TrimSpace(getenv(variable))
			if named && key == "" {
				return nil, fmt.Errorf("--%s: the environment variable %s, which key_env names, is not set", name, variable)
			}
			if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
				return nil, fmt.Errorf("--%s: the environment variable %s holds a character that no API key has (a space, a line break?)", name, variable)
			}
			e.key = func() string { return key }
		}
		all = append(all, e)
	}
	return all, nil
}

func parseOne(name stage.Name, s string) (Endpoint, error) {
	if s == "" {
		return Endpoint{}, errors.New("the engine's URL is empty; write one such as http://127.0.0.1:8000")
	}
	e := Endpoint{Stage: name, Dialect: Seed, key: func() string { return "" }}
	if rest, ok := strings.CutPrefix(s, "openai+"); ok {
		e.Dialect, s = OpenAI, rest
	}
	u, err := url.Parse(s)
	if err != nil { // not wrapped: its text repeats the URL, and a URL may hold a password
		return Endpoint{}, errors.New("this is no URL; write one such as http://127.0.0.1:8000 or openai+http://127.0.0.1:11434?model=NAME")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return Endpoint{}, errors.New("the URL must begin with http://, https://, openai+http:// or openai+https://")
	case u.User != nil:
		return Endpoint{}, errors.New("the URL holds a user or a password, and URLs end up in logs; put the key into an environment variable and name it: ?key_env=NAME")
	case u.Hostname() == "":
		return Endpoint{}, errors.New("the URL names no host; write one such as http://127.0.0.1:8000")
	case u.Fragment != "":
		return Endpoint{}, errors.New("the URL holds a # part, which means nothing here")
	}
	if p := u.Port(); p != "" {
		if n, bad := strconv.Atoi(p); bad != nil || n < 1 || n > 65535 {
			return Endpoint{}, errors.New("the URL's port must be from 1 to 65535")
		}
	}
	e.Params, err = parseParams(name, u.RawQuery)
	if err != nil {
		return Endpoint{}, err
	}
	e.base = url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimRight(u.Path, "/")}
	switch {
	case e.Dialect == Seed:
		e.whole = true
		if e.base.Path == "" {
			e.base.Path = stagePath(name, Seed)
		}
	case strings.HasSuffix(e.base.Path, stagePath(name, OpenAI)), strings.HasSuffix(e.base.Path, "/inference"):
		e.whole = true
	case e.base.Path == "":
		e.base.Path = "/v1"
	}
	return e, nil
}

func parseParams(name stage.Name, raw string) (url.Values, error) {
	// Voices are blended as "a+b", so that a plus sign must not become a space.
	params, err := url.ParseQuery(strings.ReplaceAll(raw, "+", "%2B"))
	if err != nil {
		return nil, errors.New("the part of the URL after the question mark can't be read; write name=value pairs joined by &")
	}
	known := []string{"name", "key_env", "model", "hedge"}
	switch name {
	case stage.ATOT:
		known = append(known, "language", "format", "stream")
	case stage.TTOT:
		known = append(known, "max_tokens", "temperature")
	case stage.TTS:
		known = append(known, "voice", "rate", "format", "stream")
	}
	for p, values := range params {
		if !slices.Contains(known, p) { // p is not repeated: it may be a key that was put in the wrong place
			return nil, fmt.Errorf("the URL has a parameter that %s does not know; it knows %s", name, strings.Join(known, ", "))
		}
		if len(values) > 1 {
			return nil, fmt.Errorf("the URL gives the parameter %s more than once", p)
		}
	}
	return params, checkParams(name, params)
}

func checkParams(name stage.Name, params url.Values) error {
	intIn := func(p string, low, high int) error {
		if v := params.Get(p); v != "" {
			if n, err := strconv.Atoi(v); err != nil || n < low || n > high {
				return fmt.Errorf("the parameter %s must be a whole number from %d to %d", p, low, high)
			}
		}
		return nil
	}
	oneOf := func(p string, allowed ...string) error {
		if v := params.Get(p); v != "" && !slices.Contains(allowed, v) {
			return fmt.Errorf("the parameter %s must be one of: %s", p, strings.Join(allowed, ", "))
		}
		return nil
	}
	if v := params.Get("hedge"); v != "" {
		if d, err := time.ParseDuration(v); err != nil || d < minHedge || d > maxHedge {
			return fmt.Errorf("the parameter hedge must be a time from %v to %v, such as 800ms", minHedge, maxHedge)
		}
	}
	formats := []string{"pcm", "wav"}
	if name == stage.ATOT {
		formats = []string{"verbose_json", "json", "text"}
	}
	if v := params.Get("temperature"); v != "" {
		if f, err := strconv.ParseFloat(v, 64); err != nil || !(f >= 0 && f <= 2) {
			return errors.New("the parameter temperature must be a number from 0 to 2")
		}
	}
	return errors.Join(
		intIn("rate", MinRate, MaxRate),
		intIn("max_tokens", 1, 1_000_000),
		oneOf("stream", "true", "false"),
		oneOf("format", formats...),
	)
}

// Rates in Hz that speech may have.
const (
	MinRate = 4_000
	MaxRate = 192_000
)

// Bounds of the parameter hedge.
const (
	minHedge = 50 * time.Millisecond
	maxHedge = time.Minute
)

// Hedge is after how long without an answer another engine is asked as well; 0
// is never.
func (e Endpoint) Hedge() time.Duration {
	d, err := time.ParseDuration(e.Params.Get("hedge"))
	if err != nil { // there is none; others were refused when the URL was read
		return 0
	}
	return d
}

// Address is the engine's HOST:PORT.
func (e Endpoint) Address() string {
	port := e.base.Port()
	if port == "" {
		port = "80"
		if e.base.Scheme == "https" {
			port = "443"
		}
	}
	return net.JoinHostPort(e.base.Hostname(), port)
}

// Name is what history and clients call the engine.
func (e Endpoint) Name() string {
	for _, p := range []string{"name", "model"} {
		if v := e.Params.Get(p); v != "" {
			return v
		}
	}
	return e.Address()
}

// Call is the URL of the stage's call.
func (e Endpoint) Call() string {
	if e.whole {
		return e.base.String()
	}
	return e.base.String() + stagePath(e.Stage, e.Dialect)
}

// Models is the URL at which an OpenAI-compatible engine lists its models.
func (e Endpoint) Models() string {
	u := e.base
	if e.whole {
		u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, stagePath(e.Stage, OpenAI)), "/inference")
		if u.Path == "" {
			u.Path = "/v1"
		}
	}
	return u.String() + "/models"
}

// root is the URL of a path directly below the engine's host.
func (e Endpoint) root(path string) string {
	return (&url.URL{Scheme: e.base.Scheme, Host: e.base.Host, Path: path}).String()
}
