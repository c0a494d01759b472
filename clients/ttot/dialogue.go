package ttot

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"sori/stage"
)

// maxRounds is how often a model may call tools for one reply. Then it has to
// answer with what it knows.
const maxRounds = 5

// dialogue is one reply on its way: the prompt, and what tools were called for
// it. When an engine fails after a tool ran, the next engine goes on from there.
// It belongs to the goroutine that takes the reply.
type dialogue struct {
	prompt stage.Prompt
	rounds []round
	given  int   // bytes of text given
	open   bool  // the text given ends in the middle of a line
	failed error // of the prompt's Call: the turn is over
}

// round is one message in which the model called tools, and what they gave.
type round struct {
	text     string
	thoughts string
	calls    []call
	outputs  []string // by the same index
}

// mayCall says whether the model is told of tools.
func (d *dialogue) mayCall() bool {
	return len(d.prompt.Tools) > 0 && d.prompt.Call != nil && !d.prompt.Choice.None
}

// forced says whether the next message has to call a tool.
func (d *dialogue) forced() bool {
	return len(d.rounds) == 0 && (d.prompt.Choice.Required || d.prompt.Choice.Tool != "")
}

// choice is the tool_choice of the next message.
func (d *dialogue) choice() string {
	switch {
	case len(d.rounds) >= maxRounds:
		return "none"
	case d.forced():
		return "required"
	}
	return "auto"
}

// named is choice as it is sent: an engine is told the tool's name.
func (d *dialogue) named() any {
	type one struct {
		Name string `json:"name"`
	}
	if d.forced() && d.prompt.Choice.Tool != "" {
		return struct {
			Type     string `json:"type"`
			Function one    `json:"function"`
		}{"function", one{d.prompt.Choice.Tool}}
	}
	return d.choice()
}

// run runs the calls of one message, one after the other. It says whether the
// model is to be asked again.
func (d *dialogue) run(ctx context.Context, r round) bool {
	for _, c := range r.calls {
		output, err := d.prompt.Call(ctx, c.Function.Name, json.RawMessage(c.Function.Arguments))
		if errors.Is(err, stage.ErrHandedOver) {
			d.failed = err
			continue
		}
		if err != nil {
			d.failed = err
			return false
		}
		r.outputs = append(r.outputs, output)
	}
	if d.failed != nil {
		return false
	}
	d.rounds = append(d.rounds, r)
	return true
}

// shown gives the calls as the model is shown them. Arguments that are no JSON
// become an empty object, which every engine can read; their tool's answer says
// what was wrong.
func (r *round) shown() []call {
	shown := slices.Clone(r.calls)
	for i := range shown {
		if a := &shown[i].Function.Arguments; !json.Valid([]byte(*a)) {
			*a = "{}"
		}
	}
	return shown
}

// listener gives the pieces of one message to yield, apart from what an earlier
// message said, and keeps them in text.
func (d *dialogue) listener(yield func(string, error) bool, text *strings.Builder) func(string) bool {
	return func(piece string) bool {
		if d.open && text.Len() == 0 {
			piece = "\n" + piece
		}
		d.given += len(piece)
		d.open = !strings.HasSuffix(piece, "\n")
		text.WriteString(piece)
		return yield(piece, nil)
	}
}
