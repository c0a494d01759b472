package enginehttp

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"sori/stage"
)

// Hearing makes a Transcriber of a recognizer that takes bare samples.
type Hearing struct {
	// Name is the engine's name.
	Name string
	// Languages are the languages that it knows, as BCP 47 base tags ("en").
	// Utterances in another one are refused; empty means any.
	Languages []string
	// Hear gives the text so far after each piece of the utterance (16,000 Hz,
	// mono), or nothing where nobody spoke.
	Hear func(ctx context.Context, pcm []int16) iter.Seq2[string, error]
}

// Engine implements Transcriber.
func (h Hearing) Engine() string { return h.Name }

// Transcribe implements Transcriber.
func (h Hearing) Transcribe(ctx context.Context, u stage.Utterance) iter.Seq2[stage.Transcript, error] {
	return func(yield func(stage.Transcript, error) bool) {
		if !h.knows(u.Language) {
			yield(stage.Transcript{}, &stage.Error{
				Stage:   stage.ATOT,
				Code:    stage.CodeLanguage,
				Message: fmt.Sprintf("The local recognizer does not know the language %.20q; it knows %s.", u.Language, strings.Join(h.Languages, ", ")),
				Engine:  h.Name,
			})
			return
		}
		pcm := make([]int16, u.Audio.Samples())
		pcm = pcm[:u.Audio.ReadSamples(pcm, 0)]
		text := ""
		for so, err := range h.Hear(ctx, pcm) {
			if err != nil {
				e := *stage.AsError(stage.ATOT, err)
				e.Engine = h.Name
				yield(stage.Transcript{}, &e)
				return
			}
			text = so
			if !yield(stage.Transcript{Text: so}, nil) {
				return
			}
		}
		yield(stage.Transcript{Text: text, Final: true}, nil)
	}
}

func (h Hearing) knows(tag string) bool {
	base, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(strings.TrimSpace(tag)), "_", "-"), "-")
	switch base {
	case "", "und", "mul", "auto":
		return true
	case "english":
		base = "en"
	}
	return len(h.Languages) == 0 || slices.Contains(h.Languages, base)
}
