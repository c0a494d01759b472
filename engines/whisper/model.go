package whisper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"sori/engines/ort"
	"sori/engines/recognizer"
)

// Engine is the name that history and clients see.
const Engine = "whisper-base"

// Files are the paths of a model.
type Files struct {
	Weights    string // model.bin
	Config     string // config.json
	Vocabulary string // vocabulary.txt
}

// Open loads the model, which takes a few seconds and, for Whisper base, about
// 330 MB. The recognizer's Name is set where o has none.
func Open(r *ort.Runtime, f Files, o recognizer.Options) (*recognizer.Recognizer, error) {
	m := &model{r: r}
	if err := m.open(f); err != nil {
		m.Close()
		return nil, fmt.Errorf("whisper: %w", err)
	}
	if o.Name == "" {
		o.Name = "whisper"
	}
	return recognizer.New(m, o), nil
}

// model is the two graphs and the vocabulary. All methods may be called from
// many goroutines.
type model struct {
	r        *ort.Runtime
	size     size
	enc, dec *ort.Session
	vocab    *vocabulary
	never    []int // tokens that are no text: marks, and signs that nobody speaks
	notFirst []int
	// Where the decoder's inputs come from and its outputs go.
	heard []int        // input i is the encoder's output heard[i]; -1 for others
	past  []int        // output k is input past[k] of the next step; -1 for the scores
	empty []*ort.Value // input i at the first step, where it is a past
	at    struct{ tokens, positions, mask int }
}

func (m *model) open(f Files) error {
	w, err := readWeights(f.Weights)
	if err != nil {
		return err
	}
	if m.size, err = measure(w); err != nil {
		return err
	}
	if m.vocab, err = readVocabulary(f.Vocabulary, int(m.size.tokens)); err != nil {
		return err
	}
	if err = m.readConfig(f.Config); err != nil {
		return err
	}
	if m.enc, err = m.compile("the encoder", w, encoder); err != nil {
		return err
	}
	if m.dec, err = m.compile("the decoder", w, writer); err != nil {
		return err
	}
	return m.wire()
}

// compile makes a graph and opens it. The weights that are in it are taken out of w.
func (m *model) compile(name string, w weights, build func(weights, size) ([]byte, error)) (*ort.Session, error) {
	graph, err := build(w, m.size)
	if err != nil {
		return nil, err
	}
	s, err := m.r.OpenModel(name, graph, ort.SessionOptions{})
	// What was read is a hundred megabytes of garbage now, and nothing would
	// hurry to give it back.
	debug.FreeOSMemory()
	return s, err
}

