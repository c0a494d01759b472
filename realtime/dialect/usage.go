package dialect

import (
	"math"
	"unicode/utf8"

	"sori/realtime"
	"sori/stage"
)

// How sound is counted, as OpenAI does: so many ms are one token.
const (
	inputTokenMS  = 100
	outputTokenMS = 50
)

// usage counts what a response took: texts as the text engine counts them, where
// it does, else by their letters, four of which are one token; sound by its
// length.
func (t *Talk) usage(r *reply) *realtime.Usage {
	var u realtime.Usage
	n, ms := r.inputText, int64(0)
	if !r.out {
		for _, e := range t.items.items {
			if mine := e.note == r.note && e.item.Role != realtime.RoleUser; mine {
				continue
			}
			n += letters(e.item)
		}
		ms = r.inputMS
	}
	u.InputTokenDetails = realtime.InputUsage{TextTokens: tokens(n), AudioTokens: int(ms / inputTokenMS)}
	n = 0
	for _, e := range r.outputs {
		n += letters(e.item)
		u.OutputTokenDetails.AudioTokens += int(e.sentMS / outputTokenMS)
	}
	u.OutputTokenDetails.TextTokens = tokens(n)
	if r.took != nil {
		u.InputTokenDetails.TextTokens, u.InputTokenDetails.CachedTokens = r.took.Input, r.took.Cached
		u.OutputTokenDetails.TextTokens = r.took.Output
	}
	u.InputTokens = u.InputTokenDetails.TextTokens + u.InputTokenDetails.AudioTokens
	u.OutputTokens = u.OutputTokenDetails.TextTokens + u.OutputTokenDetails.AudioTokens
	u.TotalTokens = u.InputTokens + u.OutputTokens
	return &u
}

// letters counts what an item says.
func letters(i realtime.Item) int {
	return utf8.RuneCountInString(i.Words()) + len(i.Arguments) + len(i.Output)
}

func tokens(letters int) int { return (letters + stage.LettersPerToken - 1) / stage.LettersPerToken }

// unlimited stands for a limit where there is none.
const unlimited = math.MaxInt32

// limits is what the client may still use.
func (t *Talk) limits() []realtime.RateLimit {
	if t.opts.Limits != nil {
		return t.opts.Limits()
	}
	return []realtime.RateLimit{
		{Name: "requests", Limit: unlimited, Remaining: unlimited},
		{Name: "tokens", Limit: unlimited, Remaining: unlimited},
	}
}
