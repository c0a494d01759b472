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
	// mono), or nothing where nobody spoke. language is a base tag, "" where it
	// is not known.
	Hear func(ctx context.Context, language string, pcm []int16) iter.Seq2[string, error]
}

// Hearings are several recognizers. The first that knows an utterance's language
// hears it; the first of all hears what is of no known language.
type Hearings []Hearing

// Engine implements Transcriber. It is the first one's name.
func (hs Hearings) Engine() string { return hs[0].Name }

// Each gives the recognizers by name, with their languages.
func (hs Hearings) Each() iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for _, h := range hs {
			if !yield(h.Name, h.Languages) {
				return
			}
		}
	}
}

// Transcribe implements Transcriber.
func (hs Hearings) Transcribe(ctx context.Context, u stage.Utterance) iter.Seq2[stage.Transcript, error] {
	i := slices.IndexFunc(hs, func(h Hearing) bool { return h.knows(u.Language) })
	switch {
	case i < 0: // the refusal is to name all languages
		all := hs[0]
		all.Languages = hs.languages()
		return all.Transcribe(ctx, u)
	case i > 0:
		stage.NoteServed(ctx, stage.Served{Stage: stage.ATOT, Engine: hs[i].Name})
	}
	return hs[i].Transcribe(ctx, u)
}

// languages are all that are known, each once; empty for any.
func (hs Hearings) languages() []string {
	var all []string
	for _, h := range hs {
		if len(h.Languages) == 0 {
			return nil
		}
		for _, l := range h.Languages {
			if !slices.Contains(all, l) {
				all = append(all, l)
			}
		}
	}
	return all
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
		for so, err := range h.Hear(ctx, base(u.Language), pcm) {
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
	b := base(tag)
	return b == "" || len(h.Languages) == 0 || slices.Contains(h.Languages, b)
}

// base gives a tag's language, "" where it names none.
func base(tag string) string {
	b, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(strings.TrimSpace(tag)), "_", "-"), "-")
	switch b {
	case "und", "mul", "auto":
		return ""
	case "english":
		return "en"
	}
	return b
}
