// Package lineup holds the engines of one stage, in the order in which they are
// asked: how each is reached, and who steps in for whom. The clients of the
// stages embed it and add what their stage says.
package lineup

import (
	"context"
	"time"

	"sori/clients/endpoint"
	"sori/clients/fallback"
	"sori/stage"
)

// Lineup is the engines of one stage. Any number of goroutines may use it.
type Lineup struct {
	group   *fallback.Group
	callers []*endpoint.Caller // in the order of preference
}

// New reads spec: URLs as package endpoint describes them, separated by commas,
// the preferred one first. An error is a sentence for whoever wrote spec. The
// defaults of o are expected to be set.
func New(name stage.Name, spec string, o endpoint.Options) (*Lineup, error) {
	list, err := endpoint.Parse(name, spec, o.Getenv)
	if err != nil {
		return nil, err
	}
	l := &Lineup{}
	var names []string
	var hedges []time.Duration
	for _, e := range list {
		names = append(names, e.Name())
		hedges = append(hedges, e.Hedge())
		l.callers = append(l.callers, endpoint.NewCaller(e, o))
	}
	l.group = fallback.New(name, names, fallback.Options{Log: o.Log, OnFallback: o.OnFallback, Hedge: hedges})
	return l, nil
}

// Group says whom to ask. Its indices are those of Callers.
func (l *Lineup) Group() *fallback.Group { return l.group }

// Callers is how each engine is reached, the preferred one first.
func (l *Lineup) Callers() []*endpoint.Caller { return l.callers }

// Engine is the name of the preferred engine.
func (l *Lineup) Engine() string { return l.group.Primary() }

// Load says how much the engines have to do.
func (l *Lineup) Load() fallback.Load { return l.group.Load() }

// Check asks every engine whether it is there.
func (l *Lineup) Check(ctx context.Context) []endpoint.Check {
	return endpoint.CheckAll(ctx, l.callers)
}

// Health is nil when any of the engines is there.
func (l *Lineup) Health(ctx context.Context) error { return endpoint.Summary(l.Check(ctx)) }

// Close closes the connections that wait for another call.
func (l *Lineup) Close() {
	for _, c := range l.callers {
		c.Close()
	}
}
