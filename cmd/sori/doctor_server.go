package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// readiness is what a server says at /readyz.
type readiness struct {
	Ready    *bool `json:"ready"`
	Stopping bool  `json:"stopping"`
	Sessions int   `json:"sessions"`
	Parts    []struct {
		Name     string  `json:"name"`
		OK       bool    `json:"ok"`
		Required bool    `json:"required"`
		TookMS   float64 `json:"took_ms"`
		Error    string  `json:"error"`
		Warning  string  `json:"warning"`
	} `json:"parts"`
}

// askReady asks the server at an http:// address how it is.
func askReady(ctx context.Context, base string) (*readiness, error) {
	ctx, stop := context.WithTimeout(ctx, askTimeout)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+"/readyz", http.NoBody)
	if err != nil {
		return nil, &usageError{fmt.Sprintf("--url %q is no address such as http://127.0.0.1:5000", base)}
	}
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Do(req)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("the server at %s does not answer within %s", base, askTimeout)
	case err != nil:
		return nil, fmt.Errorf("nobody answers at %s: is `sori serve` running there?", base)
	}
	defer resp.Body.Close()
	var r readiness
	err = json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&r)
	if err != nil || r.Ready == nil {
		return nil, fmt.Errorf("what answers at %s is no sori (%d %s)", base, resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	return &r, nil
}

// askServer asks a running server, in one line or with all its parts.
func (d *doctorCmd) askServer(ctx context.Context, c *console) error {
	base := d.URL
	if base == "" {
		if err := d.listenAt.check(); err != nil {
			return err
		}
		base = "http://" + reachable(d.Addr)
	}
	r, err := askReady(ctx, base)
	if _, ok := errors.AsType[*usageError](err); ok {
		return err
	}
	if d.Quick && !d.JSON {
		switch {
		case err != nil:
			return err
		case !*r.Ready:
			return fmt.Errorf("the server at %s is not ready: %s", base, r.trouble())
		}
		_, err = fmt.Fprintf(c.out, "ready, %d sessions\n", r.Sessions)
		return err
	}
	return printFindings(ctx, c.out, d.JSON, r.examinations(base, err))
}

// trouble says what keeps the server from being ready.
func (r *readiness) trouble() string {
	if r.Stopping {
		return "it stops"
	}
	var all []string
	for _, p := range r.Parts {
		if p.Required && !p.OK {
			all = append(all, p.Name+": "+p.Error)
		}
	}
	return strings.Join(all, "; ")
}

// examinations puts what the server said, or err, in the form of findings.
func (r *readiness) examinations(base string, err error) []examination {
	say := func(name string, f finding) examination {
		return examination{name, func(context.Context) finding { return f }}
	}
	if err != nil {
		return []examination{say("server", found(bad, "", "%v", err))}
	}
	var all []examination
	for _, p := range r.Parts {
		switch {
		case p.OK && p.Warning != "":
			all = append(all, say(p.Name, found(warn, "`sori models verify` looks at the models' files.", "%s", p.Warning)))
		case p.OK:
			all = append(all, say(p.Name, found(fine, "", "answered in %.0f ms", p.TookMS)))
		case p.Required:
			all = append(all, say(p.Name, found(bad, "The server's log says more.", "%s", p.Error)))
		default:
			all = append(all, say(p.Name, found(warn, "The server's log says more.", "%s", p.Error)))
		}
	}
	switch {
	case *r.Ready:
		all = append(all, say("server", found(fine, "", "%s is ready, %d sessions", base, r.Sessions)))
	default:
		all = append(all, say("server", found(bad, "", "%s is not ready: %s", base, r.trouble())))
	}
	return all
}
