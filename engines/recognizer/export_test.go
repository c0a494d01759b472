package recognizer

// Span is a stretch of speech, in windows.
type Span struct{ From, To int }

// Plan opens plan to tests.
func Plan(probs []float32, levels []float64) []Span {
	var spans []Span
	for _, s := range plan(probs, levels) {
		spans = append(spans, Span{s.from, s.to})
	}
	return spans
}

// Samples opens span.samples to tests.
func Samples(spans []Span, i, pad, n int) (from, to int) {
	all := make([]span, len(spans))
	for k, s := range spans {
		all[k] = span{s.From, s.To}
	}
	return all[i].samples(all, i, pad, n)
}

// Raise opens raise to tests.
func Raise(pcm []int16) []int16 { return raise(pcm) }
