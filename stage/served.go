package stage

import "context"

// Served says that another engine than the first of its list answered a call.
type Served struct {
	Stage  Name
	Engine string // the one that answered
	Failed string // the one that should have
	Err    error  // why it did not
}

type servedKey struct{}

// WithServed gives a context under which a client of engines reports with
// [NoteServed] to f. f is called at most once per call of an engine, before the
// call's first result, by the goroutine that makes the call.
func WithServed(ctx context.Context, f func(Served)) context.Context {
	return context.WithValue(ctx, servedKey{}, f)
}

// NoteServed reports to whoever made the call, if anybody wants to know.
func NoteServed(ctx context.Context, s Served) {
	if f, ok := ctx.Value(servedKey{}).(func(Served)); ok {
		f(s)
	}
}
