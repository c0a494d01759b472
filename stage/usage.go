package stage

import "context"

// Usage is what a text engine says that its work took, in its own tokens.
type Usage struct {
	Input  int // of the whole prompt, what was cached included
	Cached int // of Input
	Output int
}

type usageKey struct{}

// WithUsage gives a context under which a client of text engines reports with
// [NoteUsage] to f. f is called once per message of the model, where the engine
// says what it took, by the goroutine that makes the call.
func WithUsage(ctx context.Context, f func(Usage)) context.Context {
	return context.WithValue(ctx, usageKey{}, f)
}

// NoteUsage reports to whoever made the call, if anybody wants to know.
func NoteUsage(ctx context.Context, u Usage) {
	if f, ok := ctx.Value(usageKey{}).(func(Usage)); ok {
		f(u)
	}
}

// WantsUsage says whether anybody wants to know.
func WantsUsage(ctx context.Context) bool {
	_, ok := ctx.Value(usageKey{}).(func(Usage))
	return ok
}
