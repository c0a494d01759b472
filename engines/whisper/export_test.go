package whisper

import (
	"bufio"
	"bytes"
	"context"

	"sori/engines/ort"
)

// Decoder is a model's decoder after it heard something.
type Decoder struct{ t *text }

// OpenDecoder opens the model and lets it hear samples.
func OpenDecoder(ctx context.Context, r *ort.Runtime, f Files, samples []float32) (d *Decoder, closeAll func(), err error) {
	m := &model{r: r}
	if err := m.open(f); err != nil {
		m.Close()
		return nil, nil, err
	}
	sound := frame(samples, len(samples)/hop/2*2)
	audio, err := ort.NewValue(r, sound, 1, 1, int64(len(sound)))
	if err != nil {
		m.Close()
		return nil, nil, err
	}
	heard, err := m.enc.Run(ctx, []*ort.Value{audio})
	audio.Free()
	if err != nil {
		m.Close()
		return nil, nil, err
	}
	return &Decoder{&text{m: m, heard: heard}}, func() {
		for _, v := range heard {
			v.Free()
		}
		m.Close()
	}, nil
}

// Scores gives the scores after tokens that are given in pieces.
func (d *Decoder) Scores(ctx context.Context, pieces ...[]int) ([]float32, error) {
	t := &text{m: d.t.m, heard: d.t.heard, in: append([]*ort.Value(nil), d.t.m.empty...)}
	defer t.free()
	for _, p := range pieces {
		if _, err := t.next(ctx, p...); err != nil {
			return nil, err
		}
	}
	return t.scores, nil
}

// ReadWeights opens the decoder of weights to tests.
func ReadWeights(b []byte) (tensors int, err error) {
	d := &decoder{r: bufio.NewReader(bytes.NewReader(b)), left: int64(len(b))}
	w, err := d.weights()
	return len(w), err
}

// Half, Loops, Mel and Hertz open what they are called.
func Half(h uint16) float32      { return half(h) }
func Loops(tokens []int) int     { return loops(tokens) }
func Mel(hz float64) float64     { return mel(hz) }
func Hertz(m float64) float64    { return hertz(m) }
func Filters() (mel, dft []byte) { return melFilters(), fourier() }

// Text reads a vocabulary and gives the text of tokens.
func Text(file string, n int, tokens ...int) (string, error) {
	v, err := readVocabulary(file, n)
	if err != nil {
		return "", err
	}
	return v.text(tokens), nil
}
