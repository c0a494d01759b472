package whisper

import (
	"context"

	"sori/engines/ort"
)

// text is the state of writing down one segment. One goroutine uses it.
type text struct {
	m      *model
	heard  []*ort.Value // the encoder's outputs
	in     []*ort.Value // the decoder's inputs; a past is the text's own after the first step
	own    []*ort.Value // those of in that are
	length int          // tokens so far
	scores []float32
}

// next adds tokens and gives how likely each token is the one after them. The
// scores are valid until the next call.
func (t *text) next(ctx context.Context, tokens ...int) ([]float32, error) {
	m := t.m
	n, all := len(tokens), 1+t.length+len(tokens)
	ids, positions := make([]int64, n), make([]int64, n)
	mask := make([]float32, n*all)
	const hidden = -1e9
	for i, token := range tokens {
		ids[i], positions[i] = int64(token), int64(t.length+i)
		row := mask[i*all : (i+1)*all]
		row[0] = hidden
		for k := 2 + t.length + i; k < all; k++ {
			row[k] = hidden // what comes later
		}
	}
	var fresh []*ort.Value
	defer func() {
		for _, v := range fresh {
			v.Free()
		}
	}()
	put := func(at int, v *ort.Value, err error) error {
		if err == nil {
			t.in[at], fresh = v, append(fresh, v)
		}
		return err
	}
	v, err := ort.NewValue(m.r, ids, int64(n))
	if err := put(m.at.tokens, v, err); err != nil {
		return nil, err
	}
	v, err = ort.NewValue(m.r, positions, int64(n))
	if err := put(m.at.positions, v, err); err != nil {
		return nil, err
	}
	v, err = ort.NewValue(m.r, mask, int64(n), int64(all))
	if err := put(m.at.mask, v, err); err != nil {
		return nil, err
	}
	for i, k := range m.heard {
		if k >= 0 {
			t.in[i] = t.heard[k]
		}
	}
	out, err := m.dec.Run(ctx, t.in)
	if err != nil {
		return nil, err
	}
	t.free()
	t.length += n
	for k, i := range m.past {
		if i >= 0 {
			t.in[i] = out[k]
			t.own = append(t.own, out[k])
			continue
		}
		fresh = append(fresh, out[k])
		scores, err := ort.Data[float32](out[k])
		if err != nil {
			return nil, err
		}
		t.scores = append(t.scores[:0], scores...)
	}
	return t.scores, nil
}

// free gives back what the last step made.
func (t *text) free() {
	for _, v := range t.own {
		v.Free()
	}
	t.own = t.own[:0]
}
