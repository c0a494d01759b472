package piper

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"sori/engines/ort"
)

// piece makes the sound of one piece of text.
func (s *Synthesizer) piece(ctx context.Context, text string, l *level) ([]byte, error) {
	ids, err := s.ids(text)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-s.slots }()
	sound, free, err := s.run(ctx, ids)
	if err != nil {
		return nil, err
	}
	defer free()
	return l.pcm(trim(sound, s.Rate()), s.pause(text))
}

// run runs the model. The sound is the library's memory until free is called.
func (s *Synthesizer) run(ctx context.Context, ids []int64) (sound []float32, free func(), err error) {
	var in []*ort.Value
	defer func() {
		for _, v := range in {
			v.Free()
		}
	}()
	for _, what := range s.order {
		var v *ort.Value
		switch what {
		case inputPhonemes:
			v, err = ort.NewValue(s.runtime, ids, 1, int64(len(ids)))
		case inputLengths:
			v, err = ort.NewValue(s.runtime, []int64{int64(len(ids))}, 1)
		case inputScales:
			v, err = ort.NewValue(s.runtime, s.config.scales(), 3)
		case inputSpeaker:
			v, err = ort.NewValue(s.runtime, []int64{0}, 1)
		}
		if err != nil {
			return nil, nil, err
		}
		in = append(in, v)
	}
	out, err := s.session.Run(ctx, in)
	if err != nil {
		return nil, nil, err
	}
	free = func() {
		for _, v := range out {
			v.Free()
		}
	}
	if sound, err = ort.Data[float32](out[0]); err != nil {
		free()
		return nil, nil, err
	}
	if limit := s.Rate() * 60; len(sound) > limit {
		free()
		return nil, nil, fmt.Errorf("the model made %d samples of %d phonemes", len(sound), len(ids))
	}
	return sound, free, nil
}

// pause is the silence behind a piece, in samples: longer after a sentence.
func (s *Synthesizer) pause(text string) int {
	if strings.HasSuffix(text, ".") || strings.HasSuffix(text, "!") || strings.HasSuffix(text, "?") {
		return s.Rate() * 200 / 1000
	}
	return s.Rate() * 80 / 1000
}

const (
	// quiet is the loudest that counts as silence, of the loudest sample.
	quiet = 0.02
	// edge of silence stays on both sides, in ms: soft consonants begin below.
	edge = 30
)

// trim leaves out the silence that the model puts around a sentence.
func trim(sound []float32, rate int) []float32 {
	floor := quiet * peak(sound)
	loud := func(v float32) bool { return v > floor || v < -floor }
	first, last := 0, len(sound)
	for first < last && !loud(sound[first]) {
		first++
	}
	for last > first && !loud(sound[last-1]) {
		last--
	}
	keep := rate * edge / 1000
	return sound[max(0, first-keep):min(len(sound), last+keep)]
}

func peak(sound []float32) float32 {
	var p float32
	for _, v := range sound {
		p = max(p, v, -v)
	}
	return p
}

// level brings the pieces of one text to the same loudness. Voices differ by
// up to ten times in how loud their models speak.
type level struct{ gain float32 }

const (
	fullScale = 0.85
	maxGain   = 12
)

// pcm gives the samples as s16le, with a pause behind.
func (l *level) pcm(sound []float32, pause int) ([]byte, error) {
	p := peak(sound)
	if math.IsNaN(float64(p)) || math.IsInf(float64(p), 0) {
		return nil, errors.New("the model made no sound but numbers that are none")
	}
	if p > 0 && (l.gain == 0 || p*l.gain > fullScale) {
		l.gain = min(fullScale/p, maxGain)
	}
	pcm := make([]byte, 2*(len(sound)+pause))
	for i, v := range sound {
		n := int16(max(-1, min(1, v*l.gain)) * math.MaxInt16)
		pcm[2*i], pcm[2*i+1] = byte(n), byte(uint16(n)>>8)
	}
	return pcm, nil
}
