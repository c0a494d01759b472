package stage

import "context"

// Headers by which an engine made of several says which of them answers, and
// which should have but failed.
const (
	EngineHeader = "Sori-Engine"
	FailedHeader = "Sori-Engine-Failed"
)

// Served says that another engine than the first of its list answered a call.
type Served struct {
	Stage  Name
	Engine string // the one that answered
	Failed string // the one that should have; "" where this one was meant for the call
	Err    error  // why it did not
}

type servedKey struct{}

// WithServed gives a context under which a client of engines reports with
// [NoteServed] to f. f is called before the call's first result, by the goroutine
// that makes the call; what is said last is true.
func WithServed(ctx context.Context, f func(Served)) context.Context {
	return context.WithValue(ctx, servedKey{}, f)
}

// NoteServed reports to whoever made the call, if anybody wants to know.
func NoteServed(ctx context.Context, s Served) {
	if f, ok := ctx.Value(servedKey{}).(func(Served)); ok {
		f(s)
	}
}
