// Package discover looks for a language model that already runs on this machine.
//
// It asks the ports on which the usual servers listen (Ollama, the llama.cpp
// server, LM Studio, vLLM) for their list of models, all at once and with very
// little time, so that starting sori is not slowed down where there is none.
package discover

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Candidate is a place where a model may be served.
type Candidate struct {
	Name string // the server's name, for people
	URL  string // its http://HOST:PORT
}

// Usual gives the usual places on this machine, in the order of preference. The
// last one's port is also the one of the seed's ATOT, so that only a list of
// models tells who listens there.
func Usual() []Candidate {
	return []Candidate{
		{Name: "Ollama", URL: "http://127.0.0.1:11434"},
		{Name: "llama.cpp server", URL: "http://127.0.0.1:8080"},
		{Name: "LM Studio", URL: "http://127.0.0.1:1234"},
		{Name: "vLLM", URL: "http://127.0.0.1:8000"},
	}
}

// Budget is how long the search takes at most.
const Budget = 300 * time.Millisecond

// Found is a model that was found.
type Found struct {
	Server string // the candidate's name
	Model  string
	URL    string // what --ttot takes: openai+http://HOST:PORT?model=MODEL
}

// LLM asks all candidates at once and gives the first of them, in their order,
// that serves a model for chats. It takes no longer than Budget.
func LLM(ctx context.Context, candidates []Candidate) (Found, bool) {
	ctx, cancel := context.WithTimeout(ctx, Budget)
	defer cancel()
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answers := make([]chan string, len(candidates))
	for i, c := range candidates {
		answers[i] = make(chan string, 1)
		go func() { answers[i] <- modelAt(ctx, client, c.URL) }()
	}
	// All are awaited, so that no goroutine is left: each ends with ctx.
	var found Found
	ok := false
	for i, c := range candidates {
		model := <-answers[i]
		if model == "" || ok {
			continue
		}
		param := strings.ReplaceAll(url.QueryEscape(model), "+", "%20") // package endpoint keeps plus signs
		found = Found{Server: c.Name, Model: model, URL: "openai+" + c.URL + "?model=" + param}
		ok = true
		cancel() // the others are not needed any more
	}
	return found, ok
}

// modelAt gives the model for chats that a server lists, "" when there is no
// such server or no such model: neither is worth a word.
func modelAt(ctx context.Context, client *http.Client, base string) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/v1/models", http.NoBody)
	if err != nil {
		return ""
	}
	resp, err := client.Do(req)
	if err != nil {
		return ""
	}
	defer func() { _ = resp.Body.Close() }() // read only: nothing is lost
	if resp.StatusCode != http.StatusOK {
		return ""
	}
	ids, err := ReadModels(resp.Body)
	if err != nil {
		return ""
	}
	return ChooseChat(ids)
}
