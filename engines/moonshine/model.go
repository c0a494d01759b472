package moonshine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"sori/engines/ort"
	"sori/engines/recognizer"
)

const (
	tokenStart = 1
	tokenEnd   = 2
	heads      = 8
	headSize   = 36

	minSamples = 1024                 // fewer give the encoder nothing to see
	maxSamples = 20 * recognizer.Rate // longer input makes the model invent, and takes memory with its square
	// People say up to about 6.5 tokens a second; a model that loops says more.
	tokensPerSecond = 6.5
	extraTokens     = 6 // short pieces have more tokens a second: punctuation, digits
)

// model is the encoder, the decoder and the vocabulary. All methods may be
// called from many goroutines.
type model struct {
	r        *ort.Runtime
	enc, dec *ort.Session
	vocab    vocabulary
	inputs   []input    // one for each of the decoder's inputs
	past     []int      // output k of the decoder is input past[k] of the next step; -1 for the logits
	isDec    []bool     // output k is the decoder's own past, which changes at every step
	empty    *ort.Value // stands for the past at the first step
}

// input says what goes into an input of the decoder.
type input int

const (
	inToken input = iota
	inEncoded
	inUsePast
	inPast
)

func openModel(r *ort.Runtime, f Files) (*model, error) {
	m := &model{r: r}
	if err := m.open(f); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

func (m *model) open(f Files) (err error) {
	if m.vocab, err = readVocabulary(f.Vocabulary); err != nil {
		return err
	}
	encoder := make(chan error, 1)
	go func() { // each takes half a second of a processor
		var failed error
		m.enc, failed = m.r.OpenSession(f.Encoder, ort.SessionOptions{})
		encoder <- failed
	}()
	m.dec, err = m.r.OpenSession(f.Decoder, ort.SessionOptions{})
	if err = errors.Join(<-encoder, err); err != nil {
		return err
	}
	if err = m.wire(f); err != nil {
		return err
	}
	if m.empty, err = ort.NewValue(m.r, make([]float32, heads*headSize), 1, heads, 1, headSize); err != nil {
		return err
	}
	// A first run shows files that have the right names and do something else,
	// and spares the first user the library's preparations.
	if _, _, err = m.Hear(context.Background(), make([]float32, recognizer.Rate/2), ""); err != nil {
		return fmt.Errorf("the first run with %s and %s: %w", f.Encoder, f.Decoder, err)
	}
	return nil
}

// Close implements recognizer.Model.
func (m *model) Close() {
	if m.enc != nil {
		m.enc.Close()
	}
	if m.dec != nil {
		m.dec.Close()
	}
	m.empty.Free()
}

// wire finds out which of the decoder's outputs feeds which of its inputs.
func (m *model) wire(f Files) error {
	if len(m.enc.Inputs()) != 1 || len(m.enc.Outputs()) != 1 {
		return fmt.Errorf("%s is no Moonshine encoder: it takes %v and gives %v", f.Encoder, m.enc.Inputs(), m.enc.Outputs())
	}
	at := map[string]int{}
	for i, name := range m.dec.Inputs() {
		at[name] = i
		switch {
		case name == "input_ids":
			m.inputs = append(m.inputs, inToken)
		case name == "encoder_hidden_states":
			m.inputs = append(m.inputs, inEncoded)
		case name == "use_cache_branch":
			m.inputs = append(m.inputs, inUsePast)
		case strings.HasPrefix(name, "past_key_values."):
			m.inputs = append(m.inputs, inPast)
		default:
			return fmt.Errorf("%s is no merged Moonshine decoder: it wants %s", f.Decoder, name)
		}
	}
	for _, name := range []string{"input_ids", "encoder_hidden_states", "use_cache_branch"} {
		if _, ok := at[name]; !ok {
			return fmt.Errorf("%s is no merged Moonshine decoder: it does not take %s", f.Decoder, name)
		}
	}
	outputs := m.dec.Outputs()
	if len(outputs) != len(m.inputs)-2 || outputs[0] != "logits" {
		return fmt.Errorf("%s is no merged Moonshine decoder: it gives %v", f.Decoder, outputs)
	}
	m.past, m.isDec = []int{-1}, []bool{false}
	for _, name := range outputs[1:] {
		i, ok := at[strings.Replace(name, "present.", "past_key_values.", 1)]
		if !ok {
			return fmt.Errorf("%s is no merged Moonshine decoder: %s leads nowhere", f.Decoder, name)
		}
		m.past = append(m.past, i)
		m.isDec = append(m.isDec, strings.Contains(name, ".decoder."))
	}
	return nil
}

// Hear implements recognizer.Model. The model knows one language.
func (m *model) Hear(ctx context.Context, samples []float32, _ string) (text string, ended bool, err error) {
	if len(samples) < minSamples {
		return "", true, nil
	}
	if len(samples) > maxSamples {
		return "", false, fmt.Errorf("%w: %d samples, at most %d", recognizer.ErrTooLong, len(samples), maxSamples)
	}
	audio, err := ort.NewValue(m.r, samples, 1, int64(len(samples)))
	if err != nil {
		return "", false, err
	}
	encoded, err := m.enc.Run(ctx, []*ort.Value{audio})
	audio.Free()
	if err != nil {
		return "", false, err
	}
	defer encoded[0].Free()
	d, err := m.newDecoding(encoded[0])
	if err != nil {
		return "", false, err
	}
	defer d.free()
	limit := int(tokensPerSecond*float64(len(samples))/recognizer.Rate) + extraTokens
	var words []byte
	for range limit {
		token, err := d.next(ctx)
		if err != nil {
			return "", false, err
		}
		if token == tokenEnd {
			ended = true
			break
		}
		words = m.vocab.append(words, token)
	}
	return strings.TrimSpace(strings.ToValidUTF8(string(words), "")), ended, nil
}

// decoding is the state of writing one segment's text.
type decoding struct {
	m     *model
	in    []*ort.Value // one for each of the decoder's inputs
	own   []bool       // in[i] belongs to this decoding
	token []int64      // view of the token's tensor
	use   []bool       // view of the tensor that says whether there is a past
	steps int
}

func (m *model) newDecoding(encoded *ort.Value) (*decoding, error) {
	d := &decoding{m: m, in: make([]*ort.Value, len(m.inputs)), own: make([]bool, len(m.inputs))}
	for i, what := range m.inputs {
		var err error
		switch what {
		case inEncoded:
			d.in[i] = encoded
		case inPast:
			d.in[i] = m.empty
		case inToken:
			d.in[i], d.token, err = tensor(m.r, []int64{tokenStart}, 1, 1)
			d.own[i] = true
		case inUsePast:
			d.in[i], d.use, err = tensor(m.r, []bool{false}, 1)
			d.own[i] = true
		}
		if err != nil {
			d.free()
			return nil, err
		}
	}
	return d, nil
}

// tensor makes a tensor and a view of it.
func tensor[T ort.Elem](r *ort.Runtime, data []T, shape ...int64) (*ort.Value, []T, error) {
	v, err := ort.NewValue(r, data, shape...)
	if err != nil {
		return nil, nil, err
	}
	view, err := ort.Data[T](v)
	if err != nil {
		v.Free()
		return nil, nil, err
	}
	return v, view, nil
}

func (d *decoding) free() {
	for i, v := range d.in {
		if d.own[i] {
			v.Free()
		}
	}
}

// next writes one token.
func (d *decoding) next(ctx context.Context) (token int, err error) {
	out, err := d.m.dec.Run(ctx, d.in)
	if err != nil {
		return 0, err
	}
	logits, err := ort.Data[float32](out[0])
	if err == nil {
		token, err = best(logits, d.steps == 0)
	}
	out[0].Free()
	for k := 1; k < len(out); k++ {
		// The past of the encoder is made at the first step and stays.
		if d.steps > 0 && !d.m.isDec[k] {
			out[k].Free()
			continue
		}
		i := d.m.past[k]
		if d.own[i] {
			d.in[i].Free()
		}
		d.in[i], d.own[i] = out[k], true
	}
	if err != nil {
		return 0, err
	}
	d.steps++
	d.token[0], d.use[0] = int64(token), true
	return token, nil
}

// best gives the likeliest token; the first one of a text is never its end.
func best(logits []float32, first bool) (int, error) {
	token, top := -1, float32(math.Inf(-1))
	for i, v := range logits {
		if v > top && (!first || i != tokenEnd) {
			token, top = i, v
		}
	}
	if token < 0 {
		return 0, errors.New("the decoder gives no numbers")
	}
	return token, nil
}