// readConfig reads which tokens are never wanted.
func (m *model) readConfig(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var c struct {
		Never    []int `json:"suppress_ids"`
		NotFirst []int `json:"suppress_ids_begin"`
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	within := func(t int) bool { return t < 0 || t >= m.vocab.first }
	m.never, m.notFirst = slices.DeleteFunc(c.Never, within), slices.DeleteFunc(c.NotFirst, within)
	return nil
}

// wire finds out what feeds what.
func (m *model) wire() (err error) {
	inputs := m.dec.Inputs()
	m.heard, m.empty = slices.Repeat([]int{-1}, len(inputs)), make([]*ort.Value, len(inputs))
	for i, name := range inputs {
		switch {
		case name == "tokens":
			m.at.tokens = i
		case name == "positions":
			m.at.positions = i
		case name == "mask":
			m.at.mask = i
		case strings.HasPrefix(name, "heard_"):
			m.heard[i] = slices.Index(m.enc.Outputs(), name)
		default:
			// A past has to hold something; the mask hides it.
			shape := []int64{m.size.heads(), 1, headSize}
			if strings.HasPrefix(name, "past_keys") {
				shape = []int64{m.size.heads(), headSize, 1}
			}
			if m.empty[i], err = ort.NewValue(m.r, make([]float32, m.size.width), shape...); err != nil {
				return err
			}
		}
	}
	for _, name := range m.dec.Outputs() {
		m.past = append(m.past, slices.Index(inputs, strings.Replace(name, "now_", "past_", 1)))
	}
	return nil
}

// Close implements recognizer.Model.
func (m *model) Close() {
	for _, s := range []*ort.Session{m.enc, m.dec} {
		if s != nil {
			s.Close()
		}
	}
	for _, v := range m.empty {
		v.Free()
	}
}

const (
	behind = rate     // samples of silence behind what is said, 1 s
	least  = 4 * rate // samples: in less than this the model loses its way
)

// Hear implements recognizer.Model. Where language is "" or unknown to the
// model, it is found out.
func (m *model) Hear(ctx context.Context, samples []float32, language string) (text string, ended bool, err error) {
	const shortest = 1024 // samples: fewer hold no word
	if len(samples) < shortest {
		return "", true, nil
	}
	most := int(m.size.steps) * 2 * hop
	if len(samples) > most {
		return "", false, fmt.Errorf("%w: %d samples, at most %d", recognizer.ErrTooLong, len(samples), most)
	}
	steps := min(max(len(samples)+behind, least)/(2*hop)*2, most/hop)
	sound := frame(samples, steps)
	audio, err := ort.NewValue(m.r, sound, 1, 1, int64(len(sound)))
	if err != nil {
		return "", false, err
	}
	heard, err := m.enc.Run(ctx, []*ort.Value{audio})
	audio.Free()
	if err != nil {
		return "", false, err
	}
	defer func() {
		for _, v := range heard {
			v.Free()
		}
	}()
	tokens, ended, err := m.write(ctx, heard, language, limit(len(samples)))
	if err != nil {
		return "", false, err
	}
	return m.vocab.text(tokens), ended, nil
}

// limit is how many tokens may be in so many samples. In scripts like Korea's a
// syllable takes up to three.
func limit(samples int) int {
	const perSecond, extra = 14, 12
	return min(perSecond*samples/rate+extra, 220)
}

// write gives the tokens of what was heard.
func (m *model) write(ctx context.Context, heard []*ort.Value, language string, limit int) (tokens []int, ended bool, err error) {
	t := &text{m: m, heard: heard, in: slices.Clone(m.empty)}
	defer t.free()
	tongue, known := m.vocab.languages[language]
	prompt := []int{m.vocab.start, tongue, m.vocab.transcribe, m.vocab.noTimes}
	if !known {
		scores, err := t.next(ctx, m.vocab.start)
		if err != nil {
			return nil, false, err
		}
		prompt[1], prompt = m.likeliest(scores), prompt[1:]
	}
	for len(tokens) < limit {
		scores, err := t.next(ctx, prompt...)
		if err != nil {
			return nil, false, err
		}
		token, err := m.best(scores, len(tokens) == 0)
		if err != nil {
			return nil, false, err
		}
		if token == m.vocab.end {
			return tokens, true, nil
		}
		tokens, prompt = append(tokens, token), []int{token}
		if n := loops(tokens); n > 0 {
			return tokens[:len(tokens)-n], false, nil
		}
	}
	return tokens, false, nil
}

// likeliest gives the token of the language that the scores speak for.
func (m *model) likeliest(scores []float32) int {
	best := -1
	for _, t := range m.vocab.languages {
		if best < 0 || scores[t] > scores[best] {
			best = t
		}
	}
	return best
}

// best gives the likeliest token of a text, or its end.
func (m *model) best(scores []float32, first bool) (int, error) {
	const lowest = -1e30
	for _, t := range m.never {
		scores[t] = lowest
	}
	if first {
		scores[m.vocab.end] = lowest
		for _, t := range m.notFirst {
			scores[t] = lowest
		}
	}
	best := -1
	for t, s := range scores[:m.vocab.end+1] {
		if s > lowest && (best < 0 || s > scores[best]) {
			best = t
		}
	}
	if best < 0 {
		return 0, errors.New("the decoder gives no numbers")
	}
	return best, nil
}

// loops says how many of the last tokens only say again what was said before.
func loops(tokens []int) int {
	const times, longest = 4, 8
	for n := 1; n <= longest && n*times <= len(tokens); n++ {
		last := tokens[len(tokens)-n:]
		same := true
		for k := 2; k <= times && same; k++ {
			same = slices.Equal(last, tokens[len(tokens)-k*n:len(tokens)-(k-1)*n])
		}
		if same {
			return (times - 1) * n
		}
	}
	return 0
}
