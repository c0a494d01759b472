package llama_test

import (
	"fmt"
	"strings"
	"testing"

	"sori/engines/llama"
	"sori/stage"
)

// Conversations with the same instructions take turns: each goes on with its own
// cache, a new one takes only the instructions from another, and all say what
// they would say alone.
func TestConversationsWithTheSameInstructions(t *testing.T) {
	t.Parallel()
	path := fixture{template: chatML}.write(t)
	var seen watch
	o := llama.Options{Temperature: -1, MaxTokens: 12, Conversations: 3, Window: 2048}
	alone := open(t, path, o)
	o.Observe = seen.add
	r := open(t, path, o)
	rules := strings.Repeat("be kind and brief ", 8)
	prompts := make([]stage.Prompt, 3)
	n, earlier := 0, make([]llama.Usage, len(prompts))
	for turn := range 4 {
		for i := range prompts {
			p := &prompts[i]
			p.Instructions, p.Text = rules, fmt.Sprintf("person %d asks for the %dth time", i, turn)
			said := reply(t, r, *p)
			n++
			u := seen.last(t, n)
			switch {
			case turn == 0 && i == 0:
			case turn == 0 && u.Cached < len(rules)/8:
				t.Errorf("conversation %d began with %+v: the instructions were there already", i, u)
			case turn > 1 && u.Cached < earlier[i].Prompt-4: // the first may lose it once
				t.Errorf("turn %d of conversation %d took %+v after %+v", turn, i, u, earlier[i])
			}
			earlier[i] = u
			if want := reply(t, alone, *p); want != said {
				t.Errorf("turn %d of conversation %d: %q, alone %q", turn, i, said, want)
			}
			p.History = append(p.History, stage.Exchange{User: p.Text, Reply: said})
		}
	}
}

// The usual instructions are computed before anybody asks.
func TestFirstTurnHasItsInstructions(t *testing.T) {
	t.Parallel()
	path := fixture{template: chatML}.write(t)
	var seen watch
	r := open(t, path, llama.Options{Temperature: -1, MaxTokens: 8, Observe: seen.add, Instructions: strings.Repeat("be kind and brief ", 30)})
	reply(t, r, stage.Prompt{Text: "hello"})
	if u := seen.last(t, 1); u.Cached < u.Prompt/2 {
		t.Errorf("the first turn took %+v", u)
	}
}
